"""The Dagster instance of an installation: where it is, its ``dagster.yaml``, and runs that were killed.

A run started from the command line that is killed stays STARTED for ever and keeps its pool slot, because
no daemon watches it; ``close_killed_runs`` finds it by its process.
"""

import os
from pathlib import Path

import dagster as dg

from perso_pipeline.settings import Settings

PROCESS_TAG = "perso/process"
_TEMPLATE = Path(__file__).with_name("dagster.yaml")


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The persistent instance under the home, made at first use."""
    prepare_dagster_home(settings)
    return dg.DagsterInstance.from_config(str(settings.dagster_home))


def prepare_dagster_home(settings: Settings) -> Path:
    """Make ``<home>/dagster`` with our ``dagster.yaml`` where there is none yet."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        (home / "dagster.yaml").write_text(
            _TEMPLATE.read_text(encoding="utf-8").replace("{home}", str(home)), encoding="utf-8"
        )
    return home


def this_process() -> str:
    """Id of this process that a later process with the same number does not share."""
    return _process_id(os.getpid())


def close_killed_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as failed whose process is gone, and free their pool slots; returns their ids."""
    unfinished = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED]
    closed = []
    for run in instance.get_runs(dg.RunsFilter(statuses=unfinished)):
        process = run.tags.get(PROCESS_TAG)
        if process and process != _process_id(int(process.split(":")[0])):
            instance.report_run_failed(run, message="The process of this run was killed; found at the next start.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            closed.append(run.run_id)
    return closed


def runs_under_way(instance: dg.DagsterInstance) -> list[str]:
    """Ids of the runs that have begun and not ended."""
    begun = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]
    return [run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=begun))]


def _process_id(number: int) -> str:
    try:
        # Field 22 of /proc/<pid>/stat is the start time; the name in field 2 may hold spaces.
        started = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[19]
    except OSError:
        started = "alive" if _is_alive(number) else "gone"
    return f"{number}:{started}"


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
