"""Features of a person and an item as of the moment of impression: the start of the matrix's day.

Everything is computed from one ``InteractionMatrix``, which holds nothing of its own day or later. Add a feature by
its name in ``NAMES`` and its column in ``Moment.of``. What candidate models say of a pair stands in ``gathering``;
keep learning out.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.protocol import KINDS, Indices, InteractionMatrix, Journal
from perso_pipeline.models.recommenders.feature_groups import Column, Groups, ratio, row_sums
from perso_pipeline.models.signals import to_day

WINDOWS = (3, 7, 14, 28, 90)
RECENT_DAYS = 28
# Signals end at the training window, so that an older first day only says how long the window is.
LONGEST_DAYS = 180
# Views that an item's rates are drawn to 0 by, so that one view with one purchase is no rate of 1.
PRIOR_VIEWS = 10.0
_MANY_DAYS = 100_000  # more than any day since 1970 or any age, to tell pairs with a day apart by one number

ITEM = (
    *(f"item_share_{days}d" for days in WINDOWS),
    "item_trend",
    "item_first_seen_days",
    "item_last_seen_days",
    "item_added_days",
    "item_cart_rate",
    "item_purchase_rate",
    "item_rebuy_rate",
    "item_log_price",
)
PERSON = (
    "person_items",
    "person_items_7d",
    "person_items_28d",
    "person_last_seen_days",
    "person_visit_days",
    "person_popularity",
    "person_last_visit_items",
)
BOTH = (
    "popularity_against_person",
    "category_share_of_person",
    "category_last_seen_days",
    "category_share_of_last_visit",
    "item_share_of_category",
    "brand_share_of_person",
    "brand_last_seen_days",
    "price_against_person",
    "price_distance_of_person",
)
NAMES = (*ITEM, *PERSON, *BOTH)


class Moment:
    """The state of a site at the start of a day, ready to describe pairs of person and item."""

    def __init__(self, data: InteractionMatrix) -> None:
        items = data.weights.shape[1]
        journal, catalogue = data.journal or _NO_EVENTS, data.catalogue
        daily = data.daily_people.tocsc()
        counts = {days: row_sums(daily[:, 1 : days + 1]) for days in WINDOWS}
        price = np.full(items, np.nan) if catalogue is None else catalogue.price
        self._log_price = np.log(np.where(price > 0, price, np.nan))
        self._popularity = _percentile(counts[RECENT_DAYS])
        none, recent = np.full(items, ""), counts[RECENT_DAYS]
        self._last_visit = _last_visits(journal, data.weights.shape)
        self._category = Groups(data, none if catalogue is None else catalogue.category, recent, self._last_visit)
        self._brand = Groups(data, none if catalogue is None else catalogue.brand, recent, self._last_visit)
        self._item = self._of_items(data, journal, counts)
        self._person = self._of_people(data)

    def of(self, person: Indices, item: Indices) -> NDArray[np.float32]:
        """One row per pair, one column per entry of ``NAMES``; NaN where nothing is known.

        Args:
            person: rows of the matrix.
            item: columns of the matrix.
        """
        against_price = self._log_price[item] - self._usual_price[person]
        columns = [
            *(column[item] for column in self._item),
            *(column[person] for column in self._person),
            self._popularity[item] - self._taste[person],
            self._category.share(person, item),
            self._category.age(person, item),
            self._category.share_of_last_visit(person, item),
            self._category.share_within(item),
            self._brand.share(person, item),
            self._brand.age(person, item),
            against_price,
            np.abs(against_price),
        ]
        return np.stack(columns, axis=1).astype(np.float32)

    def _of_items(self, data: InteractionMatrix, journal: Journal, counts: dict[int, Column]) -> list[Column]:
        today, items = to_day(data.as_of), len(data.items)
        recent = journal.day >= today - WINDOWS[-1]
        viewed, carted, bought = (
            np.bincount(journal.item[recent & (journal.kind == kind)], minlength=items) for kind in range(len(KINDS))
        )
        added = np.full(items, -1) if data.catalogue is None else data.catalogue.added_day
        return [
            *(counts[days] / max(1.0, float(counts[days].sum())) for days in WINDOWS),
            np.log((counts[7] + 1.0) / (counts[28] / 4.0 + 1.0)),
            *_seen_days(data),
            np.where(added >= 0, today - added, np.nan),
            carted / (viewed + PRIOR_VIEWS),
            bought / (viewed + PRIOR_VIEWS),
            _rebuy_rate(journal, items),
            self._log_price,
        ]

    def _of_people(self, data: InteractionMatrix) -> list[Column]:
        people = data.weights.shape[0]
        row = np.repeat(np.arange(people), np.diff(data.weights.indptr))
        item, age = data.weights.indices, data.last_age_days

        def total(values: NDArray[np.generic]) -> Column:
            return np.bincount(row, weights=values.astype(np.float64), minlength=people).astype(np.float64)

        held = total(np.ones(len(row)))
        priced = np.isfinite(self._log_price[item])
        weight = data.weights.data * priced
        self._taste = ratio(total(self._popularity[item]), held)
        self._usual_price = ratio(total(weight * np.nan_to_num(self._log_price[item])), total(weight))
        newest = np.full(people, np.inf)
        np.minimum.at(newest, row, age)
        days = np.unique(row * _MANY_DAYS + age) // _MANY_DAYS
        return [
            held,
            total(age <= WINDOWS[1]),
            total(age <= RECENT_DAYS),
            np.where(np.isfinite(newest), newest, np.nan),
            np.bincount(days, minlength=people).astype(np.float64),
            self._taste,
            np.diff(self._last_visit.indptr).astype(np.float64),
        ]


_NONE = np.zeros(0, dtype=np.int64)
_NO_EVENTS = Journal(_NONE, _NONE, _NONE, _NONE, _NONE.astype(np.int8))


def _percentile(counts: Column) -> Column:
    """Share of items with fewer people; ties share their place."""
    return np.searchsorted(np.sort(counts), counts) / max(1, len(counts))


def _seen_days(data: InteractionMatrix) -> tuple[Column, Column]:
    """Days since the first and since the last interest in each item; NaN where there was none."""
    daily = data.daily_people.tocoo()
    first, last = np.zeros(len(data.items)), np.full(len(data.items), np.inf)
    np.maximum.at(first, daily.row, daily.col)
    np.minimum.at(last, daily.row, daily.col)
    seen = np.isfinite(last)
    return np.where(seen, np.minimum(first, LONGEST_DAYS), np.nan), np.where(seen, last, np.nan)


def _rebuy_rate(journal: Journal, items: int) -> Column:
    """Share of an item's buyers who bought it on two days or more; NaN without buyers."""
    bought = journal.kind == KINDS.index("purchase")
    pair = journal.person[bought] * items + journal.item[bought]
    pairs, times = np.unique(np.unique(pair * _MANY_DAYS + journal.day[bought]) // _MANY_DAYS, return_counts=True)
    buyers = np.bincount(pairs % items, minlength=items).astype(np.float64)
    return ratio(np.bincount(pairs[times > 1] % items, minlength=items).astype(np.float64), buyers)


def _last_visits(journal: Journal, shape: tuple[int, int]) -> sparse.csr_matrix:
    """People x items of 0 and 1: what each met on their last day with an event."""
    newest = np.full(shape[0], -1)
    np.maximum.at(newest, journal.person, journal.day)
    of_last = journal.day == newest[journal.person]
    pairs = np.unique(journal.person[of_last] * shape[1] + journal.item[of_last])
    return sparse.csr_matrix((np.ones(len(pairs)), np.divmod(pairs, shape[1])), shape=shape)
