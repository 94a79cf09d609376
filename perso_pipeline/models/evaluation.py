"""The race: every model fitted on one split and measured on the same people, with intervals.

Held against real clicks this flatters what the shop already shows; lift is measured online, not here.
Choosing the champion is ``champion``'s business; nothing here writes.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.models import metrics
from perso_pipeline.models.config import SiteModels
from perso_pipeline.models.evidence import Evidence, with_evidence
from perso_pipeline.models.groups import Groups, category_levels
from perso_pipeline.models.intervals import Resamples
from perso_pipeline.models.names import Task
from perso_pipeline.models.past import with_past
from perso_pipeline.models.protocol import (
    Indices,
    Insight,
    LearnsFromFeatures,
    Ranked,
    Recommender,
    TooLargeError,
)
from perso_pipeline.models.roster import BASELINE, build
from perso_pipeline.models.signals import Signals
from perso_pipeline.models.slices import (
    Pairs,
    Slice,
    SliceMeasurement,
    category_pairs,
    category_slices,
    context_pairs,
    measure,
    people_slices,
)
from perso_pipeline.models.split import NotEvaluated, Split, split

PRIMARY: dict[Task, str] = {"personal": "ndcg", "similar": "recall"}
PRIMARY_K = 10
AGAINST_BASELINE = "_minus_popular"
AGAINST_INCUMBENT = "_minus_incumbent"
_BATCH = 2048


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value of one model; ``ci_low`` and ``ci_high`` are None where people are not the unit (coverage)."""

    task: Task
    model: str
    metric: str
    k: int
    value: float
    ci_low: float | None
    ci_high: float | None
    people: int


