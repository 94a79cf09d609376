"""Most popular: how many people each item had, recent ones counting more. Always in the race."""

from typing import ClassVar, Self

import numpy as np

from perso_pipeline.models.protocol import InteractionMatrix
from perso_pipeline.models.recommenders.config import PopularConfig
from perso_pipeline.models.recommenders.for_anyone import ForAnyone


class Popular(ForAnyone):
    """One list for everyone. A person counts once per item, by the age of the newest event."""

    name: ClassVar[str] = "popular"

    def __init__(self, config: PopularConfig) -> None:
        self._half_life_days = config.half_life_days

    def fit(self, data: InteractionMatrix) -> Self:
        recency = 0.5 ** (data.last_age_days / self._half_life_days)
        popularity = np.bincount(data.weights.indices, weights=recency, minlength=len(data.items))
        return self._ordered(np.where(popularity > 0, popularity, -np.inf))
