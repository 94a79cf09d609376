"""Random: the floor of the race. A model near it has learnt nothing."""

import zlib
from typing import ClassVar, Self

import numpy as np
from scipy import sparse

from perso_pipeline.models.protocol import Arrays, Explanation, Indices, InteractionMatrix, NotExplainable, Ranked
from perso_pipeline.models.recommenders.config import RandomConfig
from perso_pipeline.models.recommenders.ranking import itself, ranked_parts


class RandomBaseline:
    """Items drawn evenly. Each subject's draw depends on its id and the seed, not on who else is asked for."""

    name: ClassVar[str] = "random"

    def __init__(self, config: RandomConfig) -> None:
        self._seed = config.seed

    def fit(self, data: InteractionMatrix) -> Self:
        self._data = data
        return self

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        return self._drawn([str(name) for name in self._data.people[people]], k, exclude)

    def similar(self, items: Indices, k: int) -> Ranked:
        return self._drawn([str(name) for name in self._data.items[items]], k, itself(items, len(self._data.items)))

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:  # noqa: ARG002
        return NotExplainable("random draws without looking at anybody's history")

    def arrays(self) -> Arrays:
        return {}

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:  # noqa: ARG002
        return self.fit(data)

    def _drawn(self, names: list[str], k: int, exclude: sparse.csr_matrix | None) -> Ranked:
        total = len(self._data.items)
        spare = np.zeros(len(names), dtype=np.int64) if exclude is None else np.diff(exclude.indptr)
        parts = []
        for position, name in enumerate(names):
            rng = np.random.default_rng([self._seed, zlib.crc32(name.encode())])
            count = min(total, k + int(spare[position]))
            drawn = rng.choice(total, size=count, replace=False)
            parts.append((np.full(count, position), drawn, rng.random(count)))
        return ranked_parts(parts, subjects=len(names), items=total, k=k, exclude=exclude)
