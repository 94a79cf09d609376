"""Also viewed: items that the same people met within a few days, more often than their popularity explains.

Co-visitation counts as OTTO's competitors used them (otto-de/recsys-dataset, 2022); the discount divides by the
other item's popularity to a power, as Linden, Smith and York (2003) already asked for with the cosine.
"""

from typing import ClassVar, Self

import numpy as np
from scipy import sparse

from perso_pipeline.models.config import CoVisitationConfig
from perso_pipeline.models.neighbours import Neighbours, damped, stored_likeness
from perso_pipeline.models.pairs import discounted_pairs, needed_journal
from perso_pipeline.models.protocol import Arrays, Explanation, Indices, InteractionMatrix, NotExplainable, Ranked


class CoVisitation:
    """likeness(i, j) = people who met both within ``within_days`` / people of j ^ ``discount``.

    A person counts once for a pair and period. Periods are blocks of ``within_days`` days up to the cut.
    """

    name: ClassVar[str] = "co_visitation"

    def __init__(self, config: CoVisitationConfig, *, threads: int = 0) -> None:
        self._config = config
        self._threads = threads

    def fit(self, data: InteractionMatrix) -> Self:
        journal = needed_journal(data, self.name)
        period = (data.as_of.toordinal() - _EPOCH - 1 - journal.day) // self._config.within_days
        _, visit = np.unique(np.stack([journal.person, period], axis=1), axis=0, return_inverse=True)
        visits = sparse.csr_matrix(
            (np.ones(len(visit)), (visit.ravel(), journal.item)),
            shape=(int(visit.max(initial=-1)) + 1, len(data.items)),
        )
        visits.data[:] = 1.0
        likeness = discounted_pairs(
            visits,
            visits,
            discount=self._config.discount,
            least=self._config.min_people,
            neighbours=self._config.neighbours,
            threads=self._threads,
        )
        self._lists = Neighbours(likeness, damped(data), threads=self._threads)
        return self

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        return self._lists.recommend(people, k, exclude)

    def similar(self, items: Indices, k: int) -> Ranked:
        return self._lists.similar(items, k)

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:
        return self._lists.explain(person, item)

    def arrays(self) -> Arrays:
        return self._lists.arrays()

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:
        self._lists = Neighbours(stored_likeness(arrays, len(data.items)), damped(data), threads=self._threads)
        return self


_EPOCH = 719163  # date(1970, 1, 1).toordinal()
