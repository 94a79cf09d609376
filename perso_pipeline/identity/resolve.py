"""The identity map kept right, night by night: what changed, whom that concerns, who they are now.

The map is a function of the identifiers, the edges and the rules, whatever was loaded first. A run recomputes the
people around the edges and identifiers that became known in its nights, over all nights at once; a change of the
rules recomputes those it names, or everybody. Keep what joins in ``links`` and who is joined in ``components``.
"""

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa

from perso_pipeline.identity.components import NEVER, Graph, Stretches, trace
from perso_pipeline.identity.config import IdentityRules
from perso_pipeline.identity.links import renew_links
from perso_pipeline.identity.tables import ensure_tables


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """What a run did."""

    is_whole: bool  # everybody was recomputed
    recomputed: int  # identifiers
    rows: int  # of the map written


def resolve(connection: duckdb.DuckDBPyConnection, rules: IdentityRules, *, first: date, last: date) -> Resolved:
    """Bring ``identity_links``, ``identity_guards`` and ``identity_map`` up to the nights ``first`` to ``last``.

    Reads ``identity.identifiers`` and ``identity.identity_edges``. The caller holds a transaction.
    """
    ensure_tables(connection)
    is_whole, named = _changed_rules(connection, rules)
    if is_whole:
        _forget_everybody(connection)
        renew_links(connection, rules, is_whole=True)
        connection.execute("create or replace temp table members as select identifier from identity.identifiers")
    else:
        nights = {"first": first, "last": last}
        _set_table(connection, "named", named)
        connection.execute(_CHANGED_ENDS, nights)
        renew_links(connection, rules, is_whole=False)
        connection.execute(_CONCERNED, nights)
        _reach_out(connection)
    graph, pairs = _graph(connection, rules)
    stretches = trace(graph, apart=pairs)
    _write(connection, stretches)
    _keep_rules(connection, rules)
    return Resolved(is_whole=is_whole, recomputed=len(graph.known_on), rows=len(stretches.root))


