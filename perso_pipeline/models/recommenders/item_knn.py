"""Item neighbours: items are alike when the same people like them (implicit's kNN kernels)."""

from typing import ClassVar, Self

import numpy as np
from scipy import sparse

from perso_pipeline.models.protocol import InteractionMatrix
from perso_pipeline.models.recommenders.config import ItemKnnConfig
from perso_pipeline.models.recommenders.neighbours import NeighbourModel, damped


class ItemKnn(NeighbourModel):
    """Likeness is the cosine or the BM25-weighted overlap of two items' people."""

    name: ClassVar[str] = "item_knn"

    def __init__(self, config: ItemKnnConfig, *, threads: int = 0) -> None:
        super().__init__(threads)
        self._config = config

    def fit(self, data: InteractionMatrix) -> Self:
        from implicit.nearest_neighbours import ItemItemRecommender

        history = damped(data)
        weighted = _bm25(history, self._config) if self._config.weighting == "bm25" else _cosine(history)
        # One more neighbour than asked: the item itself is the first.
        model = ItemItemRecommender(K=self._config.neighbours + 1, num_threads=self._threads)
        model.fit(weighted, show_progress=False)
        return self._learnt(model.similarity, data)


def _bm25(history: sparse.csr_matrix, config: ItemKnnConfig) -> sparse.csr_matrix:
    """Items as documents, people as terms, as implicit's ``bm25_weight``, with one mend.

    A person with every item would have a negative idf there, and two negatives would make a likeness; here
    such a person says nothing.
    """
    people, items = history.shape
    sizes = np.diff(history.indptr)
    idf = np.maximum(np.log(items) - np.log1p(sizes), 0.0)[np.repeat(np.arange(people), sizes)]
    popularity = np.bincount(history.indices, weights=history.data, minlength=items)
    length = (1.0 - config.b) + config.b * popularity[history.indices] / popularity.mean()
    weight = history.data * (config.k1 + 1.0) / (config.k1 * length + history.data) * idf
    return sparse.csr_matrix((weight, history.indices, history.indptr), shape=history.shape)


def _cosine(history: sparse.csr_matrix) -> sparse.csr_matrix:
    norm = np.sqrt(np.bincount(history.indices, weights=history.data**2, minlength=history.shape[1]))
    return sparse.csr_matrix(
        (history.data / norm[history.indices], history.indices, history.indptr), shape=history.shape
    )
