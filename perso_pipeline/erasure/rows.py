"""Which rows of a table are of the people, told from its columns alone, so that a new table needs no entry here.

Works on the warehouse and on any table registered in a connection. A table without any of these columns holds
aggregates, which stay as counts.
"""

import duckdb
import pyarrow as pa

from perso_pipeline.erasure.people import People

_NAMES = {"visitor_id": "visitor", "email_hash": "email", "phone_hash": "phone", "loyalty_id": "loyalty"}


def give_people(connection: duckdb.DuckDBPyConnection, people: People) -> None:
    """The people as temporary tables ``erasing_*``."""
    text = pa.string()
    tables = {
        "erasing_all": {"identifier": pa.array(people.identifiers, text)},
        "erasing_own": {"identifier": pa.array(people.own, text)},
        "erasing_persons": {"person_id": pa.array(people.person_ids, text)},
        "erasing_stretches": {
            "person_id": pa.array([s[0] for s in people.stretches], text),
            "first": pa.array([s[1] for s in people.stretches], text),
            "until": pa.array([s[2] for s in people.stretches], text),
        },
        "erasing_orders": {"name": pa.array(people.orders, text)},
        "erasing_carts": {"cart_id": pa.array(people.carts, text)},
    }
    for name, columns in tables.items():
        connection.register("given_people", pa.table(columns))
        connection.execute(f"create or replace temp table {name} as from given_people")
        connection.unregister("given_people")


def condition(columns: frozenset[str], *, is_identity: bool) -> str | None:
    """SQL that is true for the people's rows; None for a table that names nobody.

    ``is_identity``: a table about identifiers themselves, where one shared with others stays.
    """
    names = "erasing_own" if is_identity else "erasing_all"
    parts = [f"{c} in (from {names})" for c in ("identifier", "other_identifier") if c in columns]
    parts += _of_person("person_id", columns) if "person_id" in columns else []
    if "customer_id" in columns:
        parts.append("'customer:' || customer_id in (from erasing_all)")
    if {"site_id", "order_id"} <= columns:
        parts.append("site_id || ':' || order_id in (from erasing_orders)")
    if {"subject_type", "subject_id"} <= columns:
        person = " or ".join(_of_person("subject_id", columns))
        parts.append(f"(subject_type = 'person' and ({person}))")
        parts.append("(subject_type = 'cart' and subject_id in (from erasing_carts))")
        names_itself = "subject_type || ':' || subject_id in (from erasing_own)"
        parts.append(f"(subject_type in ('visitor', 'customer') and {names_itself})")
    if "unit_id" in columns:
        parts.append("'visitor:' || unit_id in (from erasing_own)")
    if "identifier" not in columns:
        parts += _by_device(columns)
    return " or ".join(f"coalesce({part}, false)" for part in parts) or None


def _of_person(column: str, columns: frozenset[str]) -> list[str]:
    parts = [f"{column} in (from erasing_persons)"]
    if "night" in columns:
        parts.append(
            f"exists (select 1 from erasing_stretches as s where s.person_id = {column}"
            " and night >= s.first::date and (s.until is null or night < s.until::date))"
        )
    return parts


def _by_device(columns: frozenset[str]) -> list[str]:
    if "customer_id" not in columns:
        return [f"'{kind}:' || {c} in (from erasing_own)" for c, kind in _NAMES.items() if c in columns]
    attempt = (
        "event_type = 'sign_in' and is_success is not true" if {"event_type", "is_success"} <= columns else "false"
    )
    return [
        f"((customer_id is null or {attempt}) and '{kind}:' || {c} in (from erasing_all))"
        for c, kind in _NAMES.items()
        if c in columns
    ]
