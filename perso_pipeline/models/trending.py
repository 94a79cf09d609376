"""Trending: items with more people in the last days than their longer past lets expect."""

from typing import ClassVar, Self

import numpy as np
from scipy import sparse

from perso_pipeline.models.config import TrendingConfig
from perso_pipeline.models.protocol import Arrays, Explanation, Indices, InteractionMatrix, NotExplainable, Ranked
from perso_pipeline.models.ranking import first_allowed, itself


class Trending:
    """One list for everyone, by the smoothed excess of the short window over the long one.

    excess = (short - expected) / sqrt(expected + smoothing), where expected = people of the days before the
    short window x short days / those days. Items without anybody in the short window are not listed.
    """

    name: ClassVar[str] = "trending"

    def __init__(self, config: TrendingConfig) -> None:
        self._config = config

    def fit(self, data: InteractionMatrix) -> Self:
        short_days, long_days = self._config.short_days, self._config.long_days
        daily = data.daily_people.tocsc()
        short = np.asarray(daily[:, 1 : short_days + 1].sum(axis=1)).ravel()
        earlier = np.asarray(daily[:, short_days + 1 : long_days + 1].sum(axis=1)).ravel()
        expected = earlier * short_days / (long_days - short_days)
        excess = (short - expected) / np.sqrt(expected + self._config.smoothing)
        return self.restore({"excess": excess, "short_people": short}, data)

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        return first_allowed(self._order, self._score, subjects=len(people), items=self._items, k=k, exclude=exclude)

    def similar(self, items: Indices, k: int) -> Ranked:
        own = itself(items, self._items)
        return first_allowed(self._order, self._score, subjects=len(items), items=self._items, k=k, exclude=own)

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:  # noqa: ARG002
        return NotExplainable("trending gives everyone the same list and reads nobody's history")

    def arrays(self) -> Arrays:
        return {"excess": self._excess, "short_people": self._short}

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:
        self._items = len(data.items)
        self._excess = np.asarray(arrays["excess"], dtype=np.float64)
        self._short = np.asarray(arrays["short_people"], dtype=np.float64)
        order = np.lexsort((np.arange(self._items), -self._excess))
        self._order = order[self._short[order] > 0]
        self._score = self._excess[self._order]
        return self
