"""Viewed, then bought: what people who looked at an item bought in the end.

Ibexa's "ultimately bought" and Adobe Commerce's "viewed-bought": click on A before purchase of B, discounted for
what everybody buys.
"""

from typing import ClassVar, Self

import numpy as np
from scipy import sparse

from perso_pipeline.models.protocol import KINDS, InteractionMatrix, Journal
from perso_pipeline.models.recommenders.config import ViewedThenBoughtConfig
from perso_pipeline.models.recommenders.neighbours import NeighbourModel
from perso_pipeline.models.recommenders.pairs import discounted_pairs, needed_journal, orders_of, ranges


class ViewedThenBought(NeighbourModel):
    """likeness(i, j) = orders of j with a view of i in the days before / orders of j ^ ``discount``."""

    name: ClassVar[str] = "viewed_then_bought"

    def __init__(self, config: ViewedThenBoughtConfig, *, threads: int = 0) -> None:
        super().__init__(threads)
        self._config = config

    def fit(self, data: InteractionMatrix) -> Self:
        journal = needed_journal(data, self.name)
        viewed, bought = _walks(journal, len(data.items), self._config.within_days * 86400)
        likeness = discounted_pairs(
            viewed,
            bought,
            discount=self._config.discount,
            least=self._config.min_people,
            neighbours=self._config.neighbours,
            threads=self._threads,
        )
        return self._learnt(likeness, data)


def _walks(journal: Journal, items: int, seconds: int) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Per order of a person what was viewed in the ``seconds`` before it, and what was bought."""
    orders, had = orders_of(journal, items)
    viewed = np.flatnonzero(journal.kind == KINDS.index("product_view"))
    # Person and second in one number, so that a person's views before an order are one range.
    span = int(journal.second.max(initial=0)) + seconds + 1
    keys = journal.person[viewed] * span + journal.second[viewed]
    at = orders[:, 0] * span + orders[:, 1]
    first = np.searchsorted(keys, np.maximum(at - seconds, orders[:, 0] * span), side="left")
    place, which = ranges(first, np.searchsorted(keys, at, side="left"))
    seen = sparse.csr_matrix((np.ones(len(place)), (which, journal.item[viewed[place]])), shape=(len(orders), items))
    seen.data[:] = 1.0
    return seen, had
