"""Which training serves a night: the newest that passed its gates, a function of the night alone.

Trainings happen as of every so many nights, counted from the calendar and not from the last run, so that nights can
run again or in another order. Keep training itself out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from perso_pipeline.profiles.predictions.config import TrainingConfig

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


def choose(nights: Sequence[date], trained: Callable[[date], Row | None]) -> Serving:
    """The first accepted training of ``nights``, which are asked for only as far back as it takes.

    ``trained`` gives None for a night on which nothing was known of the site; nothing was known before it either.
    """
    due: Row | None = None
    for day in nights:
        row = trained(day)
        if row is None:
            break
        due = due or row
        if row["is_accepted"]:
            is_due = row is due
            return Serving(
                nights[0], row, row["reason"] if is_due else f"Trained on {day}; {nights[0]}: {due['reason']}"
            )
    reason = due["reason"] if due else f"Not estimable, because nothing was known of the site on {nights[0]}."
    return Serving(nights[0], None, reason)
