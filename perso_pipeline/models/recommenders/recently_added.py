"""Recently added: the newest items of the catalogue. Needs no behaviour, so new items have a place to start."""

from typing import ClassVar, Self

import numpy as np

from perso_pipeline.models.protocol import InteractionMatrix
from perso_pipeline.models.recommenders.config import RecentlyAddedConfig
from perso_pipeline.models.recommenders.for_anyone import ForAnyone
from perso_pipeline.models.signals import to_day


class RecentlyAdded(ForAnyone):
    """Items first offered at most ``max_age_days`` before the cut, newest first.

    Of one day's items those with more people come first: the score is minus the age in days plus the item's
    share of the most popular one's people, short of 1.
    """

    name: ClassVar[str] = "recently_added"

    def __init__(self, config: RecentlyAddedConfig) -> None:
        self._config = config

    def fit(self, data: InteractionMatrix) -> Self:
        if data.catalogue is None:
            msg = "recently_added reads the catalogue, and this training matrix has none with it."
            raise ValueError(msg)
        age = (to_day(data.as_of) - data.catalogue.added_day).astype(np.float64)
        people = np.bincount(data.weights.indices, minlength=len(data.items))
        score = -age + people / (people.max(initial=0) + 1.0)
        known = (data.catalogue.added_day >= 0) & (age <= self._config.max_age_days)
        return self._ordered(np.where(known, score, -np.inf))
