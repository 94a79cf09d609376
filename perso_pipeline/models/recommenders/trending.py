"""Trending: items with more people in the last days than their longer past lets expect."""

from typing import ClassVar, Self

import numpy as np

from perso_pipeline.models.protocol import InteractionMatrix
from perso_pipeline.models.recommenders.config import TrendingConfig
from perso_pipeline.models.recommenders.for_anyone import ForAnyone


class Trending(ForAnyone):
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
        return self._ordered(np.where(short > 0, excess, -np.inf))
