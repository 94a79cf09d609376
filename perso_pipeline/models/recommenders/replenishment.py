"""Replenishment: what somebody buys again and again, about when it runs out.

Ibexa's "recurring purchase": from 80 % of the estimated interval on, interval of at least four days, the count
starts anew with each purchase. Bhagat et al., "Buy It Again", KDD 2018, model the same by inter-purchase times.
"""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.protocol import (
    KINDS,
    Arrays,
    Explanation,
    Indices,
    InteractionMatrix,
    NotExplainable,
    Ranked,
    explained,
)
from perso_pipeline.models.recommenders.config import ReplenishmentConfig
from perso_pipeline.models.recommenders.pairs import needed_journal
from perso_pipeline.models.recommenders.ranking import ranked_rows
from perso_pipeline.models.signals import to_day


class Replenishment:
    """score = days since the last purchase / interval while that is up to 1, its inverse after.

    The interval is the person's own mean between purchase days, or, after a single purchase, the median of the
    people who bought the item again. Lists hold what was bought before: a scenario must not filter that out, and
    in the race, where it is filtered, this model has nothing to say.
    """

    name: ClassVar[str] = "replenishment"

    def __init__(self, config: ReplenishmentConfig) -> None:
        self._config = config

    def fit(self, data: InteractionMatrix) -> Self:
        pairs, _, days, own = _rhythms(data, self.name)
        habit = (days >= 2) & (own >= self._config.min_interval_days)
        borrowed = _medians(pairs[habit, 1], own[habit], len(data.items), self._config.min_people)
        return self.restore({"interval": borrowed}, data)

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        return ranked_rows(self._due[people], k, exclude, self._no_history[people])

    def similar(self, items: Indices, k: int) -> Ranked:
        """Nothing: an item is replenished by itself, and that is not a similar item."""
        return ranked_rows(sparse.csr_matrix((len(items), self._due.shape[1])), k, None)

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:
        score = float(self._due[person, item])
        if score <= 0:
            return NotExplainable("the item is not due for the person")
        return explained(np.array([item]), np.array([score]))

    def arrays(self) -> Arrays:
        return {"interval": self._interval}

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:
        """What is due follows from ``data`` and the intervals of items: nothing of a person is stored."""
        self._interval: NDArray[np.float64] = np.asarray(arrays["interval"], dtype=np.float64)
        pairs, last_day, days, own = _rhythms(data, self.name)
        interval = np.where(days >= 2, own, self._interval[pairs[:, 1]])
        interval = np.where(interval >= self._config.min_interval_days, interval, np.nan)
        elapsed = (to_day(data.as_of) - last_day) / interval
        due = (elapsed >= self._config.due_from) & (elapsed <= self._config.due_until)
        score = np.minimum(elapsed[due], 1.0 / elapsed[due])
        made = sparse.csr_matrix((score, (pairs[due, 0], pairs[due, 1])), shape=data.weights.shape)
        made.sort_indices()
        self._due = made
        self._no_history = np.diff(data.weights.indptr) == 0
        return self


def _medians(item: Indices, interval: NDArray[np.float64], items: int, least: int) -> NDArray[np.float64]:
    """Median interval of each item; NaN where fewer than ``least`` people bought it again."""
    found = np.full(items, np.nan)
    order = np.lexsort((interval, item))
    item, interval = item[order], interval[order]
    distinct, start, count = np.unique(item, return_index=True, return_counts=True)
    middle = (interval[start + (count - 1) // 2] + interval[start + count // 2]) / 2.0 if len(item) else np.zeros(0)
    enough = count >= least
    found[distinct[enough]] = middle[enough]
    return found


def _rhythms(data: InteractionMatrix, model: str) -> tuple[Indices, Indices, Indices, NDArray[np.float64]]:
    """Per pair of person and item bought: the pair, its last day, its days, and the mean days between two of them."""
    journal = needed_journal(data, model)
    bought = journal.kind == KINDS.index("purchase")
    rows = np.unique(np.stack([journal.person[bought], journal.item[bought], journal.day[bought]], axis=1), axis=0)
    pairs, first, days = np.unique(rows[:, :2], axis=0, return_index=True, return_counts=True)
    last = first + days - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        own = (rows[last, 2] - rows[first, 2]) / (days - 1) if len(rows) else np.zeros(0)
    return pairs, rows[last, 2], days, own
