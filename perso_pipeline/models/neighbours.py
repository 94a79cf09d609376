"""Lists from a sparse item-item matrix: score(person, item) = sum over the history of weight x likeness.

What neighbour models share once their matrix is learnt. How the matrix is learnt stays in the models.
"""

import os

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
from perso_pipeline.models.ranking import itself, ranked


class Neighbours:
    """Answers of a neighbour model.

    Args:
        likeness: items x items, CSR; row = item of the history, column = item that it speaks for. The diagonal
            and what is not above 0 are dropped: with the diagonal left in, a list without exclusions would be
            the person's own past.
        history: people x items, CSR, weights > 0.
        threads: 0 for all cores. The number never changes a result: a row is summed by one thread.
    """

    def __init__(self, likeness: sparse.csr_matrix, history: sparse.csr_matrix, *, threads: int) -> None:
        triples = likeness.tocoo()
        keep = (triples.row != triples.col) & (triples.data > 0)
        self.likeness = sparse.csr_matrix(
            (triples.data[keep].astype(np.float64), (triples.row[keep], triples.col[keep])), shape=likeness.shape
        )
        self.likeness.sort_indices()
        self._history = history.astype(np.float64)
        self._threads = threads

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None) -> Ranked:
        rows = self._history[people]
        total = rows.shape[1]
        spare = np.zeros(len(people), dtype=np.int64) if exclude is None else np.diff(exclude.indptr)
        subject, item, score = [], [], []
        for some, depth in by_depth(spare, k, total):
            found = product(rows[some], self.likeness, depth, threads=self._threads)
            subject.append(np.repeat(some, np.diff(found.indptr)))
            item.append(found.indices)
            score.append(found.data)
        return ranked(
            subject=np.concatenate(subject) if subject else np.zeros(0, dtype=np.int64),
            item=np.concatenate(item) if item else np.zeros(0, dtype=np.int64),
            score=np.concatenate(score) if score else np.zeros(0),
            subjects=len(people),
            items=total,
            k=k,
            exclude=exclude,
            no_history=np.diff(rows.indptr) == 0,
        )

    def scores(self, people: Indices) -> NDArray[np.float32]:
        """len(people) x items, dense."""
        return np.asarray((self._history[people] @ self.likeness).toarray(), dtype=np.float32)

    def similar(self, items: Indices, k: int) -> Ranked:
        rows = self.likeness[items]
        return ranked(
            subject=np.repeat(np.arange(len(items)), np.diff(rows.indptr)),
            item=rows.indices,
            score=rows.data,
            subjects=len(items),
            items=rows.shape[1],
            k=k,
            exclude=itself(items, rows.shape[1]),
        )

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:
        history = self._history[[person]]
        parts = history.data * self.likeness[history.indices, item].toarray().ravel()
        return explained(history.indices, parts)

    def arrays(self) -> Arrays:
        return {"data": self.likeness.data, "indices": self.likeness.indices, "indptr": self.likeness.indptr}


def stored_likeness(arrays: Arrays, items: int) -> sparse.csr_matrix:
    """The counterpart of ``Neighbours.arrays``."""
    return sparse.csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(items, items))


def damped(data: InteractionMatrix) -> sparse.csr_matrix:
    """People x items, log1p of the interest, so that one much repeated item does not own the list."""
    weights = data.weights
    return sparse.csr_matrix((np.log1p(weights.data), weights.indices, weights.indptr), shape=weights.shape)


def product(left: sparse.csr_matrix, right: sparse.csr_matrix, most: int, *, threads: int) -> sparse.csr_matrix:
    """Left @ right, of each row the ``most`` largest values."""
    if not left.nnz or not right.nnz:
        return sparse.csr_matrix((left.shape[0], right.shape[1]))
    return sp_matmul_topn(left, right, top_n=most, sort=True, n_threads=threads or len(os.sched_getaffinity(0)))


def by_depth(spare: Indices, k: int, total: int) -> list[tuple[Indices, int]]:
    """Subjects grouped by how deep to look so that ``k`` are left: k + what is excluded, rounded up to a power of 2.

    A subject's depth depends on its own exclusions alone, so company does not change a list.
    """
    depth = k + np.where(spare > 0, 1 << np.ceil(np.log2(np.maximum(spare, 1))).astype(np.int64), 0)
    depth = np.minimum(depth, total)
    return [(np.flatnonzero(depth == value), int(value)) for value in np.unique(depth)]
