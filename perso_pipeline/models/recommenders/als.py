"""Implicit-feedback ALS with implicit's solver.

Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008. With a fixed seed it
gives the same factors for 1 and 4 threads, which BPR does not.
"""

from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse

from perso_pipeline.models.protocol import (
    Explanation,
    InteractionMatrix,
    NotExplainable,
    explained,
)
from perso_pipeline.models.recommenders.config import AlsConfig
from perso_pipeline.models.recommenders.factors import FactorModel, one_blas_thread


class Als(FactorModel):
    """Confidence 1 + alpha x interest for what was seen, 1 for the rest.

    implicit subtracts 1 from each stored value: passing bare decayed weights would turn old interest
    (weight below 1) into dislike, hence the ``1 +`` here and implicit's own alpha left at 1.

    People are solved once more after the last round: implicit ends with the items, which would leave people
    and their explanations a step apart.
    """

    name: ClassVar[str] = "als"

    def __init__(self, config: AlsConfig, *, threads: int = 0) -> None:
        self._config = config
        self._threads = threads

    def fit(self, data: InteractionMatrix) -> Self:
        confidence = self._confidence(data)
        with one_blas_thread():
            model = self._solver()
            model.fit(confidence, show_progress=False)
            # implicit keeps Y'Y from before the last step of the items.
            model._YtY = None  # noqa: SLF001
            model.user_factors = model.recalculate_user(np.arange(len(data.people)), confidence)
        if not (np.isfinite(model.item_factors).all() and np.isfinite(model.user_factors).all()):
            msg = f"ALS did not converge (alpha {self._config.alpha}, regularization {self._config.regularization})."
            raise FloatingPointError(msg)
        self._model, self._data = model, data
        return self

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:
        """Hu et al. 2008, section 5: the score is a sum over the person's items, through the person's inverse."""
        start, end = self._data.weights.indptr[person], self._data.weights.indptr[person + 1]
        if start == end:
            return NotExplainable("the person has no history in the training window")
        with one_blas_thread():
            _, parts, _ = self._model.explain(person, self._confidence(self._data), item, N=int(end - start))
        return explained(np.array([column for column, _ in parts]), np.array([part for _, part in parts]))

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
