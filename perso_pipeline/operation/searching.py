"""``perso search``: the job ``search_models`` in this process, its progress line by line, its result a folder."""

import uuid
from pathlib import Path

from dagster import EventLogEntry

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.definitions import defs
from perso_pipeline.operation.nights import Progress, reason_of
from perso_pipeline.resources.instance import PROCESS_TAG, close_killed_runs, open_instance, this_process
from perso_pipeline.settings import Settings


def search(settings: Settings, order: dict[str, str | float | int], *, say: Progress) -> Path:
    """Run a search and return the folder of its files; ``order`` is the config of the job's op.

    Raises:
        PersoError: the search could not be made; says why.
    """
    job = defs.resolve_job_def("search_models")
    run_id = str(uuid.uuid4())
    with open_instance(settings) as instance:
        for killed in close_killed_runs(instance):
            say(f"run {killed[:8]} had been killed: marked as failed")
        instance.add_event_listener(run_id, lambda entry: _tell(entry, say))
        result = job.execute_in_process(
            instance=instance,
            run_config={
                "ops": {"search_model": {"config": order}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            tags={PROCESS_TAG: this_process()},
            raise_on_error=False,
            run_id=run_id,
        )
        if not result.success:
            failed = [event for event in result.all_events if event.is_step_failure]
            raise PersoError(reason_of(failed[0].step_failure_data) if failed else "The search failed at its start.")
        return Path(result.output_for_node("search_model"))


def _tell(entry: EventLogEntry, say: Progress) -> None:
    if entry.dagster_event is None and entry.user_message:
        say(entry.user_message)
