"""Conversion rate: items whose views end in a cart or a purchase more often than others'.

Adobe Commerce's "view to cart" and "view to purchase" count sessions; here a visit is a person's day. Rates are
smoothed towards the category's by a beta prior (empirical Bayes; Metarank's rate feature does the same), so that
one view with one purchase does not lead.
"""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.models.protocol import KINDS, Indices, InteractionMatrix, Journal
from perso_pipeline.models.recommenders.config import ConversionConfig
from perso_pipeline.models.recommenders.for_anyone import ForAnyone
from perso_pipeline.models.recommenders.pairs import needed_journal
from perso_pipeline.models.signals import to_day


class Conversion(ForAnyone):
    """score = (visits with the goal + n x category's rate) / (visits with a view + n), n = ``prior_visits``.

    The category's own rate is drawn to the site's in the same way. Only items that were viewed are listed.
    """

    name: ClassVar[str] = "conversion"

    def __init__(self, config: ConversionConfig) -> None:
        self._config = config

    def fit(self, data: InteractionMatrix) -> Self:
        journal = needed_journal(data, self.name)
        recent = journal.day >= to_day(data.as_of) - self._config.window_days
        viewed = _visits(journal, recent & (journal.kind == KINDS.index("product_view")))
        goal = _visits(journal, recent & (journal.kind == KINDS.index(self._config.goal)))
        reached = viewed[_among(viewed, goal)]
        items = len(data.items)
        views = np.bincount(viewed[:, 2], minlength=items).astype(np.float64)
        goals = np.bincount(reached[:, 2], minlength=items).astype(np.float64)
        if not views.any():
            return self._ordered(np.full(items, -np.inf))
        weight = self._config.prior_visits
        overall = goals.sum() / views.sum()
        category = _categories(data)
        in_category = np.bincount(category, weights=views)
        rate = (np.bincount(category, weights=goals) + weight * overall) / (in_category + weight)
        score = (goals + weight * rate[category]) / (views + weight)
        return self._ordered(np.where(views > 0, score, -np.inf))


def _visits(journal: Journal, which: NDArray[np.bool_]) -> Indices:
    """Distinct person, day and item."""
    rows = np.stack([journal.person[which], journal.day[which], journal.item[which]], axis=1)
    return np.unique(rows, axis=0)


def _among(rows: Indices, others: Indices) -> NDArray[np.bool_]:
    """Which of ``rows`` stand in ``others`` (both distinct)."""
    together = np.concatenate([rows, others])
    _, group, count = np.unique(together, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(count[group.ravel()[: len(rows)]] == 2)


def _categories(data: InteractionMatrix) -> Indices:
    """A number per item's category; one for all where there is no catalogue."""
    if data.catalogue is None:
        return np.zeros(len(data.items), dtype=np.int64)
    return np.unique(data.catalogue.category, return_inverse=True)[1].astype(np.int64)
