"""What the profiles of one night cost as history grows tenfold, and a million people against the same sums in pandas.

    python benchmarks/profiles.py [--people 20000] [--short 60] [--long 600] [--many 1000000]

Facts are drawn by hashes straight into a warehouse; the real dbt models make checkpoints and profiles. "No
checkpoints" is the same night with the checkpoints taken away: what summing the whole history would cost. Seconds
are of processor time over all threads, so that other work on the machine counts little.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from installation import print_table

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.profiles.config import ProfilesConfig
from perso_pipeline.profiles.settings_table import settings_table
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.settings import PROJECT_ROOT

NIGHT = "2026-10-31"
FACTS = ["active_days", "visit_days", "site_amounts", "person_totals", "visit_totals", "statement_totals"]
MODELS = ("item_profiles", "affinities", "customer_profiles", "item_segments")
TOTALS = ("person_totals", "visit_totals", "statement_totals")

_SHOP = """
create schema raw; create schema staging; create schema identity; create schema interactions;
create table raw.sites as select 'uk' as site_id, 'Alder' as name, 'Europe/London' as timezone, 'GBP' as currency, 'GB' as country;
create table days as
select day::date as day from generate_series(date '{night}' - {days} + 1, date '{night}', interval 1 day) t(day);
create table raw.loaded_days as select day as load_date, 'storefront_events' as stream, day as event_date from days;
create table identity.identity_map as
select 'visitor:' || n as identifier, 'visitor' as identifier_type, 'p' || substr(md5((n % {persons})::varchar), 1, 16) as person_id,
    1.0::double as confidence, (select min(day) from days) as known_on, null::date as void_on
from range({people}) t(n);
create table interactions.sessions as
select 's' || day || n as session_id, 'uk' as site_id, n::varchar as visitor_id, null::varchar as customer_id,
    'visitor:' || n as identifier, day as session_date, day as last_event_date, day + interval 10 hour as started_at,
    ['direct', 'email', 'paid_search', 'organic_search'][(hash(day, n, 'c') % 4)::integer + 1] as channel,
    ['mobile', 'desktop'][(hash(n) % 2)::integer + 1] as device_type, 'GB' as country, false as is_robot, true as is_engaged,
    5::bigint as events, 3::bigint as product_views, 1::bigint as cart_adds, 1::bigint as searches, day as known_on
from (select day, (hash(day, slot) % {people})::bigint as n from days, range({visits}) t(slot) group by all order by day);
create table interactions.person_days as
select site_id, identifier, session_date as event_date, known_on, events, product_views, cart_adds, searches, 0::bigint as wish_list_adds,
    (hash(session_id) % 20 = 0)::bigint as orders, (hash(session_id) % 20 = 0)::bigint as units,
    (orders * 30)::decimal(18, 4) as gross, 0::decimal(18, 4) as discount, 0::decimal(18, 4) as cancelled, 0::decimal(18, 4) as refunded,
    0::decimal(18, 4) as adjusted, gross as net, (orders * 12)::decimal(18, 4) as cost
from interactions.sessions;
create table interactions.order_movements as
select 'm' || identifier || event_date as movement_id, site_id, 'o' || identifier || event_date as order_id, '1' as order_line_id,
    'sale' as movement, event_date as movement_date, event_date as order_date, event_date + interval 10 hour as occurred_at, identifier,
    null::varchar as customer_id, identifier as visitor_id, 'i1' as item_id, true as is_goods, units as quantity, gross, discount,
    cancelled, refunded, adjusted, net, cost, (net - cost)::decimal(18, 4) as margin, 'GBP' as currency, 'GB' as country,
    'web' as order_channel, known_on
from interactions.person_days where orders > 0;
create table interactions.session_events as
select session_id || 'e' as event_id, session_id, started_at as occurred_at, session_date as event_date, site_id, visitor_id, identifier,
    started_at as block_started_at, 'search_request' as event_type, 'term ' || hash(session_id) % 50 as search_query, is_robot, known_on
