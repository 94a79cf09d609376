"""Lists from implicit's factor models: score(person, item) = dot product of two learnt vectors.

What ALS and BPR share once their factors are learnt. How they are learnt stays in the models.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from perso_pipeline.models.protocol import Arrays, Indices, InteractionMatrix, Ranked
from perso_pipeline.models.recommenders.ranking import itself, ranked
from perso_pipeline.models.recommenders.reach import by_reach


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Implicit runs its own threads; OpenBLAS threads inside them slow it down up to tenfold."""
    import implicit.cpu.als  # noqa: F401  brings BLAS libraries, which must be loaded to be limited

    with threadpool_limits(limits=1, user_api="blas"):
        yield


class FactorModel(ABC):
    """A model of implicit: what it answers once ``fit`` of the child has set ``_model`` and ``_data``."""

    name: ClassVar[str]
    _model: Any
    _data: InteractionMatrix

    @abstractmethod
    def _solver(self) -> Any:
        """Implicit's model with the settings, unfitted."""

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        """Somebody without history gets no list, for what stands in that row was only drawn."""
        history = self._data.weights
        total = history.shape[1]
        no_history = np.diff(history.indptr)[people] == 0
        known = np.flatnonzero(~no_history)
        subject, item = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        score = np.zeros(0, dtype=np.float32)
        if len(known):
            forbidden = None if exclude is None else exclude[known].astype(np.float32)
            columns, scores = self._best(people[known], min(k, total), forbidden)
            subject, item, score = np.repeat(known, columns.shape[1]), columns.ravel(), scores.ravel()
        return ranked(
            subject=subject,
            item=item,
            score=score,
            subjects=len(people),
            items=total,
            k=k,
            exclude=exclude,
            no_history=no_history,
        )

    def _best(
        self, people: Indices, k: int, forbidden: sparse.csr_matrix | None
    ) -> tuple[Indices, NDArray[np.float32]]:
        """Columns of the best ``k`` items of each, best first, and their scores."""
        columns = np.empty((len(people), k), dtype=np.int64)
        scores = np.empty((len(people), k), dtype=np.float32)
        with one_blas_thread():
            for some, within in by_reach(self._model.user_factors[people], self._model.item_factors, k, forbidden):
                columns[some], scores[some] = self._model.recommend(
                    people[some],
                    None if forbidden is None else forbidden[some],
                    N=k,
                    filter_already_liked_items=forbidden is not None,
                    items=within,
                )
        return columns, scores

    def scores(self, people: Indices) -> NDArray[np.float32]:
        """len(people) x items, dense."""
        return np.asarray(self._model.user_factors[people] @ self._model.item_factors.T, dtype=np.float32)

    def similar(self, items: Indices, k: int) -> Ranked:
        """By the cosine of the vectors."""
        total = len(self._model.item_factors)
        with one_blas_thread():
            columns, scores = self._model.similar_items(items, N=min(k + 1, total))
        related = np.where(scores > 0, scores, -np.inf)  # an angle of 90 degrees or more is no likeness
        return ranked(
            subject=np.repeat(np.arange(len(items)), columns.shape[1]),
            item=columns.ravel(),
            score=related.ravel(),
            subjects=len(items),
            items=total,
            k=k,
            exclude=itself(items, total),
        )

    def arrays(self) -> Arrays:
        return {"user_factors": self._model.user_factors, "item_factors": self._model.item_factors}

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:
        with one_blas_thread():
            self._model = self._solver()
        self._model.user_factors = np.asarray(arrays["user_factors"], dtype=np.float32)
        self._model.item_factors = np.asarray(arrays["item_factors"], dtype=np.float32)
        self._data = data
        return self
