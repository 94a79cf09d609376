"""Also viewed: items that the same people met within a few days, more often than their popularity explains.

Co-visitation counts as OTTO's competitors used them (otto-de/recsys-dataset, 2022); the discount divides by the
other item's popularity to a power, as Linden, Smith and York (2003) already asked for with the cosine.
"""

from typing import ClassVar, Self

import numpy as np
from scipy import sparse

from perso_pipeline.models.protocol import InteractionMatrix
from perso_pipeline.models.recommenders.config import CoVisitationConfig
from perso_pipeline.models.recommenders.neighbours import NeighbourModel
from perso_pipeline.models.recommenders.pairs import discounted_pairs, needed_journal
from perso_pipeline.models.signals import to_day


class CoVisitation(NeighbourModel):
    """likeness(i, j) = people who met both within ``within_days`` / people of j ^ ``discount``.

    A person counts once for a pair and period. Periods are blocks of ``within_days`` days up to the cut.
    """

    name: ClassVar[str] = "co_visitation"

    def __init__(self, config: CoVisitationConfig, *, threads: int = 0) -> None:
        super().__init__(threads)
        self._config = config

    def fit(self, data: InteractionMatrix) -> Self:
        journal = needed_journal(data, self.name)
        period = (to_day(data.as_of) - 1 - journal.day) // self._config.within_days
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
        return self._learnt(likeness, data)
