"""Who is who: pairs found against the truth, and seconds at a million identifiers, beside the usual alternatives.

    python benchmarks/identity.py [--people 20000] [--days 60] [--identifiers 1000000]

Quality, on a simulated shop with shared devices, offices, kiosks, guests, second accounts and forwarded newsletters:

- the product's map;
- last user wins, as Snowplow's user mapping does it: a visitor is the customer it was last seen with;
- plain components: everything that any evidence joins, without trust, limits or nights.

Time, on made-up edges of 60 nights: the map of all nights, one night more, and components of the last night only by
SciPy and by NetworkX (both read the edges from the same file and write nothing).
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import networkx as nx
import numpy as np
import psutil
import pyarrow as pa
from installation import Installation, print_table
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from perso_pipeline.identity.config import read_identity_rules
from perso_pipeline.identity.resolve import resolve
from perso_pipeline.settings import PROJECT_ROOT
from perso_pipeline.shop.pairs import count_pairs

LAST_DAY = date(2026, 10, 31)
FIRST_NIGHT, NIGHTS = date(2026, 1, 1), 60
IDENTIFIERS_PER_PERSON = 4.56  # of the made-up edges, measured

_MAP = "select identifier, person_id from identity.identity_map where void_on is null"
_LAST_USER = """
    with seen as (
        select visitor_id, arg_max(customer_id, (occurred_at, event_id)) filter (
            customer_id is not null and (event_type <> 'sign_in' or is_success)
        ) as customer_id
        from staging.stg_storefront_events group by visitor_id
    )
    select 'visitor:' || visitor_id as identifier,
        coalesce('customer:' || customer_id, 'visitor:' || visitor_id) as person_id
    from seen
    union all
    select identifier, identifier from identity.identifiers where identifier_type = 'customer'"""
_EDGES = "select identifier, other_identifier from identity.identity_edges"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--identifiers", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        quality(Installation(Path(folder)), options.people, options.days)
    with tempfile.TemporaryDirectory() as folder:
        seconds(Path(folder) / "perso.duckdb", int(options.identifiers / IDENTIFIERS_PER_PERSON))


def quality(shop: Installation, people: int, days: int) -> None:
    shop.perso("simulate", "--people", str(people), "--days", str(days), "--last-day", LAST_DAY.isoformat())
    first = LAST_DAY - timedelta(days=days - 1)
    shop.perso("run", "--from", first.isoformat(), "--night", LAST_DAY.isoformat(), "--facts-only")
    with duckdb.connect(str(shop.home / "warehouse" / "perso.duckdb"), read_only=True) as warehouse:
        ways = {
            "this product": warehouse.sql(_MAP).to_arrow_table(),
            "last user wins (Snowplow)": warehouse.sql(_LAST_USER).to_arrow_table(),
            "plain components": _plain(warehouse),
        }
    rows = []
    for name, found in ways.items():
        pairs = count_pairs(found, shop.home / "truth")
        rows.append((
            name, f"{pairs.together:,}", f"{pairs.right / pairs.together:.4f}",
            f"{pairs.right_by_owner / pairs.together:.4f}", f"{pairs.shown_found / pairs.shown:.4f}",
            f"{pairs.shown_by_anybody_found / pairs.shown_by_anybody:.4f}", f"{pairs.true_found / pairs.true:.4f}",
        ))  # fmt: skip
    print_table(
        (f"{people:,} people, {days} days", "pairs", "precision", "by main user", "recall, shown", "by anybody", "all"), rows
    )  # fmt: skip


def _plain(warehouse: duckdb.DuckDBPyConnection) -> pa.Table:
    graph = nx.Graph(warehouse.execute(_EDGES).fetchall())
    graph.add_nodes_from(i for (i,) in warehouse.execute("select identifier from identity.identifiers").fetchall())
    found = [(i, str(n)) for n, members in enumerate(nx.connected_components(graph)) for i in members]
    return pa.table({"identifier": [i for i, _ in found], "person_id": [p for _, p in found]})


def seconds(path: Path, people: int) -> None:
    rules = read_identity_rules(PROJECT_ROOT / "config")
    last = FIRST_NIGHT + timedelta(days=NIGHTS - 1)
    rows: list[tuple[str, ...]] = []
    with duckdb.connect(str(path), config={"threads": 2, "memory_limit": "4GB"}) as warehouse:
        _make_edges(warehouse, people)
        identifiers, edges = warehouse.execute(
            "select (select count(*) from identity.identifiers), (select count(*) from identity.identity_edges)"
        ).fetchall()[0]

        def run(first: date, last: date) -> int:
            warehouse.execute("begin")
            done = resolve(warehouse, rules, first=first, last=last)
            warehouse.execute("commit")
            return done.recomputed

        def timed(name: str, work: Callable[[], int]) -> None:
            begun, busy = time.monotonic(), time.process_time()
            count = work()
            peak = psutil.Process().memory_info().rss / 1e9
            took, cpu = time.monotonic() - begun, time.process_time() - busy
            rows.append((name, f"{count:,}", f"{took:.1f}", f"{cpu:.1f}", f"{peak:.1f}"))

        timed("this product: all nights", lambda: run(FIRST_NIGHT, last))
        timed("this product: one night", lambda: run(last, last))
        timed("SciPy: components of the last night", lambda: _scipy(warehouse))
        timed("NetworkX: components of the last night", lambda: _networkx(warehouse))
    print_table(
        (f"{identifiers:,} identifiers, {edges:,} edges", "identifiers", "seconds", "CPU seconds", "GB after"), rows
    )


def _scipy(warehouse: duckdb.DuckDBPyConnection) -> int:
    edges = warehouse.execute("""
        with numbered as (select identifier, row_number() over () - 1 as number from identity.identifiers)
        select a.number as one, b.number as other
        from identity.identity_edges as e
        join numbered as a on a.identifier = e.identifier
        join numbered as b on b.identifier = e.other_identifier
    """).fetchnumpy()
    (n,) = warehouse.execute("select count(*) from identity.identifiers").fetchall()[0]
    ones = np.ones(len(edges["one"]), dtype=np.int8)
    connected_components(coo_array((ones, (edges["one"], edges["other"])), shape=(n, n)), directed=False)
    return int(n)


def _networkx(warehouse: duckdb.DuckDBPyConnection) -> int:
    graph = nx.Graph(warehouse.execute(_EDGES).fetchall())
    return sum(len(members) for members in nx.connected_components(graph))


def _make_edges(warehouse: duckdb.DuckDBPyConnection, people: int) -> None:
    """Accounts with contact details, one to three devices, couples, kiosks and clicks, spread evenly over the nights."""
    on = f"(hash(i, {{salt}}) % {NIGHTS})::integer"
    parts = [
        ("c", "e", "account_email", "true", 1), ("c", "p", "account_phone", "i % 2 = 0 or i % 50 = 1", 1),
        ("c", "l", "account_loyalty", "i % 3 = 0", 1), ("c", "'visitor:v' || i", "sign_in", "true", 2),
        ("c", "'visitor:w' || i", "sign_in", "i % 2 = 0", 3), ("c", "'visitor:x' || i // 2", "sign_in", "i % 10 < 2", 4),
        ("c", "'visitor:kiosk' || i % 20", "sign_in", "i % 25 = 0", 5),
        ("c", "'visitor:n' || i", "message_click", "i % 8 = 0", 6),
    ]  # fmt: skip
    warehouse.execute(f"""
        create schema identity;
        create temp table people as
        select i, 'customer:C' || i as c, 'email:' || sha256(i::varchar) as e,
            'phone:' || sha256('p' || i - (i % 50 = 1)::bigint) as p, 'loyalty:L' || i as l
        from range({people}) as r(i)""")
    selects = " union all ".join(
        f"select {one} as identifier, {other} as other_identifier, '{kind}' as edge_type, {on.format(salt=salt)} as night, i"
        f" from people where {where}"
        for one, other, kind, where, salt in parts
    )
    warehouse.execute(f"""
        create table identity.identity_edges as
        select identifier, other_identifier, edge_type, date '{FIRST_NIGHT}' + night as known_on,
            (date '{FIRST_NIGHT}' + night)::timestamp + to_seconds((hash(i, edge_type) % 86400)::bigint) as first_known_at
        from ({selects}) order by night;
        create table identity.identifiers as
        select identifier, split_part(identifier, ':', 1) as identifier_type, min(known_on) as known_on
        from (
            select identifier, known_on from identity.identity_edges
            union all select other_identifier, known_on from identity.identity_edges
        )
        group by all order by known_on""")


if __name__ == "__main__":
    main()
