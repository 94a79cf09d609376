"""What one night of a million identifiers costs, from identity to profiles, beside the same sums in pandas; and growth.

    python benchmarks/profiles.py [--people 20000] [--short 60] [--long 600] [--many 1000000] [--events 10000000]

Storefront events, orders and statements are drawn by hashes straight into a warehouse; the real identity code and dbt
models do the rest. "No checkpoints" is the same night with the checkpoints taken away: what summing the whole history
would cost. CPU seconds are of processor time over all threads: other work on the machine counts little in them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from installation import print_table

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.identity.config import read_identity_rules
from perso_pipeline.identity.resolve import resolve
from perso_pipeline.interactions.channels import read_channels
from perso_pipeline.profiles.config import ProfilesConfig
from perso_pipeline.profiles.settings_table import settings_table
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.settings import PROJECT_ROOT

NIGHT = date(2026, 10, 31)
SESSIONS = ["session_days", "session_events", "sessions"]
SUMS = [
    "perso_pipeline.interactions.interactions", "person_days", "item_days", "active_days", "visit_days", "site_amounts",
    "person_totals", "visit_totals", "statement_totals",
]  # fmt: skip
PROFILES = ["item_profiles", "affinities", "customer_profiles", "item_segments"]
TOTALS = ("person_totals", "visit_totals", "statement_totals")
EVENTS_PER_VISIT = 5


class Cost(NamedTuple):
    cpu: float  # seconds over all threads
    wall: float  # seconds
    peak: float  # GB of the process, so far


# a fifth of the identifiers are customers, each of whom signs in on one of the visitors
_SHOP = """
create schema raw; create schema staging; create schema identity; create schema interactions;
create table raw.sites as select 'uk' as site_id, 'Alder' as name, 'Europe/London' as timezone, 'GBP' as currency, 'GB' as country;
create table days as
select day::date as day from generate_series(date '{night}' - {days} + 1, date '{night}', interval 1 day) t(day);
create table raw.loaded_days as select day as load_date, 'storefront_events' as stream, day as event_date from days;
create table raw.user_agents as
select * from (values ('a', 'mobile', 'Safari', 'iOS'), ('b', 'desktop', 'Firefox', 'Linux')) t(user_agent, device_type, browser, os);
create table visitors as
select n, substr(md5(n::varchar), 1, 16) as visitor_id, case when n % 4 = 0 then 'c' || n // 4 end as customer_id,
    (select min(day) from days) + (hash(n, 'k') % {days})::integer as known_on
