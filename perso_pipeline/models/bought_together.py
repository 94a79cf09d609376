"""Frequently bought together: association rules over orders.

Agrawal, Imielinski and Swami, "Mining Association Rules between Sets of Items in Large Databases", SIGMOD 1993;
lift after Brin et al. 1997. Pairs only: sets of three or more add noise long before they add lists.
"""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.config import BoughtTogetherConfig
from perso_pipeline.models.neighbours import Neighbours, damped, stored_likeness
from perso_pipeline.models.pairs import discounted_pairs, needed_journal
from perso_pipeline.models.protocol import (
    KINDS,
    Arrays,
    Explanation,
    Indices,
    InteractionMatrix,
    Journal,
    NotExplainable,
    Ranked,
)


class BoughtTogether:
    """likeness(i, j) = confidence, the share of the orders with i that hold j too.

    A pair must stand in ``min_orders`` orders and be ``min_lift`` times as frequent as chance:
    lift = orders with both x orders / (orders with i x orders with j). An order is a person's purchases of one
    second.
    """

    name: ClassVar[str] = "bought_together"

    def __init__(self, config: BoughtTogetherConfig, *, threads: int = 0) -> None:
        self._config = config
        self._threads = threads

    def fit(self, data: InteractionMatrix) -> Self:
        orders = baskets(needed_journal(data, self.name), len(data.items))
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
        self._lists = Neighbours(counts, damped(data), threads=self._threads)
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


def baskets(journal: Journal, items: int) -> sparse.csr_matrix:
    """Orders x items of 0 and 1."""
    bought = journal.kind == KINDS.index("purchase")
    moments: NDArray[np.int64] = np.stack([journal.person[bought], journal.second[bought]], axis=1)
    orders, order = np.unique(moments, axis=0, return_inverse=True)
    made = sparse.csr_matrix((np.ones(len(moments)), (order.ravel(), journal.item[bought])), shape=(len(orders), items))
    made.data[:] = 1.0
    return made
