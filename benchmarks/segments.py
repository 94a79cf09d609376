"""200 segments over a million profiles and what their people did, beside the same work in pandas.

Both read the same DuckDB file and must find the same number of people in every segment. Timed with writing the
tables; each in a process of its own. Run: ``python -m benchmarks.segments --people 1000000 --segments 200``.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from perso_pipeline.profiles.contract import CUSTOMER_ATTRIBUTES, Kind
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.segments.membership import segment_people
from perso_pipeline.segments.rules import Rule, Segment, Segments

NIGHT = date(2026, 6, 30)
ITEMS = 20_000
CATEGORIES = [f"{top}/{middle}" for top in ("home", "garden", "kids", "fashion") for middle in "abcdef"]
EVENTS = ("product_view", "add_to_cart", "add_to_wish_list")
CHANNELS = ("direct", "email", "organic_search", "paid_search")
DEVICES = ("mobile", "desktop", "tablet")


def make(path: Path, people: int) -> None:
    """Profiles, catalogue, identity, and per person 5 item events, 2.5 visits, 1 order line on average."""
    kinds = {Kind.FLAG: "(hash(n, {i}) % 3 = 0)", Kind.NUMBER: "(hash(n, {i}) % 40)::double",
             Kind.DATE: "(date '2026-06-30' - (hash(n, {i}) % 400)::int)"}  # fmt: skip
    words = {
        "country": ["GB", "DE", "FR"],
        "lifecycle": ["new", "active", "lapsed"],
        "main_device": DEVICES,
        "main_channel": CHANNELS,
    }
    columns = [
        (kinds[kind].format(i=i) if kind is not Kind.TEXT else f"{list(words.get(name, ['x', 'y']))}[1 + (hash(n, {i}) % {len(words.get(name, 'xy'))})::int]") + f" as {name}"
        for i, (name, kind) in enumerate(CUSTOMER_ATTRIBUTES.items())
    ]  # fmt: skip
    text = "printf('p%016x', hash({n}))"
    site, day = "if({n} % 5 < 3, 'shop-uk', 'shop-de')", "date '2026-06-30' - (hash(n, {i}) % 180)::int"
    with duckdb.connect(str(path), config={"threads": 2, "memory_limit": "4GB"}) as connection:
        for schema in ("profiles", "identity", "interactions"):
            connection.execute(f"create schema {schema}")
        connection.execute(f"""
            create table profiles.customer_profiles as
            select date '2026-06-30' as night, {site.format(n="n")} as site_id, {text.format(n="n")} as person_id, {", ".join(columns)}
            from range({people}) t(n);
            create table profiles.item_profiles as
            select date '2026-06-30' as night, site_id, 'i' || n as item_id, {CATEGORIES}[1 + (hash(n) % {len(CATEGORIES)})::int] || '/leaf' || n % 7 as category_path,
                'brand' || hash(n, 1) % 30 as brand, (hash(n, 2) % 100)::decimal(18, 4) as price
            from range({ITEMS}) t(n), (values ('shop-uk'), ('shop-de')) s(site_id);
            create table identity.identity_map as
            select 'visitor:v' || n as identifier, {text.format(n=f"(n % {people})")} as person_id, date '2026-01-01' as known_on, null::date as void_on
            from range({people * 13 // 10}) t(n);
            create temp table facts as
            select n, hash(n, 9) % {people * 13 // 10} as v from range({people * 5}) t(n);
            create table interactions.sessions as
            select 's' || n as session_id, {site.format(n=f"(v % {people})")} as site_id, 'visitor:v' || v as identifier,
                {day.format(i=1)} as session_date, (hash(n, 2) % 900)::bigint as duration_seconds, (hash(n, 3) % 3)::bigint as searches,
                {list(CHANNELS)}[1 + (hash(n, 4) % 4)::int] as channel, {list(DEVICES)}[1 + (hash(n, 5) % 3)::int] as device_type,
                n % 100 = 0 as is_robot, {day.format(i=1)} as known_on
            from facts where n % 2 = 0;
            create table interactions.interactions as
            select site_id, identifier, {list(EVENTS)}[1 + (hash(n, 6) % 3)::int] as event_type, session_date as event_date, session_id,
                'i' || hash(n, 7) % {ITEMS} as item_id, 1::bigint as quantity, null::decimal(18, 4) as amount, is_robot, known_on
            from (select unnest([0, 1]) as k, *, hash(session_id, k) as n from interactions.sessions);
            create table interactions.order_movements as
            select 'm' || n as movement_id, {site.format(n=f"(v % {people})")} as site_id, 'o' || n // 2 as order_id, 'l' || n as order_line_id, 'sale' as movement,
                {day.format(i=8)} as movement_date, {day.format(i=8)} as order_date, ({day.format(i=8)})::timestamp as occurred_at, 'visitor:v' || v as identifier,
                'i' || hash(n, 10) % {ITEMS} as item_id, true as is_goods, 1 + n % 3 as quantity, (10 + n % 90)::decimal(18, 4) as gross,
                (10 + n % 90)::decimal(18, 4) as net, 0::decimal(18, 4) as refunded, {day.format(i=8)} as known_on
            from facts where n < {people};
        """)  # fmt: skip


def rules(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Rules of three or four conditions, two thirds of them with what people did."""
    rng = random.Random(seed)

    def attribute() -> dict[str, Any]:
        return rng.choice([
            {"attribute": rng.choice(["orders", "product_views", "active_days"]), "op": "at_least", "value": rng.randint(5, 35)},
            {"attribute": "country", "op": "is", "value": rng.choice(["GB", "DE"])},
            {"attribute": "lifecycle", "op": "in", "value": rng.sample(["new", "active", "lapsed"], 2)},
            {"attribute": "has_email_consent", "op": "is", "value": True},
        ])  # fmt: skip

    def behaviour() -> dict[str, Any]:
        window = {"within_days": rng.choice([7, 14, 30, 60, 90])}
        category = {"category": rng.choice([*CATEGORIES, "home", "garden"])} if rng.random() < 0.7 else {}
        return rng.choice([
            {"did": {"event": rng.choice(EVENTS), **window, **category, "at_least": rng.randint(1, 2)}},
            {"did_not": {"event": rng.choice(EVENTS), **window, **category}},
            {"did": {"event": "visit", **window, "channel": rng.choice(CHANNELS)}},
            {"did": {"event": "purchase", "within_days": 90, **category}},
            {"has": {"total": "net_revenue", **window, "at_least": rng.choice([20, 50, 100])}},
        ])  # fmt: skip

    return [
        {
            "any" if n % 20 == 0 else "all": [
                attribute(), attribute(), *([behaviour()] if n % 3 else [attribute()]), *([behaviour()] if n % 4 == 1 else []),
            ]
        }
        for n in range(count)
    ]  # fmt: skip


def ours(path: Path, count: int) -> dict[str, int]:
    made = [
        Segment(id=f"s{n}", name="S", description="d", rule=Rule.model_validate(rule))
        for n, rule in enumerate(rules(count))
    ]
    segments = Segments(segments=tuple(made)).segments
    warehouse = DuckDBWarehouse(path, memory_limit="4GB", threads=2)
    started = time.perf_counter()
    tables = segment_people(warehouse, segments, NIGHT)
    print(f"  answered after {time.perf_counter() - started:.1f} s", file=sys.stderr)
    for name in ("membership", "catalogue", "primary", "overlap"):
        warehouse.write_partition(f"segments.{name}", getattr(tables, name), {"night": NIGHT})
    return dict(zip(tables.catalogue["segment_id"].to_pylist(), tables.catalogue["people"].to_pylist(), strict=True))


def in_pandas(path: Path, count: int) -> dict[str, int]:  # noqa: C901
    """Every table once into memory, people as integer codes, then one mask and one group-by per behaviour."""
    with duckdb.connect(str(path), config={"threads": 2}) as connection:
        profiles = connection.sql("select * from profiles.customer_profiles").df()
        people = connection.sql("select identifier, person_id from identity.identity_map").df()
        items = connection.sql("select site_id, item_id, category_path from profiles.item_profiles").df()
        sources = {
            "items": connection.sql("select site_id, identifier, event_type, event_date as day, item_id from interactions.interactions where not is_robot").df(),
            "visits": connection.sql("select site_id, identifier, session_date as day, channel from interactions.sessions where not is_robot").df(),
            "orders": connection.sql("select site_id, identifier, order_date as day, item_id, net from interactions.order_movements").df(),
        }  # fmt: skip
    index = pd.Index(profiles["person_id"])
    person_of = pd.Series(index.get_indexer(people["person_id"]), index=people["identifier"])
    for name, source in sources.items():
        source["person"] = person_of.reindex(source["identifier"]).to_numpy()
        source["day"] = pd.to_datetime(source["day"])
        if name != "visits":
            sources[name] = source.merge(items, on=["site_id", "item_id"], how="left")
    seen: dict[str, np.ndarray] = {}

    def amount(kind: str, asked: dict[str, Any]) -> np.ndarray:
        asked = {key: value for key, value in asked.items() if not key.startswith("at_")}
        key = json.dumps([kind == "has", asked], sort_keys=True)
        if key not in seen:
            word = asked.get("event")
            source = sources[
                "visits" if word == "visit" else "orders" if kind == "has" or word == "purchase" else "items"
            ]
            mask = source["day"] >= pd.Timestamp(NIGHT - timedelta(days=asked["within_days"] - 1))
            if word in EVENTS:
                mask &= source["event_type"] == word
            if "channel" in asked:
                mask &= source["channel"] == asked["channel"]
            if "category" in asked:
                mask &= source["category_path"].str.startswith(asked["category"] + "/")
            groups = source[mask].groupby("person")
            numbers = groups["net"].sum() if kind == "has" else groups.size()
            seen[key] = numbers.reindex(range(len(profiles)), fill_value=0).to_numpy(dtype=float)
        return seen[key]

    def holds(rule: dict[str, Any]) -> np.ndarray:
        (kind, value), *_ = rule.items()
        if kind in ("all", "any"):
            return (np.logical_and if kind == "all" else np.logical_or).reduce([holds(part) for part in value])
        if kind == "did_not":
            return amount(kind, value) == 0
        if kind in ("did", "has"):
            return amount(kind, value) >= value.get("at_least", 1)
        column, wanted = profiles[rule["attribute"]], rule["value"]
        answers = {
            "at_least": lambda: column >= wanted,
            "is": lambda: column == wanted,
            "in": lambda: column.isin(wanted),
        }
        return answers[rule["op"]]().to_numpy()

    members = []
    counts: dict[str, int] = {}
    for number, rule in enumerate(rules(count)):
        rows = np.flatnonzero(holds(rule))
        counts[f"s{number}"] = len(rows)
        part = profiles[["night", "site_id", "person_id"]].iloc[rows]
        members.append(part.assign(segment_id=f"s{number}"))
    pd.concat(members).to_parquet(path.with_suffix(".pandas.parquet"))
    return counts


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--segments", type=int, default=200)
    parser.add_argument("--engine", choices=["ours", "pandas"])
    parser.add_argument("--file", type=Path)
    options = parser.parse_args()
    if options.engine:
        started = time.perf_counter()
        counts = (ours if options.engine == "ours" else in_pandas)(options.file, options.segments)
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps({
            "seconds": time.perf_counter() - started, "cpu": used.ru_utime + used.ru_stime,
            "peak_gb": used.ru_maxrss / 1024**2, "counts": counts,
        }))  # fmt: skip
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shop.duckdb"
        make(file, options.people)
        results: dict[str, dict[str, Any]] = {}
        print(
            f"| {options.people:,} profiles, {options.segments} segments | seconds | of CPU | peak memory |\n|---|---|---|---|"
        )
        for engine in ("ours", "pandas"):
            command = [
                sys.executable,
                "-m",
                "benchmarks.segments",
                "--engine",
                engine,
                "--file",
                str(file),
                "--segments",
                str(options.segments),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            sys.stderr.write(
                done.stderr[-1500:]
                if done.returncode
                else "".join(line + "\n" for line in done.stderr.splitlines() if "answered" in line)
            )
            results[engine] = json.loads(done.stdout.splitlines()[0])
            print(
                f"| {engine} | {results[engine]['seconds']:.1f} s | {results[engine]['cpu']:.1f} s | {results[engine]['peak_gb']:.1f} GB |"
            )
        members = sum(results["ours"]["counts"].values())
        same = results["ours"]["counts"] == results["pandas"]["counts"]
        print(f"\n{members:,} memberships; the two agree on every segment: {same}")


if __name__ == "__main__":
    main()
