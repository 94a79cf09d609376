"""Editorial list: what a person chose, in that order. It is the same every night until the config changes."""

from typing import ClassVar, Self

import numpy as np

from perso_pipeline.models.protocol import InteractionMatrix
from perso_pipeline.models.recommenders.config import EditorialConfig
from perso_pipeline.models.recommenders.for_anyone import ForAnyone


class Editorial(ForAnyone):
    """The listed items that the site has; the first scores the length of the list, the last 1."""

    name: ClassVar[str] = "editorial"

    def __init__(self, config: EditorialConfig) -> None:
        self._config = config

    def fit(self, data: InteractionMatrix) -> Self:
        places = {item: len(self._config.items) - place for place, item in enumerate(self._config.items)}
        return self._ordered(np.array([places.get(item, -np.inf) for item in data.items.tolist()]))
