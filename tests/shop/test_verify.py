"""``verify`` on warehouses made by hand: it holds where it should, and says so where it does not."""

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.shop.verify import verify


class HandMade:
    """``contracts.warehouse.Warehouse`` on a DuckDB in memory."""

    def __init__(self) -> None:
        self.db = duckdb.connect()
        self.db.execute("""
            create schema raw; create schema identity; create schema measurement; create schema staging;
            create table raw.delivered_files (load_date date, stream varchar, file varchar, delivered bigint, rejected bigint, erased bigint);
            insert into raw.delivered_files values
                ('2026-01-01', 'order_events', 'a', 6, 0, null), ('2026-01-01', 'order_events', 'b', 4, 1, 0);
            create table staging.stg_order_events as select range as event_id, date '2026-01-01' as known_on from range(7);
            create table identity.identity_map (identifier varchar, person_id varchar, known_on date, void_on date);
            insert into identity.identity_map values
                ('customer:C1', 'p1', '2026-01-01', null), ('visitor:v1', 'p1', '2026-01-01', null),
                ('visitor:v2', 'p1', '2026-01-01', null), ('visitor:v3', 'p3', '2026-01-01', null),
                ('visitor:v2', 'p9', '2026-01-01', '2026-01-02'), ('visitor:bot', 'p7', '2026-01-01', null);
            create table measurement.lift as select
                date '2026-01-01' as night, 'h' as experiment_id, 'all' as site_id, 'orders_per_visitor' as metric, 100 as treatment_units,
                0.05 as relative_lift, -0.01 as relative_ci_low, 0.11 as relative_ci_high, 'better' as verdict,
                null::varchar as reason;
        """)

    def query(self, sql: str, parameters: object = ()) -> pa.Table:
        return self.db.sql(sql, params=parameters or None).to_arrow_table()

    def write_partition(self, table: str, rows: pa.Table, partition: object) -> int:
        raise NotImplementedError

    def exists(self, table: str) -> bool:
        return bool(self.query(
            "select 1 from information_schema.tables where table_schema || '.' || table_name = ?", [table]
        ).num_rows)  # fmt: skip


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Ten records, one broken, two copies; C1 holds v1 and v2 (showed itself on both), another person v3."""
    duckdb.execute(f"""
        copy (select date '2026-01-01' as load_date, 'order_events' as stream, 10 as delivered, 0 as late,
            2 as duplicated, 1 as broken) to '{tmp_path}/deliveries.parquet';
        copy (select 'three' as person_key, 'C3' as customer_id, date '2026-01-01' as deleted_on
            union all select 'one', 'C1', date '2026-01-02') to '{tmp_path}/deleted_accounts.parquet';
        copy (select 'one' as person_key, 'C1' as customer_id) to '{tmp_path}/accounts.parquet';
        copy (select * from (values ('v1', 'one', 2, 9), ('v2', 'one', 1, 1), ('v3', 'two', 0, 4))
            as t (visitor_id, person_key, acts, sessions)) to '{tmp_path}/devices.parquet';
    """)
    (tmp_path / "lift.json").write_text(
        json.dumps({"true_lift": 0.06, "orders_caused": 7, "holdout_id": "h", "experiments": {}}), encoding="utf-8"
    )
    return tmp_path


def _failing(warehouse: HandMade, truth: Path) -> list[str]:
    return [c.name for c in verify(warehouse, truth) if not c.holds]


def test_a_right_warehouse_holds(truth):
    comparisons = verify(HandMade(), truth)
    assert [c.name for c in comparisons if not c.holds] == []
    assert {c.name: c.got for c in comparisons}["order_events: different sound records"] == "7"  # 10 - 1 - 2
    assert "100.0% (3 of 3)" in {c.got for c in comparisons}  # C1-v1, C1-v2, v1-v2


@pytest.mark.parametrize(
    ("damage", "failing"),
    [
        pytest.param(
            "update raw.delivered_files set rejected = 0", ["order_events: records rejected"], id="reject lost"
        ),
        pytest.param(
            "update raw.delivered_files set delivered = 3", ["order_events: records delivered"], id="a file lost"
        ),
        pytest.param(
            "delete from staging.stg_order_events where event_id = 0",
            ["order_events: different sound records"],
            id="a row lost",
        ),
        pytest.param(
            "update identity.identity_map set person_id = 'p1' where identifier = 'visitor:v3'",
            ["identity: pairs put together that are one person"],
            id="two people in one",
        ),
        pytest.param(
            "update identity.identity_map set person_id = 'p5' where identifier = 'visitor:v2' and void_on is null",
            [
                "identity: pairs shown by what people did that are together",
                "identity: all pairs of one person that are together",
            ],
            id="one person in two",
        ),
        pytest.param(
            "update measurement.lift set relative_ci_high = 0.05", ["lift: orders per visitor"], id="interval misses"
        ),
        pytest.param(
            "insert into identity.identity_map values ('customer:C3', 'p4', '2026-01-01', null)",
            ["deleted accounts: erased"],
            id="somebody who deleted the account is still there",
        ),
        pytest.param("delete from measurement.lift", ["lift: orders per visitor"], id="no lift"),
    ],
)
def test_what_is_wrong_does_not_hold(truth, damage, failing):
    warehouse = HandMade()
    warehouse.db.execute(damage)
    assert _failing(warehouse, truth) == failing


def test_records_that_were_erased_are_missing_rightly_and_no_more_than_those(truth):
    warehouse = HandMade()
    warehouse.db.execute("update raw.delivered_files set erased = 2, rejected = 0 where file = 'b'")
    warehouse.db.execute("delete from staging.stg_order_events where event_id = 0")
    assert _failing(warehouse, truth) == []
    warehouse.db.execute("delete from staging.stg_order_events where event_id in (1, 2)")
    assert _failing(warehouse, truth) == ["order_events: different sound records"]


def test_a_lift_that_cannot_be_estimated_is_neither_right_nor_wrong(truth):
    warehouse = HandMade()
    warehouse.db.execute(
        "update measurement.lift set relative_ci_low = null, verdict = 'not enough data', reason = 'too few'"
    )
    assert _failing(warehouse, truth) == []
    lift = next(c for c in verify(warehouse, truth) if c.name.startswith("lift"))
    assert (lift.verdict, lift.got) == ("cannot tell", "not enough data: too few")


def test_an_experiment_that_is_broken_does_not_hold(truth):
    warehouse = HandMade()
    warehouse.db.execute(
        "update measurement.lift set relative_ci_low = null, verdict = 'broken', reason = 'arms swapped'"
    )
    assert _failing(warehouse, truth) == ["lift: orders per visitor"]


def test_a_scenario_control_is_held_against_what_both_its_arms_caused(truth):
    told = json.loads((truth / "lift.json").read_text())
    arms = {"treatment": {"orders": 110, "orders_caused": 10}, "control": {"orders": 52, "orders_caused": 2}}
    (truth / "lift.json").write_text(json.dumps(told | {"experiments": {"s": arms}}), encoding="utf-8")
    warehouse = HandMade()
    warehouse.db.execute("insert into measurement.lift (select * replace ('s' as experiment_id) from measurement.lift)")
    found = {c.name: c for c in verify(warehouse, truth)}["lift of s: orders per visitor"]
    # 1.1 / 1.04 - 1, in the interval from -1 % to 11 %
    assert (found.expected, found.verdict) == ("+5.8%: +10.0% caused in treatment and +4.0% in control", "holds")


def test_a_night_whose_intervals_did_not_keep_their_word_does_not_hold(truth):
    warehouse = HandMade()
    warehouse.db.execute("""
        create table measurement.self_tests as select date '2026-01-01' as night, 'uk' as site_id, test, 'm' as metric,
            estimator, share, 0.02 as share_low, 0.09 as share_high, status, reason
        from (values ('a_a', 'plain', 0.05, 'holds', null), ('a_a', 'cuped', 0.2, 'does not hold', null),
            ('planted', null, null, 'cannot tell', 'few')) as t (test, estimator, share, status, reason)
    """)
    found = {c.name: c for c in verify(warehouse, truth)}
    assert _failing(warehouse, truth) == ["arms that do not differ: splits with a finding, uk"]
    assert found["4 % planted: intervals that hold it, uk"].verdict == "cannot tell"


def test_missing_truth_or_tables_are_named(truth):
    warehouse = HandMade()
    warehouse.db.execute("drop table measurement.lift")
    with pytest.raises(PersoError, match=r"no measurement\.lift"):
        verify(warehouse, truth)
    (truth / "lift.json").unlink()
    with pytest.raises(PersoError, match=r"lift\.json is missing"):
        verify(HandMade(), truth)
