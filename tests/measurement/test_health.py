"""Faults seeded into assignment are named: by the sums that must be right, or by what may not be believed."""

from datetime import date

import dagster as dg
import duckdb
import pytest

from perso_pipeline.contracts.assignment import share_sql
from perso_pipeline.contracts.experiments import Experiment, Experiments
from perso_pipeline.measurement.arm_facts import arm_faults
from perso_pipeline.measurement.checks import arms_sum_to_the_facts, experiments_may_be_believed
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.health import broken, experiment_health
from perso_pipeline.measurement.settings_tables import experiments_table
from perso_pipeline.resources.warehouse import DuckDBWarehouse, WarehouseResource
from tests.dbt_builds import build

NIGHT = date(2026, 1, 31)
HOLDOUT = Experiment(id="holdout", salt="salt-1", control_share=0.2, starts_on=date(2026, 1, 1))
SHARES = {"holdout": 0.2}
MODELS = ("assignments", "unit_outcomes", "lift_moments")


@pytest.fixture(scope="module")
def sound_file(tmp_path_factory):
    """20,000 visitors served from the 10th on, 40 % of whom order later and 15 % did before; all as it should be."""
    path = tmp_path_factory.mktemp("health") / "perso.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("""
            create schema raw; create schema staging; create schema identity; create schema interactions;
            create schema segments; create schema measurement;
            create table identity.identity_map (
                identifier varchar, identifier_type varchar, person_id varchar, known_on date, void_on date);
            create table segments.primary_segment (night date, site_id varchar, person_id varchar, segment_id varchar);
        """)
        connection.execute(f"""
            create table visitors as select v,
                case when {share_sql("'v' || v", salt=HOLDOUT.salt)} < 0.2 then 'control' else 'treatment' end as arm,
                date '2026-01-10' + (v % 20)::int as day from (select range as v from range(20000));
            create table staging.stg_recommendation_events as
            select 'e' || v as event_id, 'served' as event_type, day::timestamp as occurred_at, day as event_date, day as known_on,
                'uk' as site_id, 'v' || v as visitor_id, 'q' || v as request_id, 'home' as scenario_id, arm as variant,
                ['mug'] as item_ids, 'm-1' as model_version, false as is_robot
            from visitors;
            create table interactions.sessions as select 's' || v as session_id, 'uk' as site_id, 'v' || v as visitor_id,
                day as session_date, day::timestamp as started_at, 'email' as channel, day as known_on from visitors;
            create table ordered as
            select v, 'o' || v as order_id, day as order_day, 10 + v % 40 as net from visitors where v % 5 in (0, 3)
            union all
            select v, 'p' || v, day - 5, 10 + v % 30 from visitors where v % 20 in (0, 7, 13);
            create table interactions.order_movements as
            select 'm' || order_id as movement_id, 'uk' as site_id, order_id, '1' as order_line_id, 'sale' as movement,
                order_day as movement_date, order_day as order_date, order_day::timestamp as occurred_at,
                'visitor:v' || v as identifier, 'v' || v as visitor_id, 'mug' as item_id, true as is_goods,
                1::bigint as quantity, net::decimal(18,4) as gross, 0::decimal(18,4) as discount,
                0::decimal(18,4) as cancelled, 0::decimal(18,4) as refunded, 0::decimal(18,4) as adjusted,
                net::decimal(18,4) as net, null::decimal(18,4) as cost, null::decimal(18,4) as margin, 'GBP' as currency,
                null::varchar as request_id, order_day as known_on
            from ordered;
            create table interactions.session_events as select 'uk' as site_id, 'v' || v as visitor_id, 's' || v as session_id,
                'c' || order_id as event_id, 'checkout_complete' as event_type, order_id, order_day::timestamp as occurred_at,
                order_day as event_date, order_day as known_on, false as is_robot from ordered;
        """)
    settings = experiments_table(Experiments(experiments=(HOLDOUT,)), MeasurementConfig(), NIGHT)
    DuckDBWarehouse(path).write_partition("measurement.experiments", settings, {"night": NIGHT})
    return path


@pytest.fixture(scope="module")
def measured_files(sound_file):
    """The same measured, and measured again after one in a hundred visitors was served the other arm."""
    swapped = sound_file.parent / "swapped" / sound_file.name
    swapped.parent.mkdir()
    swapped.write_bytes(sound_file.read_bytes())
    with duckdb.connect(str(swapped)) as connection:
        connection.execute("""
            update staging.stg_recommendation_events
            set variant = case when variant = 'control' then 'treatment' else 'control' end
            where visitor_id[2:]::int % 100 = 17
        """)
    for path in (sound_file, swapped):
        build(path, *MODELS, night=NIGHT.isoformat())
    return {"sound": sound_file, "swapped": swapped}


@pytest.fixture
def spoilt(measured_files, tmp_path):
    """A copy of one of the two, with a fault."""

    def made(fault: str = "select 1", *, of: str = "sound") -> DuckDBWarehouse:
        copy = tmp_path / "perso.duckdb"
        copy.write_bytes(measured_files[of].read_bytes())
        with duckdb.connect(str(copy)) as connection:
            connection.execute(fault)
        return DuckDBWarehouse(copy)

    return made


def health_of(warehouse):
    return experiment_health(warehouse, NIGHT, shares=SHARES, config=MeasurementConfig())


def broken_checks(warehouse):
    return {row["check_name"]: row["sentence"] for row in health_of(warehouse).to_pylist() if row["status"] == "broken"}


def test_where_all_is_as_it_should_be_nothing_is_named(spoilt):
    warehouse = spoilt()
    health = health_of(warehouse)
    assert health["status"].to_pylist() == ["sound"] * 5
    assert broken(health) == {}
    assert arm_faults(warehouse, NIGHT) == []


def test_one_in_a_hundred_served_the_other_arm_is_named(spoilt):
    warehouse = spoilt(of="swapped")
    assert broken_checks(warehouse) == {
        "served_as_assigned": "200 of 20,000 visitors (1.00%) were served what their arm is not due; 0.50% are allowed."
    }
    assert arm_faults(warehouse, NIGHT) == []  # the arms themselves are as the hash has them


def test_one_in_a_hundred_counted_in_the_other_arm_is_named(spoilt):
    moved = "update measurement.lift_moments set units = units + {} where variant = '{}' and dimension = 'total'"
    warehouse = spoilt(f"{moved.format(100, 'treatment')}; {moved.format(-100, 'control')}")
    assert [str(fault) for fault in arm_faults(warehouse, NIGHT)] == [
        "holdout: visitors of control on uk are 3,835 in lift_moments, 3,935 by the facts (difference -100)",
        "holdout: visitors of treatment on uk are 16,165 in lift_moments, 16,065 by the facts (difference 100)",
    ]


DROPPED = """
    delete from interactions.order_movements using measurement.assignments
    where unit_id = visitor_id and variant = 'control' and hash(order_id) % 50 = 0"""


def test_two_in_a_hundred_orders_of_control_that_never_arrive_are_named(spoilt):
    found = broken_checks(spoilt(DROPPED))
    assert list(found) == ["orders_arrive"]
    assert found["orders_arrive"].startswith(
        "Orders of one arm are missing: of those paid on the site there arrived 8,853 of"
    )


def test_two_in_a_hundred_orders_of_control_lost_on_the_way_are_named(spoilt):
    lost = "update measurement.lift_moments set orders = orders - 31, net = net - 900 where variant = 'control'"
    orders, net = arm_faults(spoilt(lost), NIGHT)
    assert (orders.variant, orders.figure, orders.counted - orders.found) == ("control", "orders", -31)
    assert str(net).startswith("holdout: net of control on uk are ")
    assert str(net).endswith("(difference -900)")


def test_an_arm_that_lost_visitors_is_named(spoilt):
    warehouse = spoilt("update measurement.lift_moments set units = units * 0.9 where variant = 'control'")
    assert "which the split does not explain" in broken_checks(warehouse)["sample_ratio"]


def test_arms_that_differed_before_are_named(spoilt):
    more = """
        update measurement.lift_moments set earlier_orders = earlier_orders * 1.5,
            earlier_orders_squared = earlier_orders_squared * 1.5 where variant = 'control'"""
    assert list(broken_checks(spoilt(more))) == ["alike_before_in_orders"]


def test_what_is_broken_on_a_site_is_broken_over_all(spoilt):
    second_site = "insert into {table} select * replace ('de' as site_id) from {table} where night = date '2026-01-31'"
    tables = ("measurement.lift_moments", "measurement.assignments")
    warehouse = spoilt(
        "; ".join(second_site.format(table=table) for table in tables)
        + "; update measurement.lift_moments set mismatched_units = 500 where site_id = 'de' and variant = 'control'"
    )
    found = broken(health_of(warehouse))
    assert sorted(found) == [("holdout", "all"), ("holdout", "de")]
    assert found["holdout", "all"].startswith("500 of 40,000 visitors (1.25%)")


NIGHTS = dg.DailyPartitionsDefinition("2026-01-01")


@dg.asset(key=["measurement", "lift_moments"], partitions_def=NIGHTS)
def moments_are_there(): ...


@dg.asset(key=["measurement", "experiment_health"], partitions_def=NIGHTS, deps=[["measurement", "lift_moments"]])
def health_is_there(): ...


@pytest.mark.parametrize(
    ("fault", "passed"),
    [
        ("select 1", {"arms_sum_to_the_facts": True, "experiments_may_be_believed": True}),
        ("update measurement.lift_moments set orders = orders - 1", {"arms_sum_to_the_facts": False}),
        (
            "update measurement.experiment_health set status = 'broken' where check_name = 'sample_ratio'",
            {"arms_sum_to_the_facts": True, "experiments_may_be_believed": False},
        ),
    ],
    ids=["sound", "a sum is off", "a split is off"],
)
def test_sums_that_are_off_stop_what_follows_and_doubts_do_not(spoilt, fault, passed):
    warehouse = spoilt()
    warehouse.write_partition("measurement.experiment_health", health_of(warehouse), {"night": NIGHT})
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(fault)
    result = dg.materialize(
        [moments_are_there, health_is_there, arms_sum_to_the_facts, experiments_may_be_believed],
        partition_key=NIGHT.isoformat(),
        resources={"warehouse": WarehouseResource(path=str(warehouse.path))},
        raise_on_error=False,
    )
    assert {check.check_name: check.passed for check in result.get_asset_check_evaluations()} == passed