def _forget_everybody(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create or replace temp table changed_ends (identifier varchar)")  # nobody's links are left
    for table in ("identity_links", "identity_guards", "identity_map"):
        connection.execute(f"delete from identity.{table}")


def _set_table(connection: duckdb.DuckDBPyConnection, name: str, identifiers: set[str]) -> None:
    connection.register("given", pa.table({"identifier": pa.array(sorted(identifiers), pa.string())}))
    connection.execute(f"create or replace temp table {name} as from given")
    connection.unregister("given")


# who stands alone is no longer seen by the other ends of its edges
_CHANGED_ENDS = """
    create or replace temp table changed_ends as
    with changed as (
        select identifier, other_identifier from identity.identity_edges
        where known_on between $first and $last or identifier in (from named) or other_identifier in (from named)
        union
        select identifier, other_identifier from identity.identity_links where known_on between $first and $last
    )
    select identifier from changed union select other_identifier from changed union from named"""

_CONCERNED = """
    create or replace temp table members as
    select identifier from changed_links
    union select other_identifier from changed_links
    union select identifier from identity.identifiers where known_on between $first and $last
    union select identifier from named where identifier in (select identifier from identity.identifiers)"""

_REACH = """
    create or replace temp table reached as
    with joining as (
        select identifier, other_identifier from identity.identity_links where void_on is null or void_on > known_on
    )
    select other_identifier as identifier from joining where identifier in (from frontier)
    union
    select identifier from joining where other_identifier in (from frontier)
    except
    from members"""


def _reach_out(connection: duckdb.DuckDBPyConnection) -> None:
    """Add to ``members`` everybody who is, or once was, joined to one of them over any number of links."""
    connection.execute("create or replace temp table frontier as from members")
    while True:
        connection.execute(_REACH)
        if _count(connection, "reached") == 0:
            return
        connection.execute("insert into members from reached")
        connection.execute("create or replace temp table frontier as from reached")


def _graph(connection: duckdb.DuckDBPyConnection, rules: IdentityRules) -> tuple[Graph, list[tuple[int, int]]]:
    """The members numbered in order of precedence as root, and their links; the pairs to keep apart by number."""
    connection.execute("""
        create or replace temp table numbered as
        select row_number() over (order by known_on, identifier) - 1 as number, identifier, known_on
        from identity.identifiers
        where identifier in (from members)
    """)
    nodes = connection.execute(
        "select known_on - date '1970-01-01' as known_on from numbered order by number"
    ).fetchnumpy()
    links = connection.execute(
        """
        select distinct one.number as one, other.number as other, l.confidence,
            greatest(l.known_on, one.known_on, other.known_on) - date '1970-01-01' as since,
            coalesce(l.void_on - date '1970-01-01', $never) as until
        from identity.identity_links as l
        join numbered as one on one.identifier = l.identifier
        join numbered as other on other.identifier = l.other_identifier
        where l.void_on is null or l.void_on > l.known_on
        order by one, other, since, confidence
        """,
        {"never": NEVER},
    ).fetchnumpy()
    pairs = []
    for one, other in rules.apart:
        found = connection.execute(
            "select number from numbered where identifier in (?, ?) order by identifier", [one, other]
        ).fetchall()
        pairs += [(found[0][0], found[1][0])] if len(found) > 1 else []
    whole = {name: np.asarray(column, dtype=np.int64) for name, column in links.items() if name != "confidence"}
    graph = Graph(
        known_on=np.asarray(nodes["known_on"], dtype=np.int64),
        confidence=np.asarray(links["confidence"], dtype=np.float64), **whole,
    )  # fmt: skip
    return graph, pairs


def _write(connection: duckdb.DuckDBPyConnection, stretches: Stretches) -> None:
    """Replace the rows of the members."""
    ends = stretches.until < NEVER
    days = np.where(ends, stretches.until, 0).astype(np.int32)
    connection.register("stretches", pa.table({
        "number": stretches.identifier, "root": stretches.root, "confidence": stretches.confidence,
        "known_on": pa.array(stretches.since.astype(np.int32), pa.int32()).cast(pa.date32()),
        "void_on": pa.array(days, pa.int32(), mask=~ends).cast(pa.date32()),
    }))  # fmt: skip
    connection.execute("delete from identity.identity_map where identifier in (from members)")
    connection.execute("""
        insert into identity.identity_map by name
        select n.identifier, split_part(n.identifier, ':', 1) as identifier_type,
            'p' || substr(md5(root.identifier), 1, 16) as person_id, s.confidence, s.known_on, s.void_on
        from stretches as s
        join numbered as n on n.number = s.number
        join numbered as root on root.number = s.root
    """)
    connection.unregister("stretches")


def _changed_rules(connection: duckdb.DuckDBPyConnection, rules: IdentityRules) -> tuple[bool, set[str]]:
    """Whether everybody must be recomputed, and whom a changed unmerge list names."""
    before = set(connection.execute("select rule, name, other, value from identity.identity_rules").fetchall())
    changed = before ^ set(_rows(rules))
    is_whole = any(rule != "unmerge" for rule, *_ in changed)
    return is_whole, {name for rule, *names, _ in changed if rule == "unmerge" for name in names if name}


def _keep_rules(connection: duckdb.DuckDBPyConnection, rules: IdentityRules) -> None:
    connection.execute("delete from identity.identity_rules")
    connection.executemany("insert into identity.identity_rules values (?, ?, ?, ?)", _rows(rules))


def _rows(rules: IdentityRules) -> list[tuple[str, str, str, str]]:
    """The rules in force as rows (rule, name, other, value)."""
    return [
        ("least_trust", "", "", str(rules.least_trust)),
        *(("trust", name, "", str(value)) for name, value in rules.trust.model_dump().items()),
        *(("belongs_to_one", kind.value, "", "") for kind in rules.belongs_to_one),
        *(("limit", limit.identifier.value, limit.others.value, str(limit.at_most)) for limit in rules.limits),
        *(("unmerge", name, "", "") for name in rules.alone),
        *(("unmerge", one, other, "") for one, other in rules.apart),
    ]


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row else 0
