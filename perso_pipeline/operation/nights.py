"""Running nights from the command line, in this process.

One night is one run of the whole graph, so that every gate binds. A range is one run of the fact stages
for all its nights, then one run per night of what follows.
"""

import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import import_module

import dagster as dg
from dagster import EventLogEntry
from dagster._core.execution.plan.objects import StepFailureData

from perso_pipeline.contracts.errors import PersoError, nearest
from perso_pipeline.definitions import FACT_STAGES, defs
from perso_pipeline.resources.dbt import REBUILD_TAG
from perso_pipeline.resources.instance import PROCESS_TAG, close_killed_runs, open_instance, this_process
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.settings import Settings

Progress = Callable[[str], None]
_CHECKS_SAID = 3  # of those that stopped a night
_LISTS = ("recommendations", "recommendations")  # what their gate only shows is said at the end of a night too


@dataclass(frozen=True)
class NightsResult:
    """What a call of ``run_nights`` did."""

    run_ids: tuple[str, ...]
    seconds: float


def run_nights(
    first: date,
    last: date,
    *,
    settings: Settings,
    later_stages_from: date | None = None,
    facts_only: bool = False,
    up_to: Sequence[str] = (),
    on_step: Progress,
) -> NightsResult:
    """Run the nights ``first`` to ``last``, both included.

    Args:
        first: First night.
        last: Last night.
        settings: Where things stand.
        later_stages_from: Profiles and what follows run from this night on (default: ``first``); the fact
            stages always run for the whole range.
        facts_only: Stop after the fact stages.
        up_to: Tables, as ``stage.table``: make these and what they are made of, and no other.
        on_step: Called with one line for each finished step.

    Raises:
        PersoError: a night is outside the partitions, there is no such table, or a run failed; says which step and why.
    """
    begun = time.monotonic()
    _import_ahead()
    known = NIGHTLY.get_partition_keys()
    for night in (first, last):
        if night.isoformat() not in known:
            msg = (
                f"There is no night {night}: nights go from {known[0]} to {known[-1]}, "
                "from the first landing folder until yesterday."
            )
            raise PersoError(msg)
    wanted = made_of(up_to)
    facts = wanted & dg.AssetSelection.groups(*FACT_STAGES)
    later = wanted - facts
    goes_on = not facts_only and bool(later.resolve(defs.resolve_asset_graph()))
    runs = []
    with open_instance(settings) as instance:
        for run_id in close_killed_runs(instance):
            on_step(f"run {run_id[:8]} had been killed: marked as failed")
        if first == last and not facts_only:
            runs.append(_run(instance, night=first, selection=wanted if up_to else None, on_step=on_step))
        else:
            runs.append(_run(instance, nights=(first, last), selection=facts, on_step=on_step))
            night = max(later_stages_from or first, first)
            while goes_on and night <= last:
                runs.append(_run(instance, night=night, selection=later, on_step=on_step))
                night += timedelta(days=1)
    return NightsResult(tuple(runs), time.monotonic() - begun)


def made_of(tables: Sequence[str]) -> dg.AssetSelection:
    """The tables with everything they are made of; all there are where none is named."""
    if not tables:
        return dg.AssetSelection.all()
    known = {".".join(key.path): key for key in defs.resolve_asset_graph().materializable_asset_keys}
    for table in tables:
        if table not in known:
            msg = f"There is no table {table!r}{nearest(table, known)}; docs/reference/tables.md lists them all."
            raise PersoError(msg)
    return dg.AssetSelection.assets(*(known[table] for table in tables)).upstream().required_multi_asset_neighbors()


def _import_ahead() -> None:
    """Great Expectations takes three seconds to import; DuckDB loads raw meanwhile without Python's lock."""
    threading.Thread(target=import_module, args=["perso_pipeline.quality.datasource"], daemon=True).start()


def rebuild_facts(first: date, last: date, *, settings: Settings, on_step: Progress) -> NightsResult:
    """Make every fact table after raw anew, for all nights; gates look at ``first`` to ``last``.

    Raises:
        PersoError: the run failed; says which step and why.
    """
    begun = time.monotonic()
    after_raw = dg.AssetSelection.groups(*(stage for stage in FACT_STAGES if stage != "raw"))
    with open_instance(settings) as instance:
        for run_id in close_killed_runs(instance):
            on_step(f"run {run_id[:8]} had been killed: marked as failed")
        run_id = _run(
            instance, nights=(first, last), selection=after_raw, on_step=on_step, more_tags={REBUILD_TAG: "facts"}
        )
    return NightsResult((run_id,), time.monotonic() - begun)


def _run(
    instance: dg.DagsterInstance,
    *,
    on_step: Progress,
    night: date | None = None,
    nights: tuple[date, date] | None = None,
    selection: dg.AssetSelection | None = None,
    more_tags: Mapping[str, str] | None = None,
) -> str:
    tags = {PROCESS_TAG: this_process(), **(more_tags or {})}
    if nights:
        tags |= {
            "dagster/asset_partition_range_start": nights[0].isoformat(),
            "dagster/asset_partition_range_end": nights[1].isoformat(),
        }
    on_step(f"night {night}" if night else f"nights {nights[0]} to {nights[1]}" if nights else "")
    job = defs.resolve_job_def("nightly")
    keys = sorted(selection.resolve(defs.resolve_asset_graph())) if selection else None
    run_id = str(uuid.uuid4())
    instance.add_event_listener(run_id, lambda entry: _tell(entry, on_step))
    result = job.execute_in_process(
        instance=instance,
        partition_key=night.isoformat() if night else None,
        asset_selection=keys,
        tags=tags,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
        run_id=run_id,
    )
    if not result.success:
        raise PersoError(_failure(result))
    for shown in result.get_asset_check_evaluations():
        if not shown.passed and shown.asset_key == dg.AssetKey(_LISTS):
            on_step(f"  look at {'.'.join(_LISTS)}: {shown.description}")
    return result.run_id


def _failure(result: dg.ExecuteInProcessResult) -> str:
    failed_checks = [
        evaluation
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR
    ]
    run = f"run {result.run_id[:8]}"
    if failed_checks:
        table = ".".join(failed_checks[0].asset_key.path)
        said = "; ".join(check.description or check.check_name for check in failed_checks[:_CHECKS_SAID])
        more = f"; and {len(failed_checks) - _CHECKS_SAID} more" if len(failed_checks) > _CHECKS_SAID else ""
        return (
            f"The gate on {table} stopped {run}: {said}{more}; "
            "nothing after it has run. Mend the data or the rule and run the night again."
        )
    events = [e for e in result.all_events if e.is_step_failure]
    if not events:
        return f"{run.capitalize()} failed before its first step; start it with --debug to see why."
    return f"Step {events[0].step_key} of {run} failed: {reason_of(events[0].step_failure_data)}"


def reason_of(failure: StepFailureData) -> str:
    """Why a step failed, from the error at the bottom."""
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = failure.error
    while error and error.cause:
        error = error.cause
    return " ".join(error.message.split())[:600] if error else "no reason given"


def _tell(entry: EventLogEntry, on_step: Progress) -> None:
    event = entry.dagster_event
    if event is None:
        return
    if event.is_step_success:
        on_step(f"  {event.step_key:32} {event.step_success_data.duration_ms / 1000:6.1f} s")
    elif event.is_step_failure or event.is_step_skipped:
        on_step(f"  {event.step_key:32} {'FAILED' if event.is_step_failure else 'skipped'}")
