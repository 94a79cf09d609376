"""BPR: factors by which what a person had ranks above what the person did not (implicit's solver).

Rendle, Freudenthaler, Gantner and Schmidt-Thieme, "BPR: Bayesian Personalized Ranking from Implicit Feedback",
UAI 2009.
"""

from typing import Any, ClassVar, Self

import numpy as np

from perso_pipeline.models.protocol import Explanation, InteractionMatrix, NotExplainable
from perso_pipeline.models.recommenders.config import BprConfig
from perso_pipeline.models.recommenders.factors import FactorModel, one_blas_thread


class Bpr(FactorModel):
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

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:  # noqa: ARG002
        return NotExplainable("bpr learns a person's vector by gradient steps and keeps no part of each item in it")

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
