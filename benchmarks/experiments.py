"""What the arms, effects and self-tests of one night cost.

    python benchmarks/experiments.py [--visitors 1000000] [--lists 12500000]

Visitors over 60 days, served lists of eight slots, a tenth of the visitors ordering; a holdout and a scenario control. The
facts are made in DuckDB, the models are those of the project, the rest is what the assets call.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
from installation import print_table

from perso_pipeline.contracts.assignment import share_sql
from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.experiments import Experiments
from perso_pipeline.measurement.arm_facts import arm_faults
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.health import broken, experiment_health
from perso_pipeline.measurement.lift_table import lift_tables
from perso_pipeline.measurement.self_tests import self_tests
from perso_pipeline.measurement.settings_tables import experiments_table
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.settings import PROJECT_ROOT

NIGHT = date(2026, 10, 31)
MODELS = ("assignments", "unit_outcomes", "lift_moments")
TREATED = f"{share_sql('visitor_id')} >= 0.1"


def facts(lists: int, visitors: int) -> str:
    """SQL of the facts behind the three models: who was served what on which day, visits, orders, people."""
    control = share_sql("visitor_id", salt="perso-product-control-1")
    return f"""
        create schema raw; create schema staging; create schema identity; create schema interactions;
        create schema segments; create schema measurement;
        create table served as
        select range as n, 'v' || (hash(range) % {visitors}) as visitor_id,
            date '2026-09-02' + ((hash(range) % {visitors} + (range % 7)::ubigint) % 60)::int as day,
            case when range % 2 = 0 then 'home' else 'product' end as scenario_id
        from range({lists});
        create table staging.stg_recommendation_events as
        select 'e' || n as event_id, 'served' as event_type, day + interval (n % 80000) second as occurred_at,
            day as event_date, day as known_on, 'uk' as site_id, visitor_id, 'q' || n as request_id, scenario_id,
            case when {TREATED} and not (scenario_id = 'product' and {control} < 0.1) then 'treatment' else 'control' end
                as variant,
            'm-1' as model_version, false as is_robot
        from served;
        create table interactions.sessions as
        select 's' || row_number() over () as session_id, 'uk' as site_id, visitor_id, day as session_date,
            day::timestamp as started_at, ['email', 'direct', 'paid_search'][(1 + hash(visitor_id) % 3)::int] as channel,
            day as known_on
        from (select distinct visitor_id, day from served);
        create table ordered as
        select row_number() over () as n, visitor_id, day, 10 + hash(visitor_id) % 90 as net
        from (select distinct visitor_id, day from served) where hash(visitor_id || day) % 50 = 0;
        create table interactions.order_movements as
        select 'm' || n as movement_id, 'uk' as site_id, 'o' || n as order_id, '1' as order_line_id, 'sale' as movement,
            day as movement_date, day as order_date, day::timestamp as occurred_at, 'visitor:' || visitor_id as identifier,
            visitor_id, 'mug' as item_id, true as is_goods, 1::bigint as quantity, net::decimal(18, 4) as gross,
            0::decimal(18, 4) as discount, 0::decimal(18, 4) as cancelled, 0::decimal(18, 4) as refunded,
            0::decimal(18, 4) as adjusted, net::decimal(18, 4) as net, null::decimal(18, 4) as cost,
            null::decimal(18, 4) as margin, 'GBP' as currency, null::varchar as request_id, day as known_on
        from ordered;
        create table interactions.session_events as
        select 'uk' as site_id, visitor_id, 's' || n as session_id, 'c' || n as event_id,
            'checkout_complete' as event_type, 'o' || n as order_id, day::timestamp as occurred_at, day as event_date,
            day as known_on, false as is_robot
        from ordered;
        create table identity.identity_map as
        select 'visitor:v' || range as identifier, 'visitor' as identifier_type, 'p' || range as person_id,
            date '2026-09-02' as known_on, null::date as void_on
        from range({visitors});
        create table segments.primary_segment (night date, site_id varchar, person_id varchar, segment_id varchar);
        drop table served; drop table ordered;
    """


def build(path: Path, target: Path) -> dict[str, float]:
    """Seconds of each model, by dbt's own clock."""
    os.environ["PERSO_WAREHOUSE"] = str(path)
    from dbt.cli.main import dbtRunner

    project = str(PROJECT_ROOT / "sql")
    where = [
        "--project-dir",
        project,
        "--profiles-dir",
        project,
        "--target-path",
        str(target),
        "--log-path",
        str(target),
    ]
    select = [f"path:models/measurement/{name}.sql" for name in MODELS]
    night = json.dumps({"night": NIGHT.isoformat()})
    done = dbtRunner().invoke(["run", "--quiet", "--threads", "1", "--select", *select, "--vars", night, *where])
    if not done.success:
        raise SystemExit([result.message for result in done.result])
    return {result.node.name: result.execution_time for result in done.result}


@contextmanager
def clock(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started


def measured(path: Path, experiments: Experiments, config: MeasurementConfig) -> dict[str, float]:
    """Seconds of what the assets and the check call, after the models."""
    store, seconds = DuckDBWarehouse(path), {}
    shares = {experiment.id: experiment.control_share for experiment in experiments.experiments}
    with clock(seconds, "check: arms against the facts"):
        found = arm_faults(store, NIGHT)
    if found:
        raise SystemExit(str(found[0]))
    with clock(seconds, "experiment_health"):
        health = experiment_health(store, NIGHT, shares=shares, config=config)
    with clock(seconds, "lift, lift_cells"):
        moments = store.query("select * from measurement.lift_moments where night = $night", {"night": NIGHT})
        lift_tables(
            moments, night=NIGHT, shares=shares, ended=(), sites=["uk"], broken=broken(health), config=config, rates={}
        )  # fmt: skip
    with clock(seconds, f"self_tests, {config.self_test_splits} splits"):
        self_tests(store, NIGHT, shares=shares, config=config)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=1_000_000)
    parser.add_argument("--lists", type=int, default=12_500_000)
    options = parser.parse_args()
    experiments = read_config(PROJECT_ROOT / "config" / "experiments.yml", Experiments)
    config = read_config(PROJECT_ROOT / "config" / "measurement.yml", MeasurementConfig)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute(facts(options.lists, options.visitors))
        DuckDBWarehouse(path).write_partition(
            "measurement.experiments", experiments_table(experiments, config, NIGHT), {"night": NIGHT}
        )
        with multiprocessing.get_context("spawn").Pool(1) as apart:  # dbt keeps its database open as long as it lives
            seconds = apart.apply(build, (path, Path(folder) / "dbt"))
        seconds |= measured(path, experiments, config)
    rows = [(name, f"{taken:.1f}") for name, taken in seconds.items()]
    rows.append(("all", f"{sum(seconds.values()):.1f}"))
    print_table((f"{options.lists:,} lists of 8 slots, {options.visitors:,} visitors", "seconds"), rows)


if __name__ == "__main__":
    main()
