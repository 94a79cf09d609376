import subprocess
import sys
from pathlib import Path

import dagster as dg

from perso_pipeline.resources.instance import PROCESS_TAG, close_killed_runs, open_instance, this_process
from perso_pipeline.settings import Settings


@dg.job
def nothing() -> None: ...


def started(instance: dg.DagsterInstance, process: str) -> str:
    run = instance.create_run_for_job(nothing, tags={PROCESS_TAG: process})
    instance.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, job_name="nothing"), run_id=run.run_id
    )
    return run.run_id


def test_a_run_whose_process_is_gone_is_marked_failed_and_a_living_one_is_left(tmp_path: Path) -> None:
    gone = subprocess.run(
        [sys.executable, "-c", "from perso_pipeline.resources.instance import this_process; print(this_process())"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    with open_instance(Settings(home=tmp_path)) as instance:
        dead, living = started(instance, gone), started(instance, this_process())
        assert close_killed_runs(instance) == [dead]
        assert instance.get_run_by_id(dead).status is dg.DagsterRunStatus.FAILURE
        assert instance.get_run_by_id(living).status is dg.DagsterRunStatus.STARTED


def test_the_instance_limits_the_warehouse_to_one_step_and_frees_slots_of_dead_runs(tmp_path: Path) -> None:
    with open_instance(Settings(home=tmp_path)) as instance:
        assert instance.run_monitoring_enabled
        pools = instance.get_settings("concurrency")["pools"]
        assert (pools["default_limit"], pools["granularity"]) == (1, "run")
        assert instance.get_settings("run_monitoring")["free_slots_after_run_end_seconds"] == 60
