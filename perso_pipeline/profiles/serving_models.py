"""Which training serves a night: the newest that passed its gates, a function of the night alone.

Trainings happen as of every so many nights, counted from the calendar and not from the last run, so that nights can
run again or in another order. Keep training itself out.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from perso_pipeline.profiles.predictions_config import TrainingConfig

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Serving:
    """The decision for one site, model and night.

    Attributes:
        newest_training: night of the training that was due.
        chosen: row of ``profiles.prediction_trainings`` that serves; None where none was accepted.
        reason: a sentence.
    """

    newest_training: date
    chosen: Row | None
    reason: str


def training_nights(night: date, config: TrainingConfig) -> list[date]:
    """The training that is due on ``night`` and those that may stand in for it, newest first."""
    newest = night - timedelta(days=night.toordinal() % config.every_nights)
    return [newest - timedelta(days=config.every_nights * back) for back in range(config.fall_back_trainings + 1)]


def choose(nights: Iterable[date], trained: Callable[[date], Row]) -> Serving:
    """The first accepted training of ``nights``; ``trained`` is asked only as far back as it takes."""
    newest: Row | None = None
    for day in nights:
        row = trained(day)
        newest = newest or row
        if row["is_accepted"]:
            reason = row["reason"] if row is newest else f"Trained on {day}; {newest['trained_on']}: {newest['reason']}"
            return Serving(newest["trained_on"], row, reason)
    assert newest is not None
    return Serving(newest["trained_on"], None, newest["reason"])
