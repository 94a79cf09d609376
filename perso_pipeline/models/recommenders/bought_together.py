"""Frequently bought together: association rules over orders.

Agrawal, Imielinski and Swami, "Mining Association Rules between Sets of Items in Large Databases", SIGMOD 1993;
lift after Brin et al. 1997. Pairs only: sets of three or more add noise long before they add lists.
"""

from typing import ClassVar, Self

import numpy as np

from perso_pipeline.models.protocol import InteractionMatrix
from perso_pipeline.models.recommenders.config import BoughtTogetherConfig
from perso_pipeline.models.recommenders.neighbours import NeighbourModel
from perso_pipeline.models.recommenders.pairs import discounted_pairs, needed_journal, orders_of


class BoughtTogether(NeighbourModel):
    """likeness(i, j) = confidence, the share of the orders with i that hold j too.

    A pair must stand in ``min_orders`` orders and be ``min_lift`` times as frequent as chance:
    lift = orders with both x orders / (orders with i x orders with j). An order is a person's purchases of one
    second.
    """

    name: ClassVar[str] = "bought_together"

    def __init__(self, config: BoughtTogetherConfig, *, threads: int = 0) -> None:
        super().__init__(threads)
        self._config = config

    def fit(self, data: InteractionMatrix) -> Self:
        _, orders = orders_of(needed_journal(data, self.name), len(data.items))
        counts = discounted_pairs(
            orders,
            orders,
            discount=0.0,
            least=self._config.min_orders,
            neighbours=self._config.neighbours,
            threads=self._threads,
        )
        of_item = np.maximum(np.bincount(orders.indices, minlength=orders.shape[1]), 1).astype(np.float64)
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        lift = counts.data * orders.shape[0] / (of_item[rows] * of_item[counts.indices])
        counts.data = np.where(lift >= self._config.min_lift, counts.data / of_item[rows], 0.0)
        counts.eliminate_zeros()
        return self._learnt(counts, data)
