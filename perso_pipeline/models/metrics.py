"""Metrics of ranked lists: a value per subject first, the mean second.

Each docstring names the public definition; ``benchmarks/metrics_against_ranx.py`` holds them against ranx and RecTools.
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
    """recall, precision, ndcg, map, mrr and hit_rate at ``k`` per subject, as trec_eval and ranx define them.

    - recall: hits / relevant (trec_eval's recall.k).
    - precision: hits / k, however short the list (P.k).
    - ndcg: gain 1, discount log2(rank + 1), over the best order of min(k, relevant) places (Järvelin and Kekäläinen
      2002; ndcg_cut.k; RecTools with ``divide_by_achievable``).
    - map: sum of the precision at each hit / relevant (map_cut.k; RecTools with ``divide_by_k`` off). With more
      relevant items than k it stays below 1.
    - mrr: 1 / rank of the first hit, 0 without one within k (recip_rank).
    - hit_rate: 1 with a hit within k (ranx hit_rate, success.k).

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
        "map": np.bincount(who, weights=nth / at, minlength=total) / amount,
        "mrr": reciprocal,
        "hit_rate": (hits > 0).astype(np.float64),
    }


def coverage(lists: Ranked, items: int, k: int) -> float:
    """Share of the items that appear in at least one list of ``k`` (RecTools CatalogCoverage; Ge et al. 2010)."""
    return len(np.unique(lists.item[lists.rank <= k])) / items


def novelty(lists: Ranked, people_per_item: Indices, people: int, k: int) -> PerSubject:
    """Mean surprise of a list in bits: -log2 of the share of people who had the item. Empty lists are NaN.

    Zhou et al. 2010 (PNAS), mean self-information; RecTools MeanInvUserFreq. An item that nobody had counts as had by
    one, as no list could have a finite value otherwise.
    """
    surprise = -np.log2(np.maximum(people_per_item, 1) / people)
    return _mean_of_lists(lists, surprise, k)


def popularity_percentile(people_per_item: Indices) -> NDArray[np.float64]:
    """Of each item, the share of items that had fewer people, ties at their middle: 0 rare, 1 the most popular."""
    ordered = np.sort(people_per_item)
    below = np.searchsorted(ordered, people_per_item, side="left")
    upto = np.searchsorted(ordered, people_per_item, side="right")
    return (below + upto) / (2.0 * len(ordered))


def popularity_bias(lists: Ranked, history: sparse.csr_matrix, percentile: NDArray[np.float64], k: int) -> PerSubject:
    """Mean popularity percentile of a list minus that of the subject's own history; above 0 = more popular.

    Of one person what Abdollahpouri et al. 2019 ("The Unfairness of Popularity Bias in Recommendation") measure of a
    group (GAP of lists against GAP of profiles), with percentiles instead of counts, so that shops compare.
    """
    size = np.diff(history.indptr)
    rows = np.repeat(np.arange(history.shape[0]), size)
    own = np.bincount(rows, weights=percentile[history.indices], minlength=history.shape[0])
    with np.errstate(invalid="ignore"):
        return _mean_of_lists(lists, percentile, k) - own / size


def chance_for_anybody(people_per_item: Indices) -> NDArray[np.float64]:
    """Of each item the chance to be listed for anybody, by popularity rank, as ``serendipity`` takes it.

    (items + 1 - rank) / items; items with as many people share a rank, without gaps; 0 for an item nobody had.
    """
    counts = np.unique(people_per_item[people_per_item > 0])
    rank = len(counts) - np.searchsorted(counts, people_per_item)
    items = len(people_per_item)
    return np.where(people_per_item > 0, (items + 1.0 - rank) / items, 0.0)


def serendipity(lists: Ranked, relevant: sparse.csr_matrix, for_anybody: NDArray[np.float64], k: int) -> PerSubject:
    """Hits that popularity would not have put there: sum over hits of max(p(rank) - for_anybody(item), 0), / k.

    p(rank) = (items + 1 - rank) / items. RecTools Serendipity, after Murakami et al. 2008 ("Metrics for Evaluating the
    Serendipity of Recommendation Lists").
    """
    within = lists.rank <= k
    subject, item, rank = lists.subject[within], lists.item[within], lists.rank[within].astype(np.float64)
    hit = np.asarray(relevant[subject, item]).ravel() > 0 if len(subject) else np.zeros(0, dtype=bool)
    items = relevant.shape[1]
    above = np.maximum((items + 1.0 - rank) / items - for_anybody[item], 0.0)
    return np.bincount(subject[hit], weights=above[hit], minlength=lists.subjects) / k


def intra_list_diversity(lists: Ranked, levels: Indices, k: int) -> PerSubject:
    """Mean distance over the pairs of a list: 0 one and the same category, 1 nothing in common.

    Smyth and McClave 2001; RecTools IntraListDiversity. Distance: Jaccard over the categories an item is in with those
    above them, 1 - shared / (depth + other depth - shared). Pairs with an item without a category are left out; lists
    without a pair are NaN.

    Args:
        lists: ranks from 1 without gaps.
        levels: items x depth; number of the category path down to that level, -1 below an item's own depth.
        k: cutoff.
    """
    within = lists.rank <= k
    grid = np.full((lists.subjects, k), -1, dtype=np.int64)
    grid[lists.subject[within], lists.rank[within] - 1] = lists.item[within]
    # One more row stands for "no item": it has no category.
    known = np.vstack([levels, np.full((1, levels.shape[1]), -1, dtype=levels.dtype)])
    depth = (known >= 0).sum(axis=1)
    total, pairs = np.zeros(lists.subjects), np.zeros(lists.subjects)
    for place in range(1, k):
        later, earlier = grid[:, place, None], grid[:, :place]
        same = (known[earlier] == known[later]) & (known[later] >= 0)
        shared = same.sum(axis=2)
        both = (depth[earlier] > 0) & (depth[later] > 0)
        union = np.maximum(depth[earlier] + depth[later] - shared, 1)
        total += np.where(both, 1.0 - shared / union, 0.0).sum(axis=1)
        pairs += both.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return total / pairs


def _mean_of_lists(lists: Ranked, value_of_item: NDArray[np.float64], k: int) -> PerSubject:
    within = lists.rank <= k
    subject, item = lists.subject[within], lists.item[within]
    total = np.bincount(subject, weights=value_of_item[item], minlength=lists.subjects)
    with np.errstate(invalid="ignore"):
        return total / np.bincount(subject, minlength=lists.subjects)


def by_unit(values: PerSubject, unit: Indices) -> PerSubject:
    """Mean per unit (a person behind several contexts), units in ascending order."""
    return np.bincount(unit, weights=values) / np.bincount(unit)
