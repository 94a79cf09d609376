"""Most popular: how many people each item had, recent ones counting more. Always in the race."""

from typing import ClassVar, Self

import numpy as np
from scipy import sparse

from perso_pipeline.models.config import PopularConfig
from perso_pipeline.models.protocol import Arrays, Explanation, Indices, InteractionMatrix, NotExplainable, Ranked
from perso_pipeline.models.ranking import first_allowed, itself


class Popular:
    """One list for everyone. A person counts once per item, by the age of the newest event."""

    name: ClassVar[str] = "popular"

    def __init__(self, config: PopularConfig) -> None:
        self._half_life_days = config.half_life_days

    def fit(self, data: InteractionMatrix) -> Self:
        recency = 0.5 ** (data.last_age_days / self._half_life_days)
        popularity = np.bincount(data.weights.indices, weights=recency, minlength=len(data.items))
        return self.restore({"popularity": popularity}, data)

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        return first_allowed(self._order, self._score, subjects=len(people), items=self._items, k=k, exclude=exclude)

    def similar(self, items: Indices, k: int) -> Ranked:
        return first_allowed(
            self._order, self._score, subjects=len(items), items=self._items, k=k, exclude=itself(items, self._items)
        )

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:  # noqa: ARG002
        return NotExplainable("popular gives everyone the same list and reads nobody's history")

    def arrays(self) -> Arrays:
        return {"popularity": self._popularity}

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:
        self._items = len(data.items)
        self._popularity = np.asarray(arrays["popularity"], dtype=np.float64)
        order = np.lexsort((np.arange(self._items), -self._popularity))
        self._order = order[self._popularity[order] > 0]
        self._score = self._popularity[self._order]
        return self
