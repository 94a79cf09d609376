"""Item neighbours: items are alike when the same people like them (implicit's kNN kernels)."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.config import ItemKnnConfig
from perso_pipeline.models.neighbours import Neighbours, damped, stored_likeness
from perso_pipeline.models.protocol import Arrays, Explanation, Indices, InteractionMatrix, NotExplainable, Ranked


class ItemKnn:
    """Likeness is the cosine or the BM25-weighted overlap of two items' people."""

    name: ClassVar[str] = "item_knn"

    def __init__(self, config: ItemKnnConfig, *, threads: int = 0) -> None:
        self._config = config
        self._threads = threads

    def fit(self, data: InteractionMatrix) -> Self:
        from implicit.nearest_neighbours import ItemItemRecommender

        history = damped(data)
        weighted = _bm25(history, self._config) if self._config.weighting == "bm25" else _cosine(history)
        # One more neighbour than asked: the item itself is the first.
        model = ItemItemRecommender(K=self._config.neighbours + 1, num_threads=self._threads)
        model.fit(weighted, show_progress=False)
        self._lists = Neighbours(model.similarity, history, threads=self._threads)
        return self

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        return self._lists.recommend(people, k, exclude)

    def scores(self, people: Indices) -> NDArray[np.float32]:
        return self._lists.scores(people)

    def similar(self, items: Indices, k: int) -> Ranked:
        return self._lists.similar(items, k)

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:
        return self._lists.explain(person, item)

    def arrays(self) -> Arrays:
        return self._lists.arrays()

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:
        self._lists = Neighbours(stored_likeness(arrays, len(data.items)), damped(data), threads=self._threads)
        return self


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