from interactions.sessions;
create table interactions.interactions as
select session_date as event_date, known_on, site_id, identifier, 'i' || hash(session_id, slot) % 1000 as item_id,
    'product_view' as event_type, is_robot, started_at as occurred_at
from interactions.sessions, range(3) t(slot);
create table interactions.item_days as
select site_id, item_id, event_date, known_on, count(*) as views, 0::bigint as cart_adds, 0::bigint as wish_list_adds,
    0::bigint as purchases, 0::bigint as units, 0::decimal(18, 4) as gross, 0::decimal(18, 4) as refunded, 0::decimal(18, 4) as net,
    0::decimal(18, 4) as cost
from interactions.interactions group by all;
create table staging.stg_order_events as
select ''::varchar as event_id, ''::varchar as event_type, null::date as event_date, ''::varchar as site_id, ''::varchar as order_id,
    ''::varchar as item_id, null::decimal(18, 4) as unit_cost limit 0;
create table staging.stg_exchange_rates as
select ''::varchar as event_id, null::timestamp as occurred_at, null::date as event_date, ''::varchar as from_currency,
    ''::varchar as to_currency, 1::decimal(18, 8) as rate, null::date as known_on limit 0;
create table staging.stg_profile_events as
select 'p' || n || day as event_id, 'profile_record' as event_type, day + interval 8 hour as occurred_at, day as event_date,
    day as known_on, 'uk' as site_id, n::varchar as customer_id, 'crm' as source_system, 'GB' as country, 'gold' as loyalty_tier,
    null::varchar as company_id, true as has_email_consent, true as has_personalization_consent, null::json as attributes
from days, range({people}) t(n) where hash(n, day) % 100 = 0;
create table staging.stg_catalog_items as
select 'k' || n as event_id, 'item_upserted' as event_type, (select min(day) from days)::timestamp as occurred_at,
    (select min(day) from days) as event_date, (select min(day) from days) as known_on, 'uk' as site_id, 'i' || n as item_id,
    'product' as item_type, 'Item' as name, null::varchar as description, 'B' || n % 20 as brand,
    ['home/c' || n % 10 || '/d' || n % 40] as category_paths, (n % 90 + 1)::decimal(18, 4) as price, 'GBP' as currency,
    1::decimal(18, 4) as unit_cost, 9::bigint as stock, null::timestamp as valid_from, null::timestamp as valid_to,
    null::varchar as parent_item_id
