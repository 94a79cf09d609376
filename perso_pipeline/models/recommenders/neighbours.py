"""Lists from a sparse item-item matrix: score(person, item) = sum over the history of weight x likeness.

What neighbour models share once their matrix is learnt. How the matrix is learnt stays in the models.
"""

import os
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sparse_dot_topn import sp_matmul_topn

from perso_pipeline.models.protocol import (
    Arrays,
    Explanation,
    Indices,
    InteractionMatrix,
    NotExplainable,
    Ranked,
    explained,
)
from perso_pipeline.models.recommenders.ranking import itself, ranked_parts, ranked_rows


class NeighbourModel:
    """What a model answers once it has a likeness of items; a child's ``fit`` learns that and calls ``_learnt``.

    Args:
        threads: 0 for all cores. The number never changes a result: a row is summed by one thread.
    """

    name: ClassVar[str]

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        rows = self._history[people]
        empty = np.diff(rows.indptr) == 0
        return answered(rows, self._likeness, k, exclude, no_history=empty, threads=self._threads)

    def scores(self, people: Indices) -> NDArray[np.float32]:
        """len(people) x items, dense."""
        return np.asarray((self._history[people] @ self._likeness).toarray(), dtype=np.float32)

    def similar(self, items: Indices, k: int) -> Ranked:
        return ranked_rows(self._likeness[items], k, itself(items, self._likeness.shape[1]))

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:
        history = self._history[[person]]
        parts = history.data * self._likeness[history.indices, item].toarray().ravel()
        return explained(history.indices, parts)

    def arrays(self) -> Arrays:
        return {"data": self._likeness.data, "indices": self._likeness.indices, "indptr": self._likeness.indptr}

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:
        items = len(data.items)
        stored = sparse.csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(items, items))
        return self._learnt(stored, data)

    def _learnt(self, likeness: sparse.csr_matrix, data: InteractionMatrix) -> Self:
        """Keep ``likeness`` (items x items; row = item of the history, column = item that it speaks for).

        The diagonal and what is not above 0 are dropped: with the diagonal left in, a list without exclusions
        would be the person's own past.
        """
        triples = likeness.tocoo()
        keep = (triples.row != triples.col) & (triples.data > 0)
        self._likeness = sparse.csr_matrix(
            (triples.data[keep].astype(np.float64), (triples.row[keep], triples.col[keep])), shape=likeness.shape
        )
        self._likeness.sort_indices()
        self._history = damped(data).astype(np.float64)
        return self


def answered(
    questions: sparse.csr_matrix,
    answers: sparse.csr_matrix,
    k: int,
    exclude: sparse.csr_matrix | None,
    *,
    no_history: NDArray[np.bool_],
    threads: int,
) -> Ranked:
    """At most ``k`` items for each row of ``questions``, by its product with ``answers``.

    Args:
        questions: subjects x anything.
        answers: the same anything x items.
        k: length asked for, >= 1.
        exclude: subjects x items; a stored value forbids that item.
        no_history: subjects that the model knows nothing about.
        threads: 0 for all cores.
    """
    subjects, total = questions.shape[0], answers.shape[1]
    spare = np.zeros(subjects, dtype=np.int64) if exclude is None else np.diff(exclude.indptr)
    parts = []
    for some, depth in _by_depth(spare, k, total):
        found = product(questions[some], answers, depth, threads=threads)
        parts.append((np.repeat(some, np.diff(found.indptr)), found.indices, found.data))
    return ranked_parts(parts, subjects=subjects, items=total, k=k, exclude=exclude, no_history=no_history)


def damped(data: InteractionMatrix) -> sparse.csr_matrix:
    """People x items, log1p of the interest, so that one much repeated item does not own the list."""
    weights = data.weights
    return sparse.csr_matrix((np.log1p(weights.data), weights.indices, weights.indptr), shape=weights.shape)


def product(left: sparse.csr_matrix, right: sparse.csr_matrix, most: int, *, threads: int) -> sparse.csr_matrix:
    """Left @ right, of each row the ``most`` largest values."""
    if not left.nnz or not right.nnz:
        return sparse.csr_matrix((left.shape[0], right.shape[1]))
    return sp_matmul_topn(left, right, top_n=most, sort=True, n_threads=threads or len(os.sched_getaffinity(0)))


def _by_depth(spare: Indices, k: int, total: int) -> list[tuple[Indices, int]]:
    """Subjects grouped by how deep to look so that ``k`` are left: k + what is excluded, rounded up to a power of 2.

    A subject's depth depends on its own exclusions alone, so company does not change a list.
    """
    depth = k + np.where(spare > 0, 1 << np.ceil(np.log2(np.maximum(spare, 1))).astype(np.int64), 0)
    depth = np.minimum(depth, total)
    return [(np.flatnonzero(depth == value), int(value)) for value in np.unique(depth)]
