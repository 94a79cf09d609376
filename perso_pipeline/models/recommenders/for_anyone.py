"""Models that give everyone the same list: what they share once items have a score."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.protocol import Arrays, Explanation, Indices, InteractionMatrix, NotExplainable, Ranked
from perso_pipeline.models.recommenders.ranking import first_allowed, itself


class ForAnyone:
    """Items with a finite score, highest first, the same for every person and beside every item."""

    name: ClassVar[str]

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        items = len(self._score)
        return first_allowed(
            self._order, self._score[self._order], subjects=len(people), items=items, k=k, exclude=exclude
        )

    def similar(self, items: Indices, k: int) -> Ranked:
        return self.recommend(items, k, itself(items, len(self._score)))

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:  # noqa: ARG002
        return NotExplainable(f"{self.name} gives everyone the same list and reads nobody's history")

    def arrays(self) -> Arrays:
        return {"score": self._score}

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:  # noqa: ARG002
        return self._ordered(np.asarray(arrays["score"], dtype=np.float64))

    def _ordered(self, score: NDArray[np.float64]) -> Self:
        self._score = score
        order = np.lexsort((np.arange(len(score)), -score))
        self._order = order[np.isfinite(score[order])]
        return self
