"""One global cut in time: train before it, test from it on; what drops out is counted by reason.

Split by time and never by person or at random: a random split lets a model learn from the future.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.config import EvaluationConfig, SignalsConfig
from perso_pipeline.models.ids import places
from perso_pipeline.models.protocol import Indices, InteractionMatrix
from perso_pipeline.models.signals import Signals, matrix_as_of, to_date, to_day


@dataclass(frozen=True, slots=True)
class NotEvaluated:
    """There is too little to compare models on, and why."""

    because: str


@dataclass(frozen=True, slots=True)
class Split:
    """Train and test of one cut.

    Attributes:
        cut: first day of the test window; every training signal is before it, every test signal not.
        end: last day of the test window.
        train: the matrix as of the cut.
        people: rows of ``train`` that are asked for (task personal).
        relevant: len(people) x items; what each came to want that was not in their training history.
        contexts: columns of ``train`` that are asked for (task similar).
        context_unit: the person-number behind each context, to average by person first.
        context_people: id of each person-number of ``context_unit``.
        context_relevant: len(contexts) x items; the other items of the same person and day.
        rows: signals by fate: train, evaluated, and each reason for dropping. They add up to all signals.
    """

    cut: date
    end: date
    train: InteractionMatrix
    people: Indices
    relevant: sparse.csr_matrix
    contexts: Indices
    context_unit: Indices
    context_people: NDArray[np.str_]
    context_relevant: sparse.csr_matrix
    rows: Mapping[str, int]


def split(signals: Signals, config: EvaluationConfig, signals_config: SignalsConfig) -> Split | NotEvaluated:
    """The first of ``test_days`` with ``enough_people``, else the longest, counted back from the last day with data."""
    if not len(signals):
        return NotEvaluated("there are no signals")
    best: Split | None = None
    for days in sorted(config.test_days):
        cut = to_date(to_day(signals.last_date) - days + 1)
        if cut <= signals.first_date:
            break
        best = _split_at(signals, cut, config, signals_config)
        if len(best.people) >= config.enough_people:
            break
    if best is None:
        return NotEvaluated(
            f"the data begins on {signals.first_date} and ends on {signals.last_date}, which leaves nothing to train "
            f"on before a test window of {min(config.test_days)} days"
        )
    if len(best.people) < config.min_people:
        return NotEvaluated(
            f"from {best.cut} to {best.end} only {len(best.people)} people met something new; {config.min_people} "
            "are needed"
        )
    return best


def _split_at(signals: Signals, cut: date, config: EvaluationConfig, signals_config: SignalsConfig) -> Split:
    train = matrix_as_of(signals, cut, signals_config)
    in_test = signals.day >= to_day(cut)
    assert not len(signals) or signals.day[~in_test].max(initial=-1) < to_day(cut) <= signals.day[in_test].min()
    row = places(signals.people, train.people)[signals.person[in_test]]
    column = places(signals.items, train.items)[signals.item[in_test]]
    wanted = signals.is_relevant[in_test] & (signals.weight[in_test] > 0)
    known = (row >= 0) & (column >= 0)
    seen = np.zeros(len(row), dtype=bool)
    seen[known] = np.asarray(train.seen[row[known], column[known]]).ravel() > 0

    fate = np.select(
        [~wanted, row < 0, column < 0, seen],
        ["not_relevant", "cold_person", "cold_item", "seen_in_train"],
        default="evaluated",
    )
    rows = {"train": int((~in_test).sum())} | {str(name): int((fate == name).sum()) for name in np.unique(fate)}
    assert sum(rows.values()) == len(signals)

    evaluated = fate == "evaluated"
    everyone = np.unique(row[evaluated])
    people = _sample(everyone, train.people, config.max_people, config.seed)
    relevant = sparse.csr_matrix(
        (np.ones(int(evaluated.sum())), (row[evaluated], column[evaluated])), shape=train.weights.shape
    )[people]
    relevant.data[:] = 1.0
    shared = wanted & (column >= 0)
    contexts, owner, context_relevant = _visits(
        signals.person[in_test][shared],
        signals.day[in_test][shared],
        column[shared],
        len(train.items),
        config,
    )
    owners, unit = np.unique(owner, return_inverse=True)
    return Split(
        cut=cut,
        end=signals.last_date,
        train=train,
        people=people,
        relevant=relevant,
        contexts=contexts,
        context_unit=unit.astype(np.int64),
        context_people=signals.people[owners],
        context_relevant=context_relevant,
        rows=rows,
    )


def _visits(
    person: Indices, day: Indices, column: Indices, items: int, config: EvaluationConfig
) -> tuple[Indices, Indices, sparse.csr_matrix]:
    """Contexts of task similar: items that a person met on one day, each against the others of that day.

    Returns:
        The column asked for, the person behind it, and what counts as a hit, aligned.
    """
    visit, visit_of = np.unique(np.stack([person, day], axis=1), axis=0, return_inverse=True)
    baskets = sparse.csr_matrix((np.ones(len(column)), (visit_of.ravel(), column)), shape=(len(visit), items))
    baskets.data[:] = 1.0
    baskets.sort_indices()
    size = np.diff(baskets.indptr)
    rows = np.repeat(np.arange(len(visit)), size)
    usable = size[rows] >= 2
    rows, columns = rows[usable], baskets.indices[usable].astype(np.int64)
    owner = visit[rows, 0] if len(rows) else np.zeros(0, dtype=np.int64)
    draw = _mix(owner * 1_000_003 + visit[rows, 1] * 7_919 + columns, config.seed) if len(rows) else owner
    order = np.lexsort((draw, owner))
    place = np.arange(len(order))
    first = np.r_[True, owner[order][1:] != owner[order][:-1]] if len(order) else np.zeros(0, dtype=bool)
    nth = place - np.maximum.accumulate(np.where(first, place, 0)) if len(order) else place
    chosen = np.sort(order[nth < config.max_contexts_per_person])
    owners = np.unique(owner[chosen])
    chosen = chosen[np.isin(owner[chosen], owners[np.argsort(_mix(owners, config.seed))[: config.max_people]])]
    contexts = columns[chosen]
    others = baskets[rows[chosen]].tolil(copy=False).tocsr() if len(chosen) else baskets[:0]
    repeat = np.repeat(np.arange(len(contexts)), np.diff(others.indptr))
    different = others.indices != contexts[repeat]
    relevant = sparse.csr_matrix(
        (np.ones(int(different.sum())), (repeat[different], others.indices[different])), shape=(len(contexts), items)
    )
    return contexts, owner[chosen].astype(np.int64), relevant


def _sample(rows: Indices, ids: NDArray[np.str_], most: int, seed: int) -> Indices:
    """At most ``most`` rows, by a hash of their id: the same people whatever else is in the data."""
    if len(rows) <= most:
        return rows
    salt = str(seed).encode()
    marks = [hashlib.blake2b(salt + str(name).encode(), digest_size=8).digest() for name in ids[rows]]
    return np.sort(rows[np.argsort(np.array(marks))[:most]])


def _mix(values: Indices, seed: int) -> NDArray[np.uint64]:
    """splitmix64: an even, repeatable shuffle key."""
    mixed = values.astype(np.uint64) + np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
