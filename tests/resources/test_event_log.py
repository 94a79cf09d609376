from pathlib import Path

import dagster as dg

from perso_pipeline.resources.event_log import BatchingEventLog
from perso_pipeline.resources.instance import open_instance
from perso_pipeline.settings import Settings

DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-02-01")


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def table() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"dagster/row_count": 3})


@dg.asset_check(asset=table)
def fits() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def backfill(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [table, fits],
        instance=instance,
        tags={"dagster/asset_partition_range_start": "2026-01-01", "dagster/asset_partition_range_end": "2026-01-31"},
    )


def test_a_backfill_leaves_one_materialization_for_each_night(tmp_path: Path) -> None:
    with open_instance(Settings(home=tmp_path)) as instance:
        assert isinstance(instance.event_log_storage, BatchingEventLog)
        assert backfill(instance).success
        key = dg.AssetKey("table")
        assert len(instance.get_materialized_partitions(key)) == 31
        records = instance.fetch_materializations(key, limit=100).records
        assert len(records) == 31
        assert all(r.asset_materialization.metadata["dagster/row_count"].value == 3 for r in records)


def test_what_one_process_wrote_another_reads(tmp_path: Path) -> None:
    with open_instance(Settings(home=tmp_path)) as first:
        run_id = backfill(first).run_id
    with open_instance(Settings(home=tmp_path)) as second:
        assert second.get_run_by_id(run_id).is_success
        assert second.get_latest_materialization_event(dg.AssetKey("table")).run_id == run_id
        checks = second.event_log_storage.get_latest_asset_check_execution_by_key(
            [dg.AssetCheckKey(dg.AssetKey("table"), "fits")]
        )
        assert [c.run_id for c in checks.values()] == [run_id]
