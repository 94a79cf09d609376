"""Slices of an evaluation: new and returning people, segments, item categories, each with its own interval.

Many slices are looked at together, so that one of them would look harmed by chance alone: intervals are widened until
all slices of a task hold together at ``evaluation.confidence`` (Bonferroni). Choosing champions stays in ``champion``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from perso_pipeline.models.config import EvaluationConfig
from perso_pipeline.models.groups import Groups, top_category
from perso_pipeline.models.names import Task
from perso_pipeline.models.protocol import Indices
from perso_pipeline.models.signals import Signals, to_day
from perso_pipeline.models.split import Split

SliceKind = Literal["history", "segment", "category"]
KINDS: tuple[SliceKind, ...] = get_args(SliceKind)
NEW, RETURNING = "new", "returning"


@dataclass(frozen=True, slots=True)
class SliceMeasurement:
    """One value of one model for some of the people."""

    task: Task
    kind: SliceKind
    slice: str
    model: str
    metric: str
    k: int
    value: float
    ci_low: float
    ci_high: float
    people: int


@dataclass(frozen=True, slots=True)
class Slice:
    """Some people of a task.

    Attributes:
        kind: what it goes by.
        name: segment, category, or new and returning.
        at: places in the columns of values, one value per person.
    """

    kind: SliceKind
    name: str
    at: Indices


@dataclass(frozen=True, slots=True)
class Pairs:
    """Person and category, where one person may stand in several categories.

    Attributes:
        subject: the list that answers each pair (task personal) or the person of each pair (task similar).
        category: the name of each pair's category.
        relevant: pairs x items, what counts as a hit; None for task similar, where a context has one category.
    """

    subject: Indices
    category: NDArray[np.str_]
    relevant: sparse.csr_matrix | None


def people_slices(ids: NDArray[np.str_], signals: Signals, parts: Split, groups: Groups, least: int) -> list[Slice]:
    """Slices by history and segment of the people ``ids``; those with fewer than ``least`` people are left out.

    New: met on one day at most before the cut; returning: on several. A person without a segment is in none.
    """
    days = _days_before(signals, to_day(parts.cut))
    place = np.searchsorted(signals.people, ids)
    history = np.where(days[place] > 1, RETURNING, NEW) if len(ids) else np.zeros(0, dtype=np.str_)
    return [*_slices("history", history, least), *_slices("segment", groups.segments.of(ids), least)]


def category_pairs(parts: Split, groups: Groups) -> Pairs:
    """For task personal: each person once for every category of what they came to want, with the hits of that one."""
    top = top_category(groups.categories.of(parts.train.items))
    names, number = np.unique(top, return_inverse=True)
    relevant = parts.relevant.tocsr()
    rows = np.repeat(np.arange(relevant.shape[0]), np.diff(relevant.indptr))
    category = number[relevant.indices]
    known = names[category] != ""
    rows, columns, category = rows[known], relevant.indices[known], category[known]
    pair, pair_of = np.unique(rows * len(names) + category, return_inverse=True)
    hits = sparse.csr_matrix((np.ones(len(columns)), (pair_of, columns)), shape=(len(pair), relevant.shape[1]))
    return Pairs(pair // max(len(names), 1), names[pair % len(names)] if len(pair) else names[:0], hits)


def context_pairs(parts: Split, groups: Groups) -> tuple[Pairs, Indices, Indices]:
    """For task similar: person and category of the item asked for; the contexts that have one, and their pairs."""
    top = top_category(groups.categories.of(parts.train.items))[parts.contexts]
    names, number = np.unique(top, return_inverse=True)
    kept = np.flatnonzero(top != "")
    pair, pair_of = np.unique(parts.context_unit[kept] * len(names) + number[kept], return_inverse=True)
    category = names[pair % len(names)] if len(pair) else names[:0]
    return Pairs(pair // max(len(names), 1), category, None), kept, pair_of


def category_slices(pairs: Pairs, least: int) -> list[Slice]:
    return _slices("category", pairs.category, least)


def measure(
    task: Task,
    metric: str,
    k: int,
    columns: Mapping[str, NDArray[np.float64]],
    slices: Sequence[Slice],
    *,
    rivals: Mapping[str, str],
    looked_at: int,
    config: EvaluationConfig,
) -> Iterator[SliceMeasurement]:
    """Mean, and mean difference to each rival, of every model in every slice, with Student's interval of the mean.

    Args:
        task: task.
        metric: name of what the columns hold.
        k: cutoff of what the columns hold.
        columns: of each model a value per place that slices point to.
        slices: who.
        rivals: ending of the metric's name -> model that is subtracted, person by person.
        looked_at: slices of the task in all, for which intervals are widened.
        config: confidence.
    """
    for some in slices:
        people = len(some.at)
        tail = (1 - config.confidence) / 2 / max(looked_at, 1)
        reach = float(stats.t.ppf(1 - tail, people - 1)) / np.sqrt(people)
        for model, column in columns.items():
            values = {"": column[some.at]}
            for ending, rival in rivals.items():
                if model != rival and rival in columns:
                    values[ending] = column[some.at] - columns[rival][some.at]
            for ending, own in values.items():
                middle, width = float(own.mean()), float(own.std(ddof=1) * reach)
                yield SliceMeasurement(
                    task,
                    some.kind,
                    some.name,
                    model,
                    metric + ending,
                    k,
                    middle,
                    middle - width,
                    middle + width,
                    people,
                )


def _slices(kind: SliceKind, label: NDArray[np.str_], least: int) -> list[Slice]:
    names, number, size = np.unique(label, return_inverse=True, return_counts=True)
    return [
        Slice(kind, str(name), np.flatnonzero(number == place))
        for place, name in enumerate(names)
        if name and size[place] >= least
    ]


def _days_before(signals: Signals, day: int) -> Indices:
    """Of each person of the signals, the days with a signal before ``day``."""
    before = signals.day < day
    met = np.unique(signals.person[before] * (day + 1) + signals.day[before]) // (day + 1)
    return np.bincount(met, minlength=len(signals.people))
