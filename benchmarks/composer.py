"""Lists for a million people in six scenarios of twenty slots, from ready candidates, with trace, into the warehouse.

Beside it the same lists in pandas for a share of the people, without trace, rejections and writing; both must find the
same items. With ``--rules`` ours runs once more under merchandising rules and a page group. Each in a process of its own.
Run: ``python -m benchmarks.composer --people 1000000 --rules``.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from perso_pipeline.recommendations.composer import compose_parts
from perso_pipeline.recommendations.merchandising import Merchandising
from perso_pipeline.recommendations.scenarios import Scenarios
from perso_pipeline.resources.warehouse import DuckDBWarehouse

NIGHT = date(2026, 6, 30)
ITEMS, CANDIDATES, ANYONE = 20_000, 100, 200
SCENARIOS, SIZE = 6, 20
LEVELS = ("personal", "popular_in_category", "trending", "popular", "catalogue")
FILTERS = ("sold_out", "content", "bought", "blocked", "variants")


def make(path: Path, people: int) -> None:
    """20,000 items; 100 candidates for four people in five; three order lines and a tenth of a blocked item each."""
    item, person = "'i' || lpad(({})::varchar, 6, '0')", "printf('p%016x', hash({}))"
    night = f"date '{NIGHT}' as night"
    with duckdb.connect(str(path), config={"threads": 2, "memory_limit": "4GB"}) as connection:
        for schema in ("profiles", "identity", "interactions", "models", "segments"):
            connection.execute(f"create schema {schema}")
        connection.execute(f"""
            create table profiles.item_profiles as
            select {night}, 'shop' as site_id, {item.format("n")} as item_id, case when n % 50 = 0 then 'content' else 'product' end as item_type,
                'brand' || hash(n, 1) % 200 as brand, 'c' || hash(n, 2) % 10 || '/s' || hash(n, 3) % 8 as category_path,
                (5 + hash(n, 4) % 200)::decimal(18, 4) as price, case when hash(n, 5) % 20 = 0 then 0 else 50 end::bigint as stock,
                hash(n, 5) % 20 <> 0 as is_available, null::timestamp as valid_from, null::timestamp as valid_to,
                case when hash(n, 6) % 5 = 0 then 'p' || hash(n, 7) % 2000 end as parent_item_id, (hash(n, 8) % 1000)::bigint as views_28d,
                (hash(n, 9) % 100)::bigint as cart_adds_28d, (hash(n, 10) % 30)::bigint as purchases_28d
            from range({ITEMS}) t(n);
            create temp table people as select n, {person.format("n")} as person_id from range({people}) t(n) order by person_id;
            create table profiles.customer_profiles as
            select {night}, 'shop' as site_id, person_id, 'c' || hash(n, 1) % 10 as preferred_category, n % 100 <> 0 as has_personalization_consent
            from people;
            create table profiles.affinities as
            select {night}, 'shop' as site_id, person_id, 'brand' as kind, 'brand' || hash(n, 3) % 200 as value, 1 as place from people where n % 3 > 0;
            create table segments.segment_membership as
            select {night}, 'shop' as site_id, person_id, segment_id from people, (values ('gold', 10), ('lapsed', 4)) s(segment_id, share) where n % share = 0;
            create table identity.identity_map as
            select 'visitor:' || n as identifier, person_id, date '2026-01-01' as known_on, null::date as void_on from people;
            create table interactions.interactions as
            select 'visitor:' || hash(n) % {people} as identifier, 'shop' as site_id, {item.format(f"hash(n, 2) % {ITEMS}")} as item_id,
                'block_item' as event_type, date '2026-06-01' as event_date, date '2026-06-01' as known_on
            from range({people} // 10) t(n);
            create table interactions.order_movements as
            select 'visitor:' || hash(n) % {people} as identifier, 'shop' as site_id, 'o' || n as order_id, '1' as order_line_id, 'sale' as movement,
                {item.format(f"hash(n, 2) % {ITEMS}")} as item_id, true as is_goods, 1::bigint as quantity, date '2026-06-01' as known_on, date '2026-06-01' as order_date
            from range({people} * 3) t(n);
            create table models.champions as select {night}, 'shop' as site_id, 'personal' as task, 'als' as model, '1' as version;
            create table models.candidates as
            select {night}, 'shop' as site_id, 'personal' as task, 'als' as model, '1' as version, 'main' as submodel, '*' as submodel_group,
                'person' as subject_type, person_id as subject_id, (k + 1)::integer as rank,
                {item.format(f"(hash(n) % {ITEMS} + k * (1 + hash(n, 1) % 97)) % {ITEMS}")} as item_id, (1.0 - k / 1000.0)::double as score
            from people, range({CANDIDATES}) u(k) where n % 5 > 0;
            insert into models.candidates
            select date '{NIGHT}', 'shop', 'personal', m, '1', 'main', '*', 'anyone', 'anyone', (k + 1)::integer,
                {item.format(f"(hash(m) % {ITEMS} + k * 7) % {ITEMS}")}, (1 - k / 1000.0)
            from (values ('popular'), ('trending')) t(m), range({ANYONE}) u(k)""")  # fmt: skip


def config(*, under_rules: bool) -> Scenarios:
    """Six scenarios; under rules three of them on one page."""
    scenarios = [
        {
            "id": f"s{n}", "name": f"s{n}", "subject": "person", "size": SIZE, "filters": FILTERS,
            "levels": [{"strategy": strategy} for strategy in LEVELS],
            **({"page": "home", "page_priority": n} if under_rules and 0 < n < 4 else {}),
        }
        for n in range(1, SCENARIOS + 1)
    ]  # fmt: skip
    own_brand = [{"attribute": "brand", "op": "is", "of": "person"}]
    rules = [
        {"id": "no-c3", "name": "-", "kind": "exclude", "where": [{"attribute": "category", "op": "is", "value": "c3/s1"}]},
        {"id": "dear", "name": "-", "kind": "bury", "factor": 2, "where": [{"attribute": "price", "op": "more_than", "value": 180}]},
        {"id": "liked", "name": "-", "kind": "boost", "positions": 5, "where": own_brand},
        {"id": "brands", "name": "-", "kind": "variety", "by": "brand", "at_most": 3},
        {"id": "star", "name": "-", "kind": "pin", "item": "i000042", "position": 3, "segments": ["gold"]},
        {"id": "push", "name": "-", "kind": "promote", "share": 0.1, "where": [{"attribute": "brand", "op": "is", "value": "brand7"}]},
    ]  # fmt: skip
    made = Scenarios.model_validate({"scenarios": scenarios})
    return made.under(Merchandising.model_validate({"rules": rules if under_rules else []}))


def ours(path: Path, *, under_rules: bool) -> dict[str, Any]:
    """Compose and write; seconds of each."""
    store = DuckDBWarehouse(path, threads=2, memory_limit="4GB")
    began, cpu = time.perf_counter(), _cpu()
    parts = (part.tables() for part in compose_parts(store, config(under_rules=under_rules), night=NIGHT))
    rows = store.write_partitions(parts, {"night": NIGHT})
    return {"rows": rows, **_cost(began, cpu)}


def in_pandas(path: Path, people: int, share: float) -> dict[str, Any]:
    """The same lists for a share of the people, the first scenario's held against ours."""
    with duckdb.connect(str(path), read_only=True) as connection:
        last = connection.sql(
            f"select person_id from profiles.customer_profiles order by 1 limit 1 offset {max(1, int(people * share)) - 1}"
        ).fetchall()[0][0]
        few = "select identifier, person_id from identity.identity_map where person_id <= $last"

        def read(sql: str) -> pd.DataFrame:
            return connection.sql(sql, params={"last": last} if "$last" in sql else None).df()

        items = read("select * from profiles.item_profiles")
        persons = read(
            "select person_id, preferred_category, has_personalization_consent from profiles.customer_profiles where person_id <= $last"
        )
        personal = read(
            "select subject_id as person_id, item_id, score from models.candidates where subject_type = 'person' and subject_id <= $last"
        )
        lists = read("select model, item_id, score from models.candidates where subject_type = 'anyone'")
        off = read(f"select person_id, item_id from interactions.order_movements join ({few}) using (identifier) union select person_id, item_id from interactions.interactions join ({few}) using (identifier)")  # fmt: skip
        began, cpu = time.perf_counter(), _cpu()
        made = [_scenario(items, persons, personal, lists, off) for _ in range(SCENARIOS)]
        cost = _cost(began, cpu)
        given = read(
            "select person_id, rank, item_id from (select *, subject_id as person_id from recommendations.recommendations "
            "where subject_type = 'person' and subject_id <= $last and scenario_id = 's1')"
        )
        both = made[0].merge(given, on=["person_id", "rank"], how="outer", suffixes=("", "_ours"))
        differing = int((both.item_id != both.item_id_ours).sum())
    return {"slots": sum(map(len, made)), "differing": differing, **cost}


def _scenario(
    items: pd.DataFrame, persons: pd.DataFrame, personal: pd.DataFrame, lists: pd.DataFrame, off: pd.DataFrame
) -> pd.DataFrame:
    shop = items[(items.stock > 0) & (items.item_type == "product")].copy()
    shop["family"] = shop.parent_item_id.fillna(shop.item_id)
    shop["score"] = 10.0 * shop.purchases_28d + 3.0 * shop.cart_adds_28d + shop.views_28d
    shop["top"] = shop.category_path.str.split("/").str[0]
    best = shop.sort_values(["score", "item_id"], ascending=[False, True])
    known = persons[persons.has_personalization_consent]
    depth = SIZE + int(off.groupby("person_id").size().max()) + 20

    def shared(frame: pd.DataFrame) -> Callable[[pd.DataFrame], pd.DataFrame]:
        return lambda open_: open_[["person_id"]].merge(frame[["item_id", "score"]], how="cross")

    by_category = best.drop_duplicates(["top", "family"]).groupby("top").head(depth)[["top", "item_id", "score"]]
    offers = [
        lambda open_: open_[["person_id"]].merge(known[["person_id"]]).merge(personal, on="person_id"),
        lambda open_: known.merge(open_[["person_id"]]).merge(
            by_category, left_on="preferred_category", right_on="top"
        )[["person_id", "item_id", "score"]],
        shared(lists[lists.model == "trending"]),
        shared(lists[lists.model == "popular"]),
        shared(best.drop_duplicates("family").head(depth)),
    ]
    taken = pd.DataFrame(
        {"person_id": pd.Series(dtype=str), "item_id": pd.Series(dtype=str), "family": pd.Series(dtype=str)}
    )
    for level, offer in enumerate(offers, start=1):
        filled = taken.groupby("person_id").size()
        open_ = persons[["person_id"]].assign(left=SIZE - persons.person_id.map(filled).fillna(0).astype(int))
        open_ = open_[open_.left > 0]
        if open_.empty:
            break
        rows = offer(open_).merge(shop[["item_id", "family"]], on="item_id")
        rows = rows.merge(off, on=["person_id", "item_id"], how="left", indicator="bought")
        rows = rows[rows.bought == "left_only"].drop(columns="bought")
        rows = rows.merge(taken[["person_id", "family"]].drop_duplicates(), how="left", indicator="shown")
        rows = rows[rows.shown == "left_only"].drop(columns="shown")
        rows = rows.sort_values(["person_id", "score", "item_id"], ascending=[True, False, True])
        rows = rows.drop_duplicates(["person_id", "family"])
        rows["place"] = rows.groupby("person_id").cumcount()
        rows = rows.merge(open_, on="person_id")
        taken = pd.concat(
            [taken, rows[rows.place < rows.left].assign(level=level)[["person_id", "item_id", "family", "level"]]]
        )
    taken["rank"] = taken.groupby("person_id").cumcount() + 1
    return taken


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _cost(began: float, cpu: float) -> dict[str, float]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {"seconds": time.perf_counter() - began, "cpu_seconds": _cpu() - cpu, "peak_gb": peak}


def main() -> None:
    """Make the data and measure each side in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--pandas-share", type=float, default=0.05)
    parser.add_argument("--rules", action="store_true", help="also under merchandising rules and with a page group")
    parser.add_argument("--folder", type=Path, help="keep the data here, or take what is there")
    parser.add_argument("--side", choices=["ours", "under rules", "pandas"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        path = given.folder / "perso.duckdb"
        if given.side == "pandas":
            found = in_pandas(path, given.people, given.pandas_share)
        else:
            found = ours(path, under_rules=given.side == "under rules")
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "perso.duckdb").exists():
            make(folder / "perso.duckdb", given.people)
        sides = ["ours", "pandas", *(["under rules"] if given.rules else [])]
        for side in sides:
            command = [sys.executable, "-m", "benchmarks.composer", "--side", side, "--folder", str(folder)]
            command += ["--people", str(given.people), "--pandas-share", str(given.pandas_share)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            slots = found.get("slots") or found["rows"]["recommendations.recommendations"]
            rows = {name.split(".")[1]: n for name, n in found.get("rows", {}).items()}
            differing = f", {found['differing']} slots of the first scenario differ" if side == "pandas" else ""
            print(
                f"{side}: {slots:,} slots in {found['seconds']:.1f} s, {found['cpu_seconds']:.1f} CPU s, "
                f"{slots / found['seconds']:,.0f} slots/s, {slots / found['cpu_seconds']:,.0f} slots/CPU s, "
                f"peak {found['peak_gb']:.1f} GB {rows or ''}{differing}",
                flush=True,
            )


if __name__ == "__main__":
    main()
