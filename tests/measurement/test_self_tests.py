"""The night tests its own intervals: seeded, on whoever was assigned, and it says when it cannot."""

from datetime import date, timedelta

import dagster as dg
import duckdb
import pytest

from perso_pipeline.measurement.checks import intervals_keep_their_word
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.self_tests import self_tests
from perso_pipeline.resources.warehouse import DuckDBWarehouse, WarehouseResource

NIGHT = date(2026, 1, 31)
SHARES = {"holdout": 0.2, "beside": 0.1}


@pytest.fixture
def warehouse(tmp_path):
    """4,000 visitors on one site, of whom 1,600 ordered; 40 on another, of whom 8 did; a scenario control beside."""
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("""
            create schema measurement;
            create table measurement.experiments as from (values
                (date '2026-01-31', 'holdout', 'holdout'), (date '2026-01-31', 'beside', 'scenario_control'),
                (date '2026-02-01', 'holdout', 'holdout')) as t (night, experiment_id, kind);
            create table measurement.assignments as
            select night, experiment_id, site_id, 'v' || v as unit_id, case when v % 3 = 0 then 'new' else 'unknown' end as segment_id
            from (select unnest(range(4000)) as v, 'uk' as site_id union all select unnest(range(40)), 'de') as units
            cross join measurement.experiments;
            create table measurement.unit_outcomes as
            select night, experiment_id, site_id, unit_id, 1 + hash(unit_id) % 3 as orders,
                (10 + hash(unit_id || 'x') % 90)::decimal(18, 4) as net, hash(unit_id || 'y') % 2 as earlier_orders,
                (hash(unit_id || 'y') % 2 * 20)::decimal(18, 4) as earlier_net
            from measurement.assignments where unit_id[2:]::int % 5 < 2;
        """)
    return DuckDBWarehouse(path)


def rows_of(warehouse, night=NIGHT, config=MeasurementConfig()):  # noqa: B008  (it is frozen)
    return self_tests(warehouse, night, shares=SHARES, config=config).to_pylist()


def test_each_site_of_a_holdout_is_tested_by_every_metric_and_estimator(warehouse):
    rows = [row for row in rows_of(warehouse) if row["site_id"] == "uk"]
    assert {row["experiment_id"] for row in rows} == {"holdout"}
    assert [(row["test"], row["metric"], row["estimator"]) for row in rows if row["test"] == "a_a"] == [
        *(("a_a", metric, estimator) for metric in ("orders_per_visitor", "net_revenue_per_visitor")
          for estimator in ("plain", "cuped", "post_stratified", "sequence")),
        ("a_a", "net_revenue_per_order", "plain"),
    ]  # fmt: skip
    assert [row["estimator"] for row in rows if row["test"] == "planted"] == ["plain", "cuped", "post_stratified"]
    assert {row["status"] for row in rows} == {"holds"}
    assert {(row["splits"], row["visitors"]) for row in rows} == {(400, 4000)}


def test_too_few_buyers_cannot_be_tested_and_it_says_so(warehouse):
    [row] = [row for row in rows_of(warehouse) if row["site_id"] == "de"]
    assert (row["status"], row["share"]) == ("cannot tell", None)
    assert row["reason"] == "Only 3 visitors of a control would have ordered; 25 are needed."


def test_a_night_splits_the_same_way_again_and_the_next_one_otherwise(warehouse):
    shares = [
        [row["share"] for row in rows_of(warehouse, night)] for night in (NIGHT, NIGHT, NIGHT + timedelta(days=1))
    ]
    assert shares[0] == shares[1] != shares[2]


def test_a_share_that_chance_does_not_explain_is_named_by_the_check(warehouse):
    rows = self_tests(warehouse, NIGHT, shares=SHARES, config=MeasurementConfig())
    warehouse.write_partition("measurement.self_tests", rows, {"night": NIGHT})

    @dg.asset(key=["measurement", "self_tests"], partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
    def tests_are_there(): ...

    def check():
        result = dg.materialize(
            [tests_are_there, intervals_keep_their_word],
            partition_key=NIGHT.isoformat(),
            resources={"warehouse": WarehouseResource(path=str(warehouse.path))},
        )
        [found] = result.get_asset_check_evaluations()
        return found

    assert check().passed
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("""
            update measurement.self_tests set share = 0.2, status = 'does not hold'
            where estimator = 'cuped' and test = 'a_a' and metric = 'orders_per_visitor'
        """)
    found = check()
    assert not found.passed
    assert found.description == (
        "a_a of orders_per_visitor by cuped on uk: 20.0 % of splits, expected from 1.0 to 11.0 %"
    )
