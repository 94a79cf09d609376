"""Rolling origins: the race again at several cuts in time, and what it says over all of them.

One cut can be a lucky week. Each origin trains on what came before its cut alone and tests on what came after; origins
are pooled by person, for the same people come back. Not part of a night: ``perso models origins`` runs it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.models.config import SiteModels
from perso_pipeline.models.evaluation import (
    AGAINST_BASELINE,
    AGAINST_INCUMBENT,
    PRIMARY,
    PRIMARY_K,
    Columns,
    Evaluation,
    Measurement,
    evaluate,
)
from perso_pipeline.models.evidence import Evidence
from perso_pipeline.models.groups import Groups
from perso_pipeline.models.intervals import Resamples
from perso_pipeline.models.names import TASKS, Task
from perso_pipeline.models.roster import BASELINE
from perso_pipeline.models.signals import Signals, to_date, to_day
from perso_pipeline.models.split import NotEvaluated


@dataclass(frozen=True, slots=True)
class Origin:
    """The race at one cut; ``last_day`` is the end of its test window."""

    last_day: date
    outcome: Evaluation | NotEvaluated


@dataclass(frozen=True, slots=True)
class Pooled:
    """A model over all origins.

    Attributes:
        task: task.
        model: who.
        value: mean over people of the person's mean over their origins.
        against: rival -> the paired difference with its bootstrap interval.
        ahead: rival -> origins at which the mean was higher.
        origins: origins at which the model was measured.
        people: people in all.
    """

    task: Task
    model: str
    value: float
    against: Mapping[str, Measurement]
    ahead: Mapping[str, int]
    origins: int
    people: int


def run_origins(
    signals: Signals,
    config: SiteModels,
    *,
    threads: int,
    evidence: Evidence | None = None,
    groups: Groups | None = None,
) -> Iterator[Origin]:
    """The newest origin first, ``evaluation.origins`` of them, as far as the data reaches.

    Each is tested on ``origin_days`` days and the next one ends where it begins, so that no click is counted twice.
    People, segments and categories are those of the night for all origins.
    """
    windows = config.evaluation.model_copy(update={"test_days": [config.evaluation.origin_days]})
    config = config.model_copy(update={"evaluation": windows})
    for place in range(config.evaluation.origins if len(signals) else 0):
        last = to_day(signals.last_date) - place * config.evaluation.origin_days
        if last < to_day(signals.first_date):
            return
        known = until(signals, to_date(last))
        yield Origin(to_date(last), evaluate(known, config, threads=threads, evidence=evidence, groups=groups))


def until(signals: Signals, last: date) -> Signals:
    """What had happened by the end of a day."""
    return replace(signals.rows(signals.day <= to_day(last)), fingerprint=f"{signals.fingerprint} until {last}")


def pooled(origins: Sequence[Origin], config: SiteModels) -> list[Pooled]:
    """Every model of every task over the origins that could be evaluated, the best first."""
    made: list[Pooled] = []
    for task in TASKS:
        columns = [
            o.outcome.columns[task] for o in origins if isinstance(o.outcome, Evaluation) and task in o.outcome.columns
        ]
        if columns:
            made += sorted(_of_task(task, columns, config), key=lambda one: (-one.value, one.model))
    return made


def _of_task(task: Task, columns: Sequence[Columns], config: SiteModels) -> Iterator[Pooled]:
    """Only models that were measured at every origin are compared: another's mean would be over other people."""
    models = [name for name in columns[0].values if all(name in own.values for own in columns)]
    people, person = np.unique(np.concatenate([own.people for own in columns]), return_inverse=True)
    resamples = Resamples.of(len(people), config.evaluation)

    def by_person(values: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.bincount(person, weights=np.concatenate(values)) / np.bincount(person)

    rivals = {AGAINST_BASELINE: BASELINE, AGAINST_INCUMBENT: config.incumbents[task]}
    for model in models:
        against, ahead = {}, {}
        for ending, rival in rivals.items():
            if model == rival or rival not in models:
                continue
            gaps = [own.values[model] - own.values[rival] for own in columns]
            difference = by_person(gaps)
            low, high = resamples.interval(difference)
            name = PRIMARY[task] + ending
            middle = float(difference.mean())
            against[rival] = Measurement(task, model, name, PRIMARY_K, middle, low, high, len(people))
            ahead[rival] = sum(bool(gap.mean() > 0) for gap in gaps)
        mean = float(by_person([own.values[model] for own in columns]).mean())
        yield Pooled(task, model, mean, against, ahead, len(columns), len(people))
