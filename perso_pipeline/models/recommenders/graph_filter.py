"""Filters on the graph of people and items: what GF-CF and BSPM share.

The graph is R = Du^-1/2 X Di^-1/2 (X the damped interest, D the sums of rows and columns); P = R'R passes low
frequencies. No gradient is trained: the only thing learnt is the subspace of the lowest frequencies.
"""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from perso_pipeline.models.protocol import (
    Arrays,
    Explanation,
    Indices,
    InteractionMatrix,
    NotExplainable,
    Ranked,
    explained,
)
from perso_pipeline.models.recommenders.config import GraphFilterConfig
from perso_pipeline.models.recommenders.dense import best_of_all
from perso_pipeline.models.recommenders.neighbours import damped
from perso_pipeline.models.recommenders.ranking import itself

Columns = NDArray[np.float32]


class GraphFilter:
    """score = x F for a person's history x, with F = (P + low_pass x Di^-1/2 V V' Di^1/2) S(P).

    V holds the right singular vectors of R for the largest singular values: an ideal low-pass filter. S is 1
    here; a child may put a polynomial of P in its place.
    """

    name: ClassVar[str]

    def __init__(self, config: GraphFilterConfig) -> None:
        self._settings = config

    def fit(self, data: InteractionMatrix) -> Self:
        graph, _ = _normalised(damped(data))
        factors = min(self._settings.factors, *graph.shape)
        # 4 rounds with QR, not more: the edge of the filter stays a little soft, which does no harm. With the exact
        # 256 vectors GF-CF has a Recall@20 lower by .0011 (2,000 people of Gowalla).
        _, _, vectors = randomized_svd(
            graph, factors, n_iter=4, power_iteration_normalizer="QR", random_state=self._settings.seed
        )
        return self.restore({"vectors": np.ascontiguousarray(vectors.T, dtype=np.float32)}, data)

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        no_history = np.diff(self._history.indptr)[people] == 0
        return best_of_all(self.scores, people, k, items=self._items, exclude=exclude, no_history=no_history)

    def similar(self, items: Indices, k: int) -> Ranked:
        return best_of_all(self._from_items, items, k, items=self._items, exclude=itself(items, self._items))

    def scores(self, people: Indices) -> NDArray[np.float32]:
        """len(people) x items, dense."""
        return self._filtered(self._history[people])

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:
        """A score is linear in the history: each item's part is its weight times its cell of F."""
        history = self._history[[person]]
        target = np.zeros((self._items, 1), dtype=np.float32)
        target[item] = 1.0
        sharpened = self._sharpened(target)
        scale = self._scale[:, None]
        column = self._blurred(sharpened) + self._settings.low_pass * self._low_passed(sharpened, scale)
        return explained(history.indices, history.data * column[history.indices, 0])

    def arrays(self) -> Arrays:
        return {"vectors": self._vectors}

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:
        self._items = len(data.items)
        self._history = damped(data).astype(np.float32)
        self._graph, self._scale = _normalised(damped(data))
        self._back = self._graph.T.tocsr()
        self._vectors: Columns = np.asarray(arrays["vectors"], dtype=np.float32)
        return self

    def _sharpened(self, columns: Columns) -> Columns:
        return columns

    def _blurred(self, columns: Columns) -> Columns:
        """P applied to items x subjects; items run down, so that sparse rows meet whole cache lines."""
        return np.asarray(self._back @ (self._graph @ columns))

    def _low_passed(self, columns: Columns, scale: Columns) -> Columns:
        return np.asarray((self._vectors @ (self._vectors.T @ (columns * scale))) / scale)

    def _from_items(self, items: Indices) -> NDArray[np.float32]:
        return self._filtered(itself(items, self._items).astype(np.float32))

    def _filtered(self, rows: sparse.csr_matrix) -> NDArray[np.float32]:
        columns = rows.T.toarray(order="C")
        low = self._low_passed(columns, 1.0 / self._scale[:, None])
        passed = self._sharpened(self._blurred(columns) + self._settings.low_pass * low)
        return np.ascontiguousarray(passed.T)


def _normalised(history: sparse.csr_matrix) -> tuple[sparse.csr_matrix, Columns]:
    """R and Di^1/2, float32; people and items without anything get 1 for a sum."""
    of_people = np.asarray(history.sum(axis=1)).ravel()
    of_items = np.asarray(history.sum(axis=0)).ravel()
    of_people[of_people == 0] = 1.0
    of_items[of_items == 0] = 1.0
    rows = np.repeat(of_people, np.diff(history.indptr))
    data = (history.data / np.sqrt(rows * of_items[history.indices])).astype(np.float32)
    graph = sparse.csr_matrix((data, history.indices, history.indptr), shape=history.shape)
    return graph, np.sqrt(of_items).astype(np.float32)
