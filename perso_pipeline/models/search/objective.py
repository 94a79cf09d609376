"""What a search is judged by: windows that roll back from the race's own test window, which it never sees."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.models import metrics
from perso_pipeline.models.config import SiteModels
from perso_pipeline.models.evaluation import PRIMARY, PRIMARY_K, answers
from perso_pipeline.models.evidence import Evidence, with_evidence
from perso_pipeline.models.intervals import Resamples
from perso_pipeline.models.names import Task
from perso_pipeline.models.protocol import Recommender
from perso_pipeline.models.roster import build
from perso_pipeline.models.signals import Signals, to_day
from perso_pipeline.models.split import NotEvaluated, Split, split


@dataclass(frozen=True, slots=True)
class Windows:
    """Where settings are compared.

    Attributes:
        test: the race's split; looked at once, after the search.
        validation: newest first; each window ends before the next newer one begins, all before ``test.cut``.
    """

    test: Split
    validation: tuple[Split, ...]


@dataclass(frozen=True, slots=True)
class Gain:
    """Best against present settings on the test window: mean difference and its paired interval."""

    current: float
    best: float
    difference: float
    ci_low: float
    ci_high: float
    units: int


def windows(signals: Signals, evidence: Evidence, config: SiteModels, *, most: int) -> Windows:
    """The test window of the race and up to ``most`` windows before it.

    Raises:
        PersoError: there is too little data for even one window before the test window.
    """
    test = split(signals, config.evaluation, config.signals)
    if isinstance(test, NotEvaluated):
        msg = f"There is too little to search on: {test.because}."
        raise PersoError(msg)
    found: list[Split] = []
    latest = test
    because = ""
    while len(found) < most:
        earlier = split(signals.rows(signals.day < to_day(latest.cut)), config.evaluation, config.signals)
        if isinstance(earlier, NotEvaluated):
            because = earlier.because
            break
        found.append(earlier)
        latest = earlier
    if not found:
        msg = f"There is too little before the test window, which begins on {test.cut}, to search on: {because}."
        raise PersoError(msg)

    def whole(parts: Split) -> Split:
        return replace(parts, train=with_evidence(parts.train, evidence))

    return Windows(whole(test), tuple(whole(parts) for parts in found))


def with_settings(config: SiteModels, model: str, settings: Mapping[str, Any]) -> SiteModels:
    """The site's settings with those of one model changed; they are checked as if they stood in the file."""
    block = getattr(config, model)
    changed = type(block).model_validate(block.model_dump() | dict(settings))
    return config.model_copy(update={model: changed})


def values_by_window(
    config: SiteModels, model: str, parts: tuple[Split, ...], task: Task, *, threads: int
) -> Iterator[float]:
    """Fit and measure window by window: the mean over people of the task's first metric."""
    for one in parts:
        fitted = build(config, threads=threads, names=[model])[model].fit(one.train)
        yield float(per_unit(fitted, one, task).mean())


def gain(config: SiteModels, model: str, best: Mapping[str, Any], test: Split, task: Task, *, threads: int) -> Gain:
    """Present and best settings on the test window, person by person."""
    columns = [
        per_unit(build(settings, threads=threads, names=[model])[model].fit(test.train), test, task)
        for settings in (config, with_settings(config, model, best))
    ]
    difference = columns[1] - columns[0]
    low, high = Resamples.of(len(difference), config.evaluation).interval(difference)
    return Gain(
        float(columns[0].mean()), float(columns[1].mean()), float(difference.mean()), low, high, len(difference)
    )


def per_unit(model: Recommender, parts: Split, task: Task) -> NDArray[np.float64]:
    """The task's first metric at 10, per person."""
    if task == "personal":
        lists = answers(model, parts, PRIMARY_K)
        return metrics.accuracy(lists, parts.relevant, PRIMARY_K)[PRIMARY[task]]
    lists = model.similar(parts.contexts, PRIMARY_K)
    return metrics.by_unit(
        metrics.accuracy(lists, parts.context_relevant, PRIMARY_K)[PRIMARY[task]], parts.context_unit
    )
