"""What the measurement of one night costs after a history of recommendation slots.

Makes a warehouse whose tables are as the stages before leave them, measures the night before the last (which counts the
whole history into the funnel, once) and then the last night, and prints seconds of clock and of processor for each.

    python benchmarks/measurement.py --slots 100000000
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb

from perso_pipeline.contracts.assignment import share_sql
from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.experiments import Experiments
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.settings_tables import experiments_table
from perso_pipeline.resources.warehouse import DuckDBWarehouse

PROJECT = Path(__file__).resolve().parents[1] / "sql"
LAST = date(2026, 10, 31)
LIST_LENGTH = 8

MADE = """
create schema raw; create schema staging; create schema identity; create schema interactions;
create schema segments; create schema profiles; create schema measurement;
create table raw.sites as from (values ('uk', 'UK', 'Europe/London', 'GBP', 'GB'), ('de', 'DE', 'Europe/Berlin', 'EUR', 'DE'))
    t(site_id, name, timezone, currency, country);

create temp table lists as
select *, case when {treated} and not (scenario_id = 'product' and {product_control} < 0.1) then 'treatment' else 'control' end as variant
from (select i, case when hash(i, 1) % 2 = 0 then 'uk' else 'de' end as site_id, 'v' || (hash(i // 3, 2) % {visitors}) as visitor_id,
    date '{first}' + (i * {nights} // {lists})::int as event_date,
    (date '{first}' + (i * {nights} // {lists})::int)::timestamp + to_seconds((hash(i, 3) % 80000)::bigint) as served_at,
    ['home', 'product', 'cart'][(hash(i, 6) % 3)::int + 1] as scenario_id,
    ['i' || (hash(i, x) % 40000) for x in range({list_length})] as item_ids,
    case when hash(i, 5) % 50 = 0 then 1 else 0 end as late
from range({lists}) t(i));

create table staging.stg_recommendation_events as
select kind[1] || i as event_id, event_date, kind as event_type, served_at + to_seconds(after) as occurred_at, site_id, visitor_id,
    null::varchar as customer_id, 'r' || i as request_id,
    if(kind = 'served', scenario_id, null) as scenario_id,
    if(kind = 'served', variant, null) as variant, if(kind in ('clicked', 'added_to_cart'), null, item_ids) as item_ids,
    if(kind in ('clicked', 'added_to_cart'), item_ids[(hash(i, 7) % 4)::int + 1], null) as item_id, null::varchar as context_item_id,
    if(kind = 'served', 'als-1', null) as model_version, false as is_robot, null::json as payload, event_date + late as known_on
from lists, (values ('served', 0, 100), ('rendered', 1, 87), ('viewed', 5, 50), ('clicked', 60, 3), ('added_to_cart', 90, 1))
    kinds(kind, after, share)
where kind = 'served' or (variant = 'treatment' and hash(i, kind) % 100 < share)
order by event_date;

create table interactions.sessions as
select 's' || i as session_id, site_id, visitor_id, 'visitor:' || visitor_id as identifier, event_date as session_date,
    served_at - interval 5 minute as started_at, served_at + interval 25 minute as ended_at,
    ['direct', 'email', 'organic_search', 'paid_search', 'display'][(hash(i, 8) % 5)::int + 1] as channel,
    false as is_robot, event_date + late as known_on
from lists where i % 3 = 0;

create temp table orders as
select *, 'o' || i as order_id, served_at + interval 20 minute as ordered_at, (10 + hash(i, 9) % 90)::decimal(18, 4) as price
from lists where i % 45 = 0;
create table interactions.session_events as
select 'e' || i as event_id, 's' || i as session_id, ordered_at as occurred_at, event_date, site_id, 'checkout_complete' as event_type,
    order_id, event_date + late as known_on from orders;
create table interactions.order_movements as
select 'm' || i || '-' || line || movement as movement_id, site_id, order_id, line::varchar as order_line_id, movement,
    event_date + after as movement_date, event_date as order_date, ordered_at + to_days(after) as occurred_at,
    'visitor:' || visitor_id as identifier, null::varchar as customer_id, visitor_id, item_ids[line] as item_id, true as is_goods,
    if(movement = 'sale', 1, -1)::bigint as quantity, if(movement = 'sale', price, 0)::decimal(18, 4) as gross,
    0::decimal(18, 4) as discount, 0::decimal(18, 4) as cancelled, if(movement = 'sale', 0, price)::decimal(18, 4) as refunded,
    0::decimal(18, 4) as adjusted, if(movement = 'sale', price, -price)::decimal(18, 4) as net,
    if(movement = 'sale', price / 2, -price / 2)::decimal(18, 4) as cost, if(movement = 'sale', price / 2, -price / 2)::decimal(18, 4) as margin,
    if(site_id = 'uk', 'GBP', 'EUR') as currency, if(i % 4 = 0 and line = 1, 'r' || i, null) as request_id,
    event_date + after + late as known_on
from orders, (values ('sale', 0), ('refund', 6)) kinds(movement, after), (values (1), (2)) lines(line)
where movement = 'sale' or hash(i, line) % 20 = 0;
create table interactions.site_amounts as
select movement_id, site_id, movement_date, order_date, currency as site_currency, gross as site_gross, discount as site_discount,
    cancelled as site_cancelled, refunded as site_refunded, adjusted as site_adjusted, net as site_net, cost as site_cost,
    known_on as converted_on from interactions.order_movements;
create table interactions.visit_days as
select site_id, identifier, session_date as event_date, known_on, channel, count(*) as sessions, count(*) as engaged_sessions
from interactions.sessions group by all;

create table identity.identity_map as
select 'visitor:v' || n as identifier, 'visitor' as identifier_type, 'p' || if(n % 5 = 0, n + 1, n) as person_id, 1.0 as confidence,
    date '{first}' as known_on, null::date as void_on from range({visitors}) t(n);
create table segments.primary_segment as
select night, site_id, 'p' || n as person_id, 'segment-' || (n % 12) as segment_id
from range({visitors}) t(n), (values (date '{before}'), (date '{last}')) nights(night), raw.sites;
create table segments.segment_membership as
select night, site_id, 'p' || n as person_id, 'segment-' || ((n + k) % 12) as segment_id
from range({visitors}) t(n), range(3) k(k), (values (date '{before}'), (date '{last}')) nights(night), raw.sites;
create table profiles.item_profiles as
select night, site_id, 'i' || n as item_id, null::varchar as parent_item_id, 'product' as item_type, 'Item' as name, 'a' as category_path,
    'b' as brand, 'GBP' as currency, 10::bigint as views_28d, 1::bigint as cart_adds_28d, 1::bigint as purchases_28d,
    1::bigint as units_28d, 9::decimal(18, 4) as net_28d, 0.1::double as return_rate, 5::bigint as stock, true as is_available
from range(40000) t(n), (values (date '{before}'), (date '{last}')) nights(night), raw.sites;

create table staging.stg_order_events as
select 'p' || movement_id as event_id, 'order_placed' as event_type, order_date as event_date, known_on, site_id, order_id,
    if(hash(order_id) % 20 = 0, 'TEN', null) as coupon_code from interactions.order_movements where movement = 'sale';
create table staging.stg_storefront_events as select event_id, event_type, event_date, known_on, site_id, is_robot
from staging.stg_recommendation_events limit 0;
create table staging.stg_profile_events as from staging.stg_storefront_events;
create table staging.stg_catalog_items as from staging.stg_storefront_events;
create table raw.loaded_days as
select distinct known_on as load_date, 'recommendation_events' as stream, event_date from staging.stg_recommendation_events
union select distinct known_on, 'order_events', movement_date from interactions.order_movements;
create table measurement.report_windows as
select night, night - 399 as starts_on, night as ends_on, night - 34 as attribution_starts_on, 0::bigint as known_erasures,
    180::bigint as churn_days
from (values (date '{before}'), (date '{last}')) nights(night);
"""


def make(path: Path, slots: int, nights: int) -> None:
    """A warehouse with that many slots over that many nights; one list in 45 ends in an order of two lines."""
    lists = slots // LIST_LENGTH
    words = {
        "lists": lists, "nights": nights, "visitors": max(lists // 25, 10), "list_length": LIST_LENGTH, "last": LAST,
        "before": LAST - timedelta(days=1), "first": LAST - timedelta(days=nights - 1),
        "treated": f"{share_sql('visitor_id')} >= 0.1", "product_control": share_sql("visitor_id", salt="perso-product-control-1"),
    }  # fmt: skip
    with duckdb.connect(str(path), config={"memory_limit": "4GB", "threads": 2}) as connection:
        connection.execute(MADE.format(**words))
    experiments = read_config(PROJECT.parent / "config" / "experiments.yml", Experiments)
    config = read_config(PROJECT.parent / "config" / "measurement.yml", MeasurementConfig)
    for night in (LAST - timedelta(days=1), LAST):
        rows = experiments_table(experiments, config, night)
        DuckDBWarehouse(path).write_partition("measurement.experiments", rows, {"night": night})


def build(night: str) -> None:
    """One night of the stage, in this process; seconds by model go to standard output."""
    from dbt.cli.main import dbtRunner

    target = f"{os.environ['PERSO_WAREHOUSE']}.dbt"
    where = [
        "--project-dir",
        str(PROJECT),
        "--profiles-dir",
        str(PROJECT),
        "--target-path",
        target,
        "--log-path",
        target,
    ]
    done = dbtRunner().invoke(
        ["build", "--quiet", "--select", "path:models/measurement", "--exclude-resource-type", "unit_test",
         "--vars", json.dumps({"night": night}), *where]
    )  # fmt: skip
    if not done.success:
        sys.exit(
            str(
                done.exception or [(r.node.name, r.message) for r in done.result if r.status not in ("success", "pass")]
            )
        )
    for result in sorted(done.result, key=lambda result: -result.execution_time)[:6]:
        print(f"    {result.node.name[:60]:60} {result.execution_time:7.1f} s")


def timed(path: Path, night: date) -> tuple[float, float]:
    """Seconds of clock and of processor for one night, in a process of its own."""
    used, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = os.environ | {"PERSO_WAREHOUSE": str(path)}
    subprocess.run([sys.executable, __file__, "--build", night.isoformat()], env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return time.perf_counter() - started, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=int, default=2_000_000, help="slots of the whole history")
    parser.add_argument("--nights", type=int, default=100, help="nights they are spread over")
    parser.add_argument("--build", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.build:
        build(given.build)
        return
    with tempfile.TemporaryDirectory(prefix="measurement-") as folder:
        path = Path(folder) / "shop.duckdb"
        make(path, given.slots, given.nights)
        print(f"{given.slots:,} slots over {given.nights} nights")
        for night, what in ((LAST - timedelta(days=1), "the history, once"), (LAST, "one night more")):
            clock, cpu = timed(path, night)
            print(f"  {what:20} {clock:8.1f} s of clock {cpu:8.1f} s of processor")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        print(f"  peak memory {peak:.1f} GB, warehouse {path.stat().st_size / 2**30:.1f} GB")


if __name__ == "__main__":
    main()
