"""When nights run: the nightly job, its schedule and the sensor on landing folders.

Both start switched off: an owner switches on one of them. Keep what a night does with its stages.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from perso_pipeline.resources.partitions import NIGHTLY, landing_day
from perso_pipeline.resources.settings import SettingsResource

_AT_HOUR, _AT_MINUTE = 2, 30
_SENSOR_SECONDS = 60
_NIGHTS_AT_ONCE = 7  # a first look at years of folders asks for a backfill, not for a thousand runs

nightly = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks(),
    description="One night from landing to the published tables and the report; the gates bind because it is one run.",
    op_retry_policy=dg.RetryPolicy(max_retries=1, delay=5),
    tags={"dagster/max_retries": "1"},
)

nightly_schedule = dg.build_schedule_from_partitioned_job(
    nightly,
    name="every_night",
    description="Runs the night that has just ended at 02:30 UTC.",
    hour_of_day=_AT_HOUR,
    minute_of_hour=_AT_MINUTE,
)


@dg.sensor(
    job=nightly,
    name="landing_folders",
    minimum_interval_seconds=_SENSOR_SECONDS,
    description="Runs a night when files arrive in, or change within, its landing folders.",
)
def landing_sensor(
    context: dg.SensorEvaluationContext, settings: SettingsResource
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for each night whose landing folders are not as they were when last seen, oldest first."""
    known: dict[str, str] = json.loads(context.cursor or "{}")
    seen = landing_fingerprints(settings.get().landing_dir)
    partitions = set(NIGHTLY.get_partition_keys())
    changed = [day for day in sorted(seen) if seen[day] != known.get(day) and day in partitions]
    for day in changed[:_NIGHTS_AT_ONCE]:
        known[day] = seen[day]
        yield dg.RunRequest(run_key=f"{day}-{seen[day]}", partition_key=day, tags={"perso/asked_by": "landing_folders"})
    if not changed:
        yield dg.SkipReason("No landing folder has changed.")
    context.update_cursor(json.dumps(known))


def landing_fingerprints(landing_dir: Path) -> dict[str, str]:
    """For each day with landing folders, a hash over names and times of change of its files.

    Sizes stay out: an erasure makes a file smaller and leaves its time, so that it asks for no night.
    """
    days: dict[str, list[str]] = {}
    for folder in sorted(landing_dir.glob("*/*")):
        if landing_day(folder):
            stats = [(f, f.stat()) for f in sorted(folder.iterdir()) if f.is_file() and not f.name.startswith(".")]
            days.setdefault(folder.name, []).extend(f"{f}|{s.st_mtime_ns}" for f, s in stats)
    return {day: hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] for day, lines in days.items()}
