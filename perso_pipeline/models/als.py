"""Implicit-feedback ALS (Hu, Koren and Volinsky 2008) with implicit's solver.

ALS and not BPR: with a fixed seed ALS gave the same factors for 1 and 4 threads, BPR did not above one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from perso_pipeline.models.config import AlsConfig
from perso_pipeline.models.protocol import (
    Arrays,
    Explanation,
    Indices,
    InteractionMatrix,
    NotExplainable,
    Origin,
    Ranked,
)
from perso_pipeline.models.ranking import itself, ranked


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Implicit runs its own threads; OpenBLAS threads inside them slow it down up to tenfold."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


class Als:
    """Confidence 1 + alpha x interest for what was seen, 1 for the rest.

    implicit subtracts 1 from each stored value: passing bare decayed weights would turn old interest
    (weight below 1) into dislike, hence the ``1 +`` here and implicit's own alpha left at 1.
    """

    name: ClassVar[str] = "als"

    def __init__(self, config: AlsConfig, *, threads: int = 0) -> None:
        self._config = config
        self._threads = threads

    def fit(self, data: InteractionMatrix) -> Self:
        with _one_blas_thread():
            model = self._solver()
            model.fit(self._confidence(data), show_progress=False)
        if not (np.isfinite(model.item_factors).all() and np.isfinite(model.user_factors).all()):
            msg = f"ALS did not converge (alpha {self._config.alpha}, regularization {self._config.regularization})."
            raise FloatingPointError(msg)
        self._model, self._data = model, data
        return self

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        total = len(self._data.items)
        no_history = np.diff(self._data.weights.indptr)[people] == 0
        known = np.flatnonzero(~no_history)
        subject, item, score = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)
        if len(known):
            forbidden = None if exclude is None else exclude[known].astype(np.float32)
            with _one_blas_thread():
                columns, scores = self._model.recommend(
                    people[known], forbidden, N=min(k, total), filter_already_liked_items=forbidden is not None
                )
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

    def similar(self, items: Indices, k: int) -> Ranked:
        total = len(self._data.items)
        with _one_blas_thread():
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

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:
        """Hu et al. 2008, section 5: the score is a sum over the person's items, through the person's inverse."""
        start, end = self._data.weights.indptr[person], self._data.weights.indptr[person + 1]
        if start == end:
            return NotExplainable("the person has no history in the training window")
        with _one_blas_thread():
            score, parts, _ = self._model.explain(person, self._confidence(self._data), item, N=int(end - start))
        positive = sum(part for _, part in parts if part > 0)
        if positive <= 0:
            return NotExplainable("nothing in the person's history speaks for the item")
        origins = tuple(Origin(int(column), float(part / positive)) for column, part in parts if part > 0)
        return Explanation(float(score), origins)

    def arrays(self) -> Arrays:
        return {"user_factors": self._model.user_factors, "item_factors": self._model.item_factors}

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:
        with _one_blas_thread():
            self._model = self._solver()
        self._model.user_factors = np.asarray(arrays["user_factors"], dtype=np.float32)
        self._model.item_factors = np.asarray(arrays["item_factors"], dtype=np.float32)
        self._data = data
        return self

    def _solver(self) -> Any:
        from implicit.cpu.als import AlternatingLeastSquares

        return AlternatingLeastSquares(
            factors=self._config.factors,
            regularization=self._config.regularization,
            alpha=1.0,
            iterations=self._config.iterations,
            num_threads=self._threads,
            random_state=self._config.seed,
        )

    def _confidence(self, data: InteractionMatrix) -> sparse.csr_matrix:
        weights = data.weights
        confidence = (1.0 + self._config.alpha * weights.data).astype(np.float32)
        return sparse.csr_matrix((confidence, weights.indices, weights.indptr), shape=weights.shape)