@dataclass(frozen=True, slots=True)
class Columns:
    """The primary metric of a task person by person.

    Attributes:
        people: ids.
        values: of each model a value per person, aligned with ``people``.
    """

    people: NDArray[np.str_]
    values: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All measurements of a site and the split they rest on.

    Beside them what fitting took, which models stayed out and why, and what those that learn from features go by.
    """

    split: Split
    measurements: tuple[Measurement, ...]
    slices: tuple[SliceMeasurement, ...]
    columns: Mapping[Task, Columns]
    fit_seconds: Mapping[str, float]
    left_out: Mapping[str, str]
    insights: Mapping[str, Insight] = field(default_factory=dict)


def evaluate(
    signals: Signals,
    config: SiteModels,
    *,
    threads: int,
    evidence: Evidence | None = None,
    groups: Groups | None = None,
) -> Evaluation | NotEvaluated:
    """Fit the models of the race on the training part and measure them on the test part, all in all and by slice.

    A model that does not fit into its memory is left out, with its reason: a shop that grew overnight gets its
    lists from the others.
    """
    parts = split(signals, config.evaluation, config.signals)
    if isinstance(parts, NotEvaluated):
        return parts
    if evidence is not None:
        parts = replace(parts, train=with_evidence(parts.train, evidence))
    parts = replace(parts, train=with_past(parts.train, signals, config.signals, evidence))
    left_out: dict[str, str] = {}
    fit_seconds: dict[str, float] = {}
    models: dict[str, Recommender] = {}
    for name, model in build(config, threads=threads).items():
        started = time.perf_counter()
        try:
            models[name] = model.fit(parts.train)
        except TooLargeError as refusal:
            left_out[name] = str(refusal)
            continue
        fit_seconds[name] = time.perf_counter() - started
    measured: list[Measurement] = []
    sliced: list[SliceMeasurement] = []
    columns: dict[Task, Columns] = {}
    for found in (
        _personal(models, parts, config, groups or Groups()),
        _similar(models, parts, config, groups or Groups()),
    ):
        if found is not None:
            people = found.columns().people
            own = people_slices(people, signals, parts, groups or Groups(), config.evaluation.min_slice_people)
            measured += _summed_up(found, config)
            sliced += _by_slice(found, own, config)
            columns[found.task] = found.columns()
    return Evaluation(parts, tuple(measured), tuple(sliced), columns, fit_seconds, left_out, insights=_insights(models))


def _insights(models: Mapping[str, Recommender]) -> dict[str, Insight]:
    shown = {name: model.insight() for name, model in models.items() if isinstance(model, LearnsFromFeatures)}
    return {name: insight for name, insight in shown.items() if insight is not None}


@dataclass(frozen=True, slots=True)
class _Answers:
    """What the models of a task scored.

    Attributes:
        task: task.
        people: id per unit.
        values: model -> (metric, k) -> a value per unit.
        shares: (model, k) -> coverage.
        pairs: units by category, and of each model the primary metric per pair.
    """

    task: Task
    people: NDArray[np.str_]
    values: Mapping[str, Mapping[tuple[str, int], NDArray[np.float64]]]
    shares: Mapping[tuple[str, int], float]
    pairs: Pairs
    by_pair: Mapping[str, NDArray[np.float64]]

    def columns(self) -> Columns:
        return Columns(self.people, {m: own[PRIMARY[self.task], PRIMARY_K] for m, own in self.values.items()})


def answers(model: Recommender, parts: Split, k: int) -> Ranked:
    """Lists for the people of the test part, less what each had in training."""
    seen = parts.train.seen
    batches = [
        model.recommend(people, k, exclude=seen[people])
        for people in np.array_split(parts.people, max(1, -(-len(parts.people) // _BATCH)))
    ]
    return _joined(batches, k)


def _personal(models: Mapping[str, Recommender], parts: Split, config: SiteModels, groups: Groups) -> _Answers:
    deepest = max(config.evaluation.cutoffs)
    people_per_item = np.bincount(parts.train.weights.indices, minlength=len(parts.train.items))
    percentile = metrics.popularity_percentile(people_per_item)
    for_anybody = metrics.chance_for_anybody(people_per_item)
    levels = category_levels(groups.categories.of(parts.train.items))
    history = parts.train.seen[parts.people]
    pairs = category_pairs(parts, groups)
    assert pairs.relevant is not None
    values: dict[str, dict[tuple[str, int], NDArray[np.float64]]] = {}
    shares: dict[tuple[str, int], float] = {}
    by_pair: dict[str, NDArray[np.float64]] = {}
    for name, model in models.items():
        lists = answers(model, parts, deepest)
        values[name] = {}
        for k in config.evaluation.cutoffs:
            of_people = dict(metrics.accuracy(lists, parts.relevant, k))
            of_people["serendipity"] = metrics.serendipity(lists, parts.relevant, for_anybody, k)
            of_people["novelty"] = metrics.novelty(lists, people_per_item, len(parts.train.people), k)
            of_people["popularity_bias"] = metrics.popularity_bias(lists, history, percentile, k)
            if levels.size:
                of_people["diversity"] = metrics.intra_list_diversity(lists, levels, k)
            values[name] |= {(metric, k): column for metric, column in of_people.items()}
            shares[name, k] = metrics.coverage(lists, len(parts.train.items), k)
        of_pairs = metrics.accuracy(_spread(lists, pairs.subject), pairs.relevant, PRIMARY_K)
        by_pair[name] = of_pairs[PRIMARY["personal"]]
    return _Answers("personal", parts.train.people[parts.people], values, shares, pairs, by_pair)


def _similar(models: Mapping[str, Recommender], parts: Split, config: SiteModels, groups: Groups) -> _Answers | None:
    if len(parts.context_people) < config.evaluation.min_people:
        return None
    deepest = max(config.evaluation.cutoffs)
    values: dict[str, dict[tuple[str, int], NDArray[np.float64]]] = {}
    shares: dict[tuple[str, int], float] = {}
    by_pair: dict[str, NDArray[np.float64]] = {}
    pairs, with_category, pair_of = context_pairs(parts, groups)
    asked, answer_of = np.unique(parts.contexts, return_inverse=True)
    for name, model in models.items():
        lists = _spread(model.similar(asked, deepest), answer_of)
        values[name] = {}
        for k in config.evaluation.cutoffs:
            of_contexts = metrics.accuracy(lists, parts.context_relevant, k)
            values[name] |= {
                (metric, k): metrics.by_unit(column, parts.context_unit) for metric, column in of_contexts.items()
            }
            shares[name, k] = metrics.coverage(lists, len(parts.train.items), k)
            if k == PRIMARY_K and len(pair_of):
                by_pair[name] = metrics.by_unit(of_contexts[PRIMARY["similar"]][with_category], pair_of)
    return _Answers("similar", parts.context_people, values, shares, pairs, by_pair)


def _rivals(task: Task, config: SiteModels) -> dict[str, str]:
    """Ending of a difference's name -> who is subtracted."""
    return {AGAINST_BASELINE: BASELINE, AGAINST_INCUMBENT: config.incumbents[task]}


