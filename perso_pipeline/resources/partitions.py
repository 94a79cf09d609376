"""The one partitioning of the product: nights.

Partition D means "the landing folders dated D and before, as they arrived". Keep other time rules with
their stage.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg

from perso_pipeline.settings import Settings


def first_night(landing_dir: Path) -> date:
    """Day of the oldest landing folder; yesterday (UTC) where nothing has been delivered yet."""
    days = [day for day in map(landing_day, landing_dir.glob("*/*")) if day]
    return min(days, default=datetime.now(tz=UTC).date() - timedelta(days=1))


def landing_day(folder: Path) -> date | None:
    """Date of a landing folder ``<stream>/<YYYY-MM-DD>``, or None for anything else."""
    try:
        return date.fromisoformat(folder.name) if len(folder.name) == len("2026-01-01") else None
    except ValueError:
        return None


NIGHTLY = dg.DailyPartitionsDefinition(start_date=first_night(Settings().landing_dir).isoformat(), timezone="UTC")
