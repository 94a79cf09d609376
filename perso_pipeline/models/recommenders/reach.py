"""Which items can stand among somebody's best at all, so that few of them have to be scored.

score(person, item) = |person| x |item| x cosine, so at most |person| x |item| (Cauchy and Schwarz): with items by
length, longest first, whoever has k scores above t needs no item shorter than t / |person|. Where few items are long,
as those of popular items are in ALS, a tenth of the catalogue is enough, and the lists are the same. Teflioudi, Gemulla
and Mykytiuk, "LEMP: Fast Retrieval of Large Entries in a Matrix Product", SIGMOD 2015.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.protocol import Indices

_HEAD = 2048  # longest items that are scored for everybody to find t
_PEOPLE = 1024  # people who share a reach
_FEWEST = 256  # people for whom it is worth finding it
_CACHED = 256  # so few people that their scores of the head stay in the processor's cache
_ROUNDING = 1e-4  # of t, far above that of single precision


def by_reach(
    people: NDArray[np.float32], items: NDArray[np.float32], k: int, exclude: sparse.csr_matrix | None
) -> Iterator[tuple[Indices, Indices | None]]:
    """Places in ``people`` that share a reach, with the items that hold the best ``k`` of each; None: all items.

    Args:
        people: their vectors.
        items: their vectors.
        k: length of a list.
        exclude: people x items; stored values count for nobody.
    """
    if len(people) < _FEWEST or len(items) < 2 * _HEAD or 2 * k > _HEAD:
        yield np.arange(len(people)), None
        return
    lengths = np.linalg.norm(items, axis=1).astype(np.float64)
    longest = np.argsort(-lengths, kind="stable")
    needed = _shortest_needed(people, items, longest[:_HEAD], k, exclude)
    reach = np.maximum(np.searchsorted(-lengths[longest], -needed, side="right"), _HEAD)
    order = np.argsort(reach, kind="stable")
    for start in range(0, len(people), _PEOPLE):
        some = order[start : start + _PEOPLE]
        furthest = int(reach[some[-1]])
        yield np.sort(some), None if furthest == len(items) else longest[:furthest]


def _shortest_needed(
    people: NDArray[np.float32], items: NDArray[np.float32], head: Indices, k: int, exclude: sparse.csr_matrix | None
) -> NDArray[np.float64]:
    """Length below which no item can be among somebody's best ``k``; 0 where that cannot be told."""
    vectors = items[head].T
    place = np.full(len(items), -1)
    place[head] = np.arange(len(head))
    worst = np.empty(len(people))
    for start in range(0, len(people), _CACHED):
        some = slice(start, start + _CACHED)
        scores = people[some] @ vectors
        if exclude is not None:
            forbidden = exclude[some]
            rows = np.repeat(np.arange(len(scores)), np.diff(forbidden.indptr))
            columns = place[forbidden.indices]
            scores[rows[columns >= 0], columns[columns >= 0]] = -np.inf
        scores.partition(len(head) - k, axis=1)
        worst[some] = scores[:, len(head) - k]
    lengths = np.linalg.norm(people, axis=1).astype(np.float64)
    # a best k that holds what is not above 0 says nothing of short items
    is_told = (worst > 0) & (lengths > 0)
    return np.divide(worst * (1 - _ROUNDING), lengths, out=np.zeros(len(people)), where=is_told)
