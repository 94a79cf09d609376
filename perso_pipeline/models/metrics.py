"""Metrics of ranked lists: a value per subject first, the mean second.

Degenerate cases: a subject without relevant items has no value and must not be passed in; a list that is
empty or shorter than k scores what it holds, and precision still divides by k. Keep intervals out.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.protocol import Indices, Ranked

PerSubject = NDArray[np.float64]


def accuracy(lists: Ranked, relevant: sparse.csr_matrix, k: int) -> Mapping[str, PerSubject]:
    """recall, precision, ndcg, map, mrr and hit_rate at ``k`` per subject.

    recall = hits / relevant. ndcg: gain 1, discount log2(rank + 1), ideal over min(k, relevant) places.
    map: mean of precision at each hit over min(k, relevant). mrr: 1 / rank of the first hit within k.

    Args:
        lists: answers of at least ``k``; longer lists are cut.
        relevant: subjects x items with stored 1; every row has at least one.
        k: cutoff.
    """
    amount = np.diff(relevant.indptr)
    if (amount == 0).any():
        msg = "Every subject must have at least one relevant item."
        raise ValueError(msg)
    within = lists.rank <= k
    subject, item, rank = lists.subject[within], lists.item[within], lists.rank[within]
    hit = np.asarray(relevant[subject, item]).ravel() > 0 if len(subject) else np.zeros(0, dtype=bool)
    who, at = subject[hit], rank[hit].astype(np.float64)
    total = lists.subjects
    hits = np.bincount(who, minlength=total).astype(np.float64)
    ideal = np.cumsum(1.0 / np.log2(np.arange(1, k + 1) + 1))
    best = np.minimum(amount, k)
    # Rows are sorted by subject and rank, so the n-th hit of a subject follows its earlier ones.
    first = np.r_[True, who[1:] != who[:-1]] if len(who) else np.zeros(0, dtype=bool)
    place = np.arange(len(who))
    nth = place - np.maximum.accumulate(np.where(first, place, 0)) + 1 if len(who) else place
    reciprocal = np.zeros(total)
    reciprocal[who[first]] = 1.0 / at[first]
    return {
        "recall": hits / amount,
        "precision": hits / k,
        "ndcg": np.bincount(who, weights=1.0 / np.log2(at + 1), minlength=total) / ideal[best - 1],
        "map": np.bincount(who, weights=nth / at, minlength=total) / best,
        "mrr": reciprocal,
        "hit_rate": (hits > 0).astype(np.float64),
    }


def coverage(lists: Ranked, items: int, k: int) -> float:
    """Share of the items that appear in at least one list of ``k``."""
    return len(np.unique(lists.item[lists.rank <= k])) / items


def novelty(lists: Ranked, people_per_item: Indices, people: int, k: int) -> PerSubject:
    """Mean surprise of a list in bits: -log2 of the share of people who had the item. Empty lists are NaN."""
    surprise = -np.log2(np.maximum(people_per_item, 1) / people)
    return _mean_of_lists(lists, surprise, k)


def popularity_percentile(people_per_item: Indices) -> NDArray[np.float64]:
    """Of each item, the share of items that had fewer people, ties at their middle: 0 rare, 1 the most popular."""
    ordered = np.sort(people_per_item)
    below = np.searchsorted(ordered, people_per_item, side="left")
    upto = np.searchsorted(ordered, people_per_item, side="right")
    return (below + upto) / (2.0 * len(ordered))


def popularity_bias(lists: Ranked, history: sparse.csr_matrix, percentile: NDArray[np.float64], k: int) -> PerSubject:
    """Mean popularity percentile of a list minus that of the subject's own history; above 0 = more popular."""
    size = np.diff(history.indptr)
    rows = np.repeat(np.arange(history.shape[0]), size)
    own = np.bincount(rows, weights=percentile[history.indices], minlength=history.shape[0])
    with np.errstate(invalid="ignore"):
        return _mean_of_lists(lists, percentile, k) - own / size


def _mean_of_lists(lists: Ranked, value_of_item: NDArray[np.float64], k: int) -> PerSubject:
    within = lists.rank <= k
    subject, item = lists.subject[within], lists.item[within]
    total = np.bincount(subject, weights=value_of_item[item], minlength=lists.subjects)
    with np.errstate(invalid="ignore"):
        return total / np.bincount(subject, minlength=lists.subjects)


def by_unit(values: PerSubject, unit: Indices) -> PerSubject:
    """Mean per unit (a person behind several contexts), units in ascending order."""
    return np.bincount(unit, weights=values) / np.bincount(unit)
