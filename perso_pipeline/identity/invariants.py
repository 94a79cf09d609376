"""What must hold of the identity map, as questions that find the rows for which it does not.

``checks`` asks them after every run. Thresholds on values belong to ``expectations/``.
"""

from datetime import date

from perso_pipeline.contracts.warehouse import Warehouse

_BROKEN_STRETCHES = """
    with stretches as (
        select identifier, known_on, void_on,
            lead(known_on) over (partition by identifier order by known_on) as next_known_on
        from identity.identity_map
        where identifier in (
            select identifier from identity.identity_map
            where known_on between $first and $last or void_on between $first and $last
        )
    )
    select distinct identifier from stretches
    where void_on is distinct from next_known_on
    order by identifier limit 10"""

_WITHOUT_PERSON = """
    select identifier from identity.identifiers as seen
    where known_on between $first and $last and not exists (
        select 1 from identity.identity_map as map
        where map.identifier = seen.identifier and map.known_on = seen.known_on
    )
    order by identifier limit 10"""


def broken_stretches(warehouse: Warehouse, *, first: date, last: date) -> list[str]:
    """Identifiers (ten at most) whose stretches leave a gap, overlap, or end; of those that changed in the nights."""
    return _named(warehouse, _BROKEN_STRETCHES, first, last)


def without_person(warehouse: Warehouse, *, first: date, last: date) -> list[str]:
    """Identifiers (ten at most) first known in the nights that nobody is from that night on."""
    return _named(warehouse, _WITHOUT_PERSON, first, last)


def _named(warehouse: Warehouse, sql: str, first: date, last: date) -> list[str]:
    found: list[str] = warehouse.query(sql, {"first": first, "last": last})["identifier"].to_pylist()
    return found