from range({people} * 4 // 5) t(n);
create table identity.identity_edges as
select 'customer:' || customer_id as identifier, 'visitor:' || visitor_id as other_identifier, 'sign_in' as edge_type, known_on,
    known_on + interval 9 hour as first_known_at
from visitors where customer_id is not null order by known_on;
create table identity.identifiers as
select 'visitor:' || visitor_id as identifier, 'visitor' as identifier_type, known_on from visitors
union all
select 'customer:' || customer_id, 'customer', known_on from visitors where customer_id is not null order by known_on;
create table visits as
select day, slot, (hash(day, slot) % ({people} * 4 // 5))::bigint as n,
    day + interval 7 hour + to_seconds((hash(slot, day, 's') % 54000)::bigint) as started_at
from days, range({visits}) t(slot);
create table staging.stg_storefront_events as
select 'e' || visits.day || '-' || slot || '-' || step as event_id, visits.day as event_date,
    ['page_view', 'search_request', 'product_view', 'product_view', 'add_to_cart'][step + 1] as event_type,
    started_at + to_minutes(step) as occurred_at, 'uk' as site_id, visitor_id,
    case when known_on <= visits.day then customer_id end as customer_id, null::boolean as is_success,
    case when step >= 2 then 'i' || hash(visits.day, slot, step) % 10000 end as item_id, null::varchar as category_path,
    case when step = 4 then 1::bigint end as quantity, case when step = 4 then 9::decimal(18, 4) end as price, 'GBP' as currency,
    null::varchar as cart_id, null::varchar as order_id, null::varchar as request_id, null::varchar as search_id,
    case when step = 1 then 'term ' || hash(visits.day, slot, 'q') % 2000 end as search_query, null::bigint as results_count,
    null::double as percentage, null::double as rating, null::varchar as url, null::varchar as referrer,
    ['google', 'newsletter', null, null][(hash(visits.day, slot, 'u') % 4)::integer + 1] as utm_source,
    ['cpc', 'email', null, null][(hash(visits.day, slot, 'u') % 4)::integer + 1] as utm_medium, null::varchar as utm_campaign,
    null::varchar as click_id, ['a', 'b'][(hash(visits.n) % 2)::integer + 1] as user_agent, 'GB' as country, false as is_robot,
    null::json as payload, visits.day as known_on
from visits inner join visitors on visits.n = visitors.n, range({events_per_visit}) t(step)
order by visits.day;
create table interactions.order_movements as
select 'm' || visits.day || slot as movement_id, 'uk' as site_id, 'o' || visits.day || slot as order_id, '1' as order_line_id,
    'sale' as movement, visits.day as movement_date, visits.day as order_date, started_at + interval 9 minute as occurred_at,
    coalesce('customer:' || customer_id, 'visitor:' || visitor_id) as identifier, customer_id, visitor_id,
    'i' || hash(visits.day, slot, 4) % 10000 as item_id, true as is_goods, 1::bigint as quantity, 30::decimal(18, 4) as gross,
    0::decimal(18, 4) as discount, 0::decimal(18, 4) as cancelled, 0::decimal(18, 4) as refunded, 0::decimal(18, 4) as adjusted,
    gross as net, 12::decimal(18, 4) as cost, 18::decimal(18, 4) as margin, 'GBP' as currency, 'GB' as country,
    'web' as order_channel, null::varchar as request_id, visits.day as known_on
from visits inner join visitors on visits.n = visitors.n where hash(slot, visits.day, 'o') % 20 = 0 order by visits.day;
create table staging.stg_order_events as
select ''::varchar as event_id, ''::varchar as event_type, null::date as event_date, ''::varchar as site_id, ''::varchar as order_id,
    ''::varchar as item_id, null::decimal(18, 4) as unit_cost limit 0;
create table staging.stg_exchange_rates as
select ''::varchar as event_id, null::timestamp as occurred_at, null::date as event_date, ''::varchar as from_currency,
    ''::varchar as to_currency, 1::decimal(18, 8) as rate, null::date as known_on limit 0;
create table staging.stg_profile_events as
select 'p' || n || day as event_id, 'profile_record' as event_type, day + interval 8 hour as occurred_at, day as event_date,
    day as known_on, 'uk' as site_id, customer_id, 'crm' as source_system, 'GB' as country, 'gold' as loyalty_tier,
    null::varchar as company_id, true as has_email_consent, true as has_personalization_consent, null::json as attributes
from days, visitors where customer_id is not null and hash(n, day) % 100 = 0 order by day;
create table staging.stg_catalog_items as
select 'k' || n as event_id, 'item_upserted' as event_type, (select min(day) from days)::timestamp as occurred_at,
    (select min(day) from days) as event_date, (select min(day) from days) as known_on, 'uk' as site_id, 'i' || n as item_id,
    'product' as item_type, 'Item' as name, null::varchar as description, 'B' || n % 100 as brand,
    ['home/c' || n % 10 || '/d' || n % 40] as category_paths, (n % 90 + 1)::decimal(18, 4) as price, 'GBP' as currency,
    1::decimal(18, 4) as unit_cost, 9::bigint as stock, null::timestamp as valid_from, null::timestamp as valid_to,
    null::varchar as parent_item_id, null::json as attributes
from range(10000) t(n);
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--short", type=int, default=60)
    parser.add_argument("--long", type=int, default=600)
    parser.add_argument("--many", type=int, default=1_000_000, help="identifiers of the one large night")
    parser.add_argument("--events", type=int, default=10_000_000, help="storefront events of its 60 days")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.people:
            _growth(Path(folder), options.people, options.short, options.long)
        if options.many:
            _many(Path(folder), options.many, options.events)


def _growth(folder: Path, people: int, short: int, long: int) -> None:
    with_checkpoints, without = {}, {}
    for days in (short, long):
        path = _shop(folder / f"{days}.duckdb", people=people, days=days, visits=people // 10)
        with_checkpoints[days] = _profiles(path, runs=2)
        with duckdb.connect(str(path)) as connection:
            for table in TOTALS:
                connection.execute(f"delete from interactions.{table}")
        without[days] = _profiles(path, runs=2)
    rows = []
    for name, times in (("", with_checkpoints), (", no checkpoints", without)):
        for model in PROFILES[:3]:
            a, b = times[short][model].cpu, times[long][model].cpu
            rows.append((model + name, f"{a:.2f}", f"{b:.2f}", f"{b / a:.2f}"))
    heading = f"CPU seconds, {people:,} identifiers, {people // 10:,} visits a day"
    print_table((heading, f"{short} nights", f"{long} nights", "ratio"), rows)


def _many(folder: Path, people: int, events: int) -> None:
    path = _shop(folder / "many.duckdb", people=people, days=60, visits=events // EVENTS_PER_VISIT // 60)
    night = {"from_night": str(NIGHT), "to_night": str(NIGHT)}
    with duckdb.connect(str(path), config={"threads": 2, "memory_limit": "4GB"}) as connection:
        steps = {"identity map": _timed(lambda: _resolve(connection, NIGHT, NIGHT))}
    steps |= {f"sessions: {model}": cost for model, cost in _dbt(path, SESSIONS, night).items()}
    steps |= {f"daily sums: {model}": cost for model, cost in _dbt(path, SUMS, night).items()}
    steps |= {f"profiles: {model}": cost for model, cost in _profiles(path, runs=1).items()}
    total = Cost(
        *(sum(column) for column in list(zip(*steps.values(), strict=True))[:2]), max(c.peak for c in steps.values())
    )
    steps["the night"] = total
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = ["identity.identifiers", "profiles.customer_profiles", "profiles.affinities"]
        counts = [connection.execute(f"select count(*) from {table}").fetchall()[0][0] for table in tables]
    pandas = subprocess.run(
        [sys.executable, __file__, "--pandas", str(path)], check=True, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    steps |= {name: Cost(*cost) for name, cost in json.loads(pandas.stdout.splitlines()[-1]).items()}
    heading = f"{events:,} events, {counts[0]:,} identifiers, {counts[1]:,} profiles, {counts[2]:,} affinities"
    rows = [(name, f"{c.cpu:.1f}", f"{c.wall:.1f}", f"{c.peak:.1f}") for name, c in steps.items()]
    print_table((heading, "CPU seconds", "seconds", "peak GB"), rows)


def _in_pandas(path: Path) -> dict[str, Cost]:
    """Reading, sessions of the night, totals with usual channel and RFM, and category and brand affinities; no windows, no merges."""
    import pandas as pd

    frames: dict[str, Any] = {}

    def read() -> None:
        with duckdb.connect(str(path), read_only=True) as connection:
            frames["people"] = connection.sql(
                f"select identifier, person_id from identity.identity_map where known_on <= date '{NIGHT}' and void_on is null"
            ).df()
            frames["events"] = connection.sql(
                "select event_id, event_date, event_type, occurred_at, visitor_id, item_id, search_query,"
                " coalesce('customer:' || customer_id, 'visitor:' || visitor_id) as identifier from staging.stg_storefront_events"
            ).df()
            frames["visits"] = connection.sql(
                "select identifier, channel, device_type, started_at from interactions.sessions"
            ).df()
            frames["orders"] = connection.sql(
                "select identifier, order_date, net::double as net, cost::double as cost from interactions.order_movements"
            ).df()
            frames["items"] = connection.sql(
                f"select item_id, category_path, brand, price_band from profiles.item_profiles where night = date '{NIGHT}'"
            ).df()

    def sessions() -> None:
        events = frames["events"]
        night = events[events.event_date == pd.Timestamp(NIGHT)].sort_values(["visitor_id", "occurred_at"])
        gap = night.groupby("visitor_id").occurred_at.diff() > pd.Timedelta(minutes=30)
        number = (gap | (night.visitor_id != night.visitor_id.shift())).cumsum()
        night.groupby(number).agg(
            started_at=("occurred_at", "min"), ended_at=("occurred_at", "max"), events=("event_id", "count")
        )

    def profiles() -> None:
        people, known = frames["people"], frames["events"].merge(frames["people"], on="identifier")
        frames["known"] = known
        totals = known.groupby("person_id").agg(
            first_day=("event_date", "min"), last_day=("event_date", "max"), active_days=("event_date", "nunique"),
            events=("event_id", "count"),
        )  # fmt: skip
        for word in ("product_view", "add_to_cart", "search_request"):
            totals[word] = known[known.event_type == word].groupby("person_id").size()
        bought = frames["orders"].merge(people, on="identifier").groupby("person_id")
        totals = totals.join(
            bought.agg(orders=("net", "size"), net=("net", "sum"), cost=("cost", "sum"), last=("order_date", "max"))
        )
        visits = frames["visits"].merge(people, on="identifier")
        for word in ("channel", "device_type"):
            counts = visits.groupby(["person_id", word]).size().sort_values(ascending=False)
            totals[word] = counts.reset_index(word).groupby(level=0)[word].first()
        buyers = totals[totals.orders > 0]
        for column in ("last", "orders", "net"):
            totals[f"rfm_{column}"] = pd.qcut(buyers[column].rank(method="first"), 5, labels=False)

    def affinities() -> None:
        known = frames["known"].dropna(subset=["item_id"]).merge(frames["items"], on="item_id")
        age = (pd.Timestamp(NIGHT) - known.event_date).dt.days
        known["weight"] = known.event_type.map({"product_view": 1.0, "add_to_cart": 3.0}) * 0.5 ** (age / 30)
        for kind in ("category_path", "brand", "price_band"):
            sums = known.groupby(["person_id", kind]).weight.sum().sort_values(ascending=False)
            of_person = sums.groupby(level=0)
            (sums / of_person.transform("sum"))[of_person.cumcount() < 5].reset_index()

    steps: dict[str, Callable[[], None]] = {
        "pandas: reading": read, "pandas: sessions of the night": sessions,
        "pandas: totals, usual channel and device, RFM": profiles, "pandas: affinities of 3 of 9 kinds": affinities,
    }  # fmt: skip
    return {name: _timed(step) for name, step in steps.items()}


def _timed(work: Callable[[], object]) -> Cost:
    begun, busy = time.monotonic(), time.process_time()
    work()
    return Cost(time.process_time() - busy, time.monotonic() - begun, _peak())


def _peak() -> float:
    """Of this process since it began: ``ru_maxrss`` of a child begins with that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024**2


def _resolve(connection: duckdb.DuckDBPyConnection, first: date, last: date) -> None:
    connection.execute("begin")
    resolve(connection, read_identity_rules(PROJECT_ROOT / "config"), first=first, last=last)
    connection.execute("commit")


def _shop(path: Path, *, people: int, days: int, visits: int) -> Path:
    """A warehouse as it stands before the profiles of the night, its people known up to the night before."""
    drawn = _SHOP.format(night=NIGHT, people=people, days=days, visits=visits, events_per_visit=EVENTS_PER_VISIT)
    with duckdb.connect(str(path), config={"threads": 2, "memory_limit": "4GB"}) as connection:
        connection.execute(drawn)
        _resolve(connection, date(2020, 1, 1), NIGHT)
    config = read_config(PROJECT_ROOT / "config" / "profiles.yml", ProfilesConfig)
    DuckDBWarehouse(path).write_partition("profiles.settings", settings_table(config, NIGHT), {"night": NIGHT})
    _dbt(path, SESSIONS + SUMS, {})
    return path


def _profiles(path: Path, *, runs: int) -> dict[str, Cost]:
    """Cost by model, the better of the runs of the night."""
    nights = [_dbt(path, PROFILES, {"night": str(NIGHT)}) for _ in range(runs)]
    return {model: min(night[model] for night in nights) for model in PROFILES}


def _dbt(path: Path, selection: list[str], variables: dict[str, str]) -> dict[str, Cost]:
    done = subprocess.run(
        [sys.executable, __file__, "--dbt", json.dumps([selection, variables])],
        env={**os.environ, "PERSO_WAREHOUSE": str(path)}, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stdout[-3000:])
    return {model: Cost(*cost) for model, cost in json.loads(done.stdout.splitlines()[-1]).items()}


def _child(selection: list[str], variables: dict[str, object]) -> None:
    from dbt.cli.main import dbtRunner

    project, target = str(PROJECT_ROOT / "sql"), str(Path(os.environ["PERSO_WAREHOUSE"]).parent / "target")
    variables = variables | {"channels": read_channels(PROJECT_ROOT / "config").variable()}
    begun: dict[str, tuple[float, float]] = {}
    spent: dict[str, Cost] = {}

    def on_event(event: Any) -> None:
        name = getattr(getattr(event.data, "node_info", None), "node_name", "")
        if event.info.name == "NodeStart":
            begun[name] = (time.process_time(), time.monotonic())
        elif event.info.name == "NodeFinished":
            busy, wall = begun[name]
            spent[name] = Cost(time.process_time() - busy, time.monotonic() - wall, _peak())

    outcome = dbtRunner(callbacks=[on_event]).invoke(
        ["run", "--quiet", "--select", *selection, "--vars", json.dumps(variables), "--project-dir", project,
         "--profiles-dir", project, "--target-path", target, "--log-path", target]
    )  # fmt: skip
    if not outcome.success:
        print([str(r.message)[:600] for r in outcome.result if r.status != "success"])
        sys.exit(1)
    print(json.dumps(spent))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--dbt"]:
        _child(*json.loads(sys.argv[2]))
    elif sys.argv[1:2] == ["--pandas"]:
        print(json.dumps(_in_pandas(Path(sys.argv[2]))))
    else:
        main()
