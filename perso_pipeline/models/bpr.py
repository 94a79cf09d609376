"""BPR: factors by which what a person had ranks above what the person did not (implicit's solver).

Rendle, Freudenthaler, Gantner and Schmidt-Thieme, "BPR: Bayesian Personalized Ranking from Implicit Feedback",
UAI 2009.
"""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.config import BprConfig
from perso_pipeline.models.factors import alike, dot_products, one_blas_thread, recommended
from perso_pipeline.models.protocol import Arrays, Explanation, Indices, InteractionMatrix, NotExplainable, Ranked


class Bpr:
    """One thread, always: implicit's threads step on shared factors without locks, so that the order of the
    steps, and with it the result, differs from run to run at any seed.

    BPR reads which pairs there are and not how strong they are.
    """

    name: ClassVar[str] = "bpr"

    def __init__(self, config: BprConfig) -> None:
        self._config = config

    def fit(self, data: InteractionMatrix) -> Self:
        with one_blas_thread():
            model = self._solver()
            model.fit(data.seen.astype(np.float32), show_progress=False)
        self._model, self._data = model, data
        return self

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        return recommended(self._model, self._data.weights, people, k, exclude)

    def scores(self, people: Indices) -> NDArray[np.float32]:
        return dot_products(self._model, people)

    def similar(self, items: Indices, k: int) -> Ranked:
        return alike(self._model, items, k)

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:  # noqa: ARG002
        return NotExplainable("bpr learns a person's vector by gradient steps and keeps no part of each item in it")

    def arrays(self) -> Arrays:
        return {"user_factors": self._model.user_factors, "item_factors": self._model.item_factors}

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:
        self._model = self._solver()
        self._model.user_factors = np.asarray(arrays["user_factors"], dtype=np.float32)
        self._model.item_factors = np.asarray(arrays["item_factors"], dtype=np.float32)
        self._data = data
        return self

    def _solver(self) -> Any:
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        return BayesianPersonalizedRanking(
            factors=self._config.factors,
            learning_rate=self._config.learning_rate,
            regularization=self._config.regularization,
            iterations=self._config.iterations,
            num_threads=1,
            random_state=self._config.seed,
        )
