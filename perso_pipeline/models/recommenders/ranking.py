"""Raw scores to ``Ranked``: the one place that guards against padding, repeats and forbidden items.

implicit pads short lists with item -1 or with seen items at -FLT_MAX (implicit#557, #345); every model's
output goes through ``ranked``, so that nothing of it gets out. Keep scoring out.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.ids import places
from perso_pipeline.models.protocol import Indices, Ranked, ShortReason

_PADDING = -float(np.finfo(np.float32).max)


def ranked(
    *,
    subject: NDArray[np.integer],
    item: NDArray[np.integer],
    score: NDArray[np.floating],
    subjects: int,
    items: int,
    k: int,
    exclude: sparse.csr_matrix | None = None,
    no_history: NDArray[np.bool_] | None = None,
) -> Ranked:
    """Flat raw triples in any order to lists of at most ``k``.

    Args:
        subject: position of each triple's subject, 0 .. subjects - 1.
        item: column; negative means padding.
        score: not finite or at -FLT_MAX means padding.
        subjects: how many subjects were asked for.
        items: number of items to choose from.
        k: length asked for.
        exclude: subjects x items; stored values are forbidden.
        no_history: subjects that the model knows nothing about.
    """
    keep = (item >= 0) & np.isfinite(score) & (score > _PADDING)
    key = subject.astype(np.int64) * items + item
    if exclude is not None:
        keep &= places(key, _keys(exclude)) < 0
    if not keep.all():
        subject, item, score, key = subject[keep], item[keep], score[keep], key[keep]
    if not _is_in_order(subject, item, score):
        order = np.lexsort((item, -score, subject))
        subject, item, score, key = subject[order], item[order], score[order], key[order]
    ascending = np.sort(key)
    if (ascending[1:] == ascending[:-1]).any():
        first = np.sort(np.unique(key, return_index=True)[1])  # the first of a repeated item is its best score
        subject, item, score = subject[first], item[first], score[first]
    rank = _rank_within(subject)
    cut = rank <= k
    subject, item, score, rank = subject[cut], item[cut], score[cut], rank[cut]
    return Ranked(
        subject=subject.astype(np.int64),
        item=item.astype(np.int64),
        score=score.astype(np.float64),
        rank=rank.astype(np.int32),
        subjects=subjects,
        asked=k,
        short=_short(subject, subjects, items, k, exclude, no_history),
    )


def ranked_parts(
    parts: Sequence[tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.floating]]],
    *,
    subjects: int,
    items: int,
    k: int,
    exclude: sparse.csr_matrix | None,
    no_history: NDArray[np.bool_] | None = None,
) -> Ranked:
    """``ranked`` of triples (subject, item, score) that were found part by part; none at all is no list."""
    subject, item, score = zip(*parts, strict=True) if parts else ((), (), ())
    return ranked(
        subject=np.concatenate([np.zeros(0, dtype=np.int64), *subject]),
        item=np.concatenate([np.zeros(0, dtype=np.int64), *item]),
        score=np.concatenate([np.zeros(0), *score]),
        subjects=subjects,
        items=items,
        k=k,
        exclude=exclude,
        no_history=no_history,
    )


def ranked_rows(
    rows: sparse.csr_matrix,
    k: int,
    exclude: sparse.csr_matrix | None,
    no_history: NDArray[np.bool_] | None = None,
) -> Ranked:
    """``ranked`` of the stored values of subjects x items."""
    return ranked(
        subject=np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)),
        item=rows.indices,
        score=rows.data,
        subjects=rows.shape[0],
        items=rows.shape[1],
        k=k,
        exclude=exclude,
        no_history=no_history,
    )


def first_allowed(
    order: Indices, score: NDArray[np.float64], *, subjects: int, items: int, k: int, exclude: sparse.csr_matrix | None
) -> Ranked:
    """The same list for everyone, less what is forbidden to each.

    Args:
        order: columns, best first.
        score: aligned with ``order``.
        subjects: how many subjects.
        items: number of columns.
        k: length asked for.
        exclude: subjects x items; stored values are forbidden.
    """
    deepest = 0 if exclude is None or not subjects else int(np.diff(exclude.indptr).max())
    depth = min(len(order), k + deepest)
    allowed = np.ones((subjects, depth), dtype=bool)
    if exclude is not None:
        position = np.full(items, depth, dtype=np.int64)
        position[order[:depth]] = np.arange(depth)
        rows = np.repeat(np.arange(subjects), np.diff(exclude.indptr))
        columns = position[exclude.indices]
        near = columns < depth
        allowed[rows[near], columns[near]] = False
    allowed &= np.cumsum(allowed, axis=1) <= k
    subject, place = np.nonzero(allowed)
    return ranked(
        subject=subject,
        item=order[place],
        score=score[place],
        subjects=subjects,
        items=items,
        k=k,
        exclude=exclude,
    )


def itself(items: Indices, total: int) -> sparse.csr_matrix:
    """Exclusions for ``similar``: each subject's own column."""
    count = len(items)
    return sparse.csr_matrix((np.ones(count), items, np.arange(count + 1)), shape=(count, total))


def _is_in_order(subject: NDArray[np.integer], item: NDArray[np.integer], score: NDArray[np.floating]) -> bool:
    """By subject, best first, then item; most models answer so, and looking costs a tenth of sorting."""
    same, later = subject[1:] == subject[:-1], subject[1:] > subject[:-1]
    worse, tied = score[1:] < score[:-1], score[1:] == score[:-1]
    return bool((later | (same & (worse | (tied & (item[1:] > item[:-1]))))).all())


def _keys(matrix: sparse.csr_matrix) -> Indices:
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    return np.sort(rows * matrix.shape[1] + matrix.indices)


def _rank_within(subject: NDArray[np.integer]) -> Indices:
    place = np.arange(len(subject), dtype=np.int64)
    starts = np.r_[True, subject[1:] != subject[:-1]] if len(subject) else np.zeros(0, dtype=bool)
    return place - np.maximum.accumulate(np.where(starts, place, 0)) + 1


def _short(
    subject: NDArray[np.integer],
    subjects: int,
    items: int,
    k: int,
    exclude: sparse.csr_matrix | None,
    no_history: NDArray[np.bool_] | None,
) -> dict[ShortReason, Indices]:
    found = np.bincount(subject, minlength=subjects)
    short = found < k
    if not short.any():
        return {}
    left = np.full(subjects, items) if exclude is None else items - np.diff(exclude.indptr)
    unknown = np.zeros(subjects, dtype=bool) if no_history is None else no_history
    cases = {
        ShortReason.NO_HISTORY: short & unknown,
        ShortReason.TOO_FEW_ITEMS: short & ~unknown & (found >= left),
        ShortReason.TOO_FEW_RELATED: short & ~unknown & (found < left),
    }
    return {reason: np.flatnonzero(which).astype(np.int64) for reason, which in cases.items() if which.any()}