from range(1000) t(n);
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--short", type=int, default=60)
    parser.add_argument("--long", type=int, default=600)
    parser.add_argument("--many", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.people:
            _growth(Path(folder), options.people, options.short, options.long)
        if options.many:
            _many(Path(folder), options.many)


def _growth(folder: Path, people: int, short: int, long: int) -> None:
    with_checkpoints, without = {}, {}
    for days in (short, long):
        path = _shop(folder / f"{days}.duckdb", people=people, days=days, visits=people // 10)
        with_checkpoints[days] = _night(path)
        with duckdb.connect(str(path)) as connection:
            for table in TOTALS:
                connection.execute(f"delete from interactions.{table}")
        without[days] = _night(path)
    rows = []
    for name, times in (("", with_checkpoints), (", no checkpoints", without)):
        for model in MODELS[:3]:
            a, b = times[short][model], times[long][model]
            rows.append((model + name, f"{a:.2f}", f"{b:.2f}", f"{b / a:.2f}"))
    heading = f"processor seconds, {people:,} identifiers, {people // 10:,} visits a day"
    print_table((heading, f"{short} nights", f"{long} nights", "ratio"), rows)


def _many(folder: Path, people: int) -> None:
    path = _shop(folder / "many.duckdb", people=people, days=60, visits=people // 12)
    night = _night(path)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    with duckdb.connect(str(path), read_only=True) as connection:
        counts = [
            connection.execute(f"select count(*) from {table}").fetchall()[0][0]
            for table in ("profiles.customer_profiles", "profiles.affinities", "interactions.person_days")
        ]
        pandas_seconds = _in_pandas(connection)
    rows = [(model, f"{night[model]:.1f}") for model in MODELS]
    rows += [
        ("all models of the night", f"{sum(night.values()):.1f}"),
        ("totals only, in pandas", f"{pandas_seconds:.1f}"),
    ]
    rows += [("peak memory of a child, GB", f"{peak:.1f}")]
    print_table(
        (f"{counts[0]:,} profiles, {counts[1]:,} affinities, {counts[2]:,} person days", "processor seconds"), rows
    )


def _in_pandas(connection: duckdb.DuckDBPyConnection) -> float:
    """Sums, first and last days, usual channel and RFM of every person with frames already in memory; no windows, no affinities."""
    import pandas as pd

    people = connection.sql("select identifier, person_id from identity.identity_map").df()
    days = connection.sql(
        "select * exclude (known_on) replace (net::double as net, cost::double as cost, gross::double as gross) from interactions.person_days"
    ).df()
    visits = connection.sql("select identifier, site_id, channel from interactions.sessions").df()
    start = time.process_time()
    known = days.merge(people, on="identifier")
    totals = known.groupby(["site_id", "person_id"]).agg(
        first_day=("event_date", "min"), last_day=("event_date", "max"), active_days=("event_date", "nunique"),
        events=("events", "sum"), product_views=("product_views", "sum"), cart_adds=("cart_adds", "sum"),
        orders=("orders", "sum"), gross=("gross", "sum"), net=("net", "sum"), cost=("cost", "sum"),
    )  # fmt: skip
    channels = visits.merge(people, on="identifier").groupby(["site_id", "person_id", "channel"]).size()
    totals["channel"] = (
        channels.sort_values(ascending=False).reset_index("channel").groupby(level=[0, 1])["channel"].first()
    )
    buyers = totals[totals.orders > 0]
    for column in ("last_day", "orders", "net"):
        totals[f"rfm_{column}"] = pd.qcut(buyers[column].rank(method="first"), 5, labels=False)
    return time.process_time() - start


def _shop(path: Path, *, people: int, days: int, visits: int) -> Path:
    with duckdb.connect(str(path), config={"memory_limit": "4GB"}) as connection:
        connection.execute(_SHOP.format(night=NIGHT, people=people, persons=people, days=days, visits=visits))
    config = read_config(PROJECT_ROOT / "config" / "profiles.yml", ProfilesConfig)
    night = date.fromisoformat(NIGHT)
    DuckDBWarehouse(path).write_partition("profiles.settings", settings_table(config, night), {"night": night})
    _dbt(path, FACTS, {})
    return path


def _night(path: Path) -> dict[str, float]:
    """Processor seconds by model, the better of two runs of the night."""
    runs = [_dbt(path, list(MODELS), {"night": NIGHT}) for _ in range(2)]
    return {model: min(run[model] for run in runs) for model in MODELS}


def _dbt(path: Path, selection: list[str], variables: dict[str, str]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--dbt", json.dumps([selection, variables])],
        env={**os.environ, "PERSO_WAREHOUSE": str(path)}, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def _child(selection: list[str], variables: dict[str, str]) -> None:
    from dbt.cli.main import dbtRunner

    project, target = str(PROJECT_ROOT / "sql"), str(Path(os.environ["PERSO_WAREHOUSE"]).parent / "target")
    begun: dict[str, float] = {}
    spent: dict[str, float] = {}

    def on_event(event: Any) -> None:
        name = getattr(getattr(event.data, "node_info", None), "node_name", "")
        if event.info.name == "NodeStart":
            begun[name] = time.process_time()
        elif event.info.name == "NodeFinished":
            spent[name] = time.process_time() - begun[name]

    outcome = dbtRunner(callbacks=[on_event]).invoke(
        ["run", "--quiet", "--select", *selection, "--vars", json.dumps(variables), "--project-dir", project,
         "--profiles-dir", project, "--target-path", target, "--log-path", target]
    )  # fmt: skip
    if not outcome.success:
        sys.exit(str(outcome.exception or [r.message for r in outcome.result]))
    print(json.dumps(spent))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--dbt"]:
        _child(*json.loads(sys.argv[2]))
    else:
        main()
