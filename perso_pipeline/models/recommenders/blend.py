"""A blend of models: each one's scores on one scale, weighted, added.

Linear stacking with weights chosen on validation data (Ekstrand et al. 2011, "Rethinking the Recommender Research
Ecosystem", calls it a linear hybrid; Burke 2002, a weighted one). What is blended stands in the config.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.names import LinearName
from perso_pipeline.models.protocol import (
    Arrays,
    Explanation,
    Indices,
    InteractionMatrix,
    NotExplainable,
    Ranked,
    Recommender,
    explained,
)
from perso_pipeline.models.recommenders.config import BlendConfig
from perso_pipeline.models.recommenders.dense import best_of_all


class Scorer(Recommender, Protocol):
    """A model that can score every item for some people."""

    def scores(self, people: Indices) -> NDArray[np.float32]:
        """len(people) x items, dense."""
        ...


class Blend:
    """score = sum over members of weight x score / root mean square of the person's scores.

    What the person has already does not count in that mean: every member scores it high, each in its own way.
    """

    name: ClassVar[str] = "blend"

    def __init__(self, config: BlendConfig, members: Mapping[LinearName, Scorer]) -> None:
        self._config = config
        self._members = members

    def fit(self, data: InteractionMatrix) -> Self:
        for member in self._members.values():
            member.fit(data)
        self._data = data
        return self

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        no_history = np.diff(self._data.weights.indptr)[people] == 0
        items = len(self._data.items)
        return best_of_all(self.scores, people, k, items=items, exclude=exclude, no_history=no_history)

    def scores(self, people: Indices) -> NDArray[np.float32]:
        """len(people) x items, dense."""
        total = np.zeros((len(people), len(self._data.items)), dtype=np.float32)
        for name, member in self._members.items():
            block = member.scores(people)
            total += block * self._weights(name, block, people)[:, None]
        return total

    def similar(self, items: Indices, k: int) -> Ranked:
        """Of the member with the largest weight: likenesses of different models have no common scale."""
        return self._members[max(self._members, key=lambda name: (self._config.weights[name], name))].similar(items, k)

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:
        """The members' explanations, weighted as their scores are."""
        who = np.array([person])
        parts: defaultdict[int, float] = defaultdict(float)
        score = against = 0.0
        for name, member in self._members.items():
            weight = float(self._weights(name, member.scores(who), who)[0])
            why = member.explain(person, item)
            if isinstance(why, NotExplainable):
                return NotExplainable(f"a member of the blend cannot say: {why.because}")
            score += weight * why.score
            against += weight * why.against
            for origin in why.origins:
                parts[origin.item] += weight * origin.part
        speaking = explained(np.array(list(parts)), np.array(list(parts.values())))
        return replace(speaking, score=score, against=against) if isinstance(speaking, Explanation) else speaking

    def _weights(self, name: LinearName, block: NDArray[np.float32], people: Indices) -> NDArray[np.float32]:
        """What brings a member's scores to the common scale, per person; 0 where the member knows nothing."""
        own = self._data.weights[people]
        rows = np.repeat(np.arange(len(people)), np.diff(own.indptr))
        of_own = np.bincount(rows, weights=block[rows, own.indices].astype(np.float64) ** 2, minlength=len(people))
        squares = np.einsum("ij,ij->i", block, block, dtype=np.float64) - of_own
        size = np.sqrt(np.maximum(squares, 0.0) / max(1, block.shape[1]))
        known = size > 0
        return np.divide(self._config.weights[name], size, out=np.zeros_like(size), where=known).astype(np.float32)

    def arrays(self) -> Arrays:
        return {f"{name}.{key}": array for name, m in self._members.items() for key, array in m.arrays().items()}

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:
        for name, member in self._members.items():
            own = {key.removeprefix(f"{name}."): a for key, a in arrays.items() if key.startswith(f"{name}.")}
            member.restore(own, data)
        self._data = data
        return self