def _by_slice(found: _Answers, own: list[Slice], config: SiteModels) -> Iterator[SliceMeasurement]:
    by_category = category_slices(found.pairs, config.evaluation.min_slice_people)
    for slices, columns in ((own, found.columns().values), (by_category, found.by_pair)):
        yield from measure(
            found.task,
            PRIMARY[found.task],
            PRIMARY_K,
            columns,
            slices,
            rivals=_rivals(found.task, config),
            looked_at=len(own) + len(by_category),
            config=config.evaluation,
        )


def _summed_up(found: _Answers, config: SiteModels) -> Iterator[Measurement]:
    task, values = found.task, found.values
    units = len(found.people)
    resamples = Resamples.of(units, config.evaluation)
    rivals = _rivals(task, config)
    whole: list[tuple[str, str, int, NDArray[np.float64]]] = []
    for model, columns in values.items():
        for (metric, k), column in columns.items():
            # Empty lists have no novelty and no popularity: they are left out, and ``people`` says so.
            known = column[np.isfinite(column)]
            if len(known) == units:
                whole.append((model, metric, k, column))
            elif len(known):
                yield Measurement(task, model, metric, k, float(known.mean()), None, None, len(known))
            for ending, rival in rivals.items():
                # An incumbent that was left out is nobody to be measured against.
                if metric == PRIMARY[task] and model != rival and rival in values:
                    whole.append((model, metric + ending, k, column - values[rival][metric, k]))
    bounds = resamples.intervals([column for *_, column in whole])
    for (model, metric, k, column), (low, high) in zip(whole, bounds, strict=True):
        yield Measurement(task, model, metric, k, float(column.mean()), low, high, units)
    for (model, k), share in found.shares.items():
        yield Measurement(task, model, "coverage", k, share, None, None, units)


def _joined(batches: list[Ranked], k: int) -> Ranked:
    offsets = np.cumsum([0, *[batch.subjects for batch in batches]])
    reasons = {reason for batch in batches for reason in batch.short}
    return Ranked(
        subject=np.concatenate([batch.subject + offset for batch, offset in zip(batches, offsets, strict=False)]),
        item=np.concatenate([batch.item for batch in batches]),
        score=np.concatenate([batch.score for batch in batches]),
        rank=np.concatenate([batch.rank for batch in batches]),
        subjects=int(offsets[-1]),
        asked=k,
        short={
            reason: np.concatenate(
                [
                    batch.short.get(reason, np.zeros(0, dtype=np.int64)) + offset
                    for batch, offset in zip(batches, offsets, strict=False)
                ]
            )
            for reason in sorted(reasons)
        },
    )


def _spread(lists: Ranked, answer_of: Indices) -> Ranked:
    """One list per distinct item to one per context: contexts with the same item share a list."""
    size = np.bincount(lists.subject, minlength=lists.subjects)
    start = np.r_[0, np.cumsum(size)[:-1]]
    lengths = size[answer_of]
    within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    place = np.repeat(start[answer_of], lengths) + within
    return Ranked(
        subject=np.repeat(np.arange(len(answer_of)), lengths),
        item=lists.item[place],
        score=lists.score[place],
        rank=lists.rank[place],
        subjects=len(answer_of),
        asked=lists.asked,
        short={},
    )
