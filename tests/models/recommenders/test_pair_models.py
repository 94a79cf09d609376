"""Co-visitation, bought together, viewed then bought: small journals, counted by hand."""

import dataclasses

import numpy as np
import pytest

from perso_pipeline.models.protocol import KINDS, Journal
from perso_pipeline.models.recommenders.bought_together import BoughtTogether
from perso_pipeline.models.recommenders.co_visitation import CoVisitation
from perso_pipeline.models.recommenders.config import BoughtTogetherConfig, CoVisitationConfig, ViewedThenBoughtConfig
from perso_pipeline.models.recommenders.viewed_then_bought import ViewedThenBought
from perso_pipeline.models.signals import to_day


@pytest.fixture
def shop_of(make_matrix):
    def make(people, items, events):
        """events: (person, item, days before, hour, kind)."""
        data = make_matrix(np.ones((people, items)))
        today = to_day(data.as_of)
        rows = sorted(
            (p, (today - back) * 86400 + hour * 3600, i, today - back, KINDS.index(kind))
            for p, i, back, hour, kind in events
        )
        columns = np.array(rows, dtype=np.int64).reshape(-1, 5)
        journal = Journal(columns[:, 0], columns[:, 2], columns[:, 3], columns[:, 1], columns[:, 4].astype(np.int8))
        return dataclasses.replace(data, journal=journal)

    return make


def listed(model, item, k=5):
    result = model.similar(np.array([item]), k)
    return dict(zip(result.item.tolist(), result.score.tolist(), strict=True))


def bought(person, back, *items):
    return [(person, item, back, 12, "purchase") for item in items]


def test_bought_together_is_the_share_of_orders_that_hold_the_other_too(shop_of):
    # 6 orders. Item 0 in 4 of them, with item 1 in 3: confidence 3/4; lift 3 x 6 / (4 x 3) = 1.5.
    orders = [
        *bought(0, 1, 0, 1),
        *bought(1, 1, 0, 1),
        *bought(2, 1, 0, 1),
        *bought(3, 1, 0),
        *bought(4, 1, 2),
        *bought(5, 1, 2),
    ]
    data = shop_of(6, 3, orders)
    model = BoughtTogether(BoughtTogetherConfig(min_orders=3, min_lift=1.5, neighbours=5)).fit(data)
    assert listed(model, 0) == {1: pytest.approx(0.75)}
    assert listed(model, 1) == {0: pytest.approx(1.0)}
    assert listed(BoughtTogether(BoughtTogetherConfig(min_orders=4, min_lift=0, neighbours=5)).fit(data), 0) == {}
    assert listed(BoughtTogether(BoughtTogetherConfig(min_orders=1, min_lift=1.6, neighbours=5)).fit(data), 0) == {}


def test_purchases_of_two_days_are_two_orders(shop_of):
    data = shop_of(1, 2, [*bought(0, 1, 0), *bought(0, 2, 1)])
    model = BoughtTogether(BoughtTogetherConfig(min_orders=1, min_lift=0, neighbours=5)).fit(data)
    assert listed(model, 0) == {}


def test_co_visitation_divides_by_popularity_as_far_as_it_is_told(shop_of):
    # Item 0 was met with item 1 by 2 people, with item 2 by 3; item 2 was met by 9, item 1 by 2.
    views = [(p, 0, 1, 10, "product_view") for p in range(3)]
    views += [(p, 1, 1, 11, "product_view") for p in range(2)]
    views += [(p, 2, 1, 12, "product_view") for p in range(9)]
    data = shop_of(9, 3, views)

    def likeness(discount):
        config = CoVisitationConfig(within_days=1, discount=discount, min_people=1, neighbours=5)
        return listed(CoVisitation(config).fit(data), 0)

    assert likeness(0.0) == {2: pytest.approx(3), 1: pytest.approx(2)}
    assert likeness(1.0) == {1: pytest.approx(2 / 2), 2: pytest.approx(3 / 9)}


def test_co_visitation_sees_only_what_is_close_in_time_and_frequent_enough(shop_of):
    views = [(p, 0, 1, 10, "product_view") for p in range(3)]
    views += [(p, 1, 2, 10, "product_view") for p in range(3)]  # the day before
    views += [(0, 2, 1, 10, "product_view")]  # one person only
    data = shop_of(3, 3, views)

    def neighbours(days):
        config = CoVisitationConfig(within_days=days, discount=0.5, min_people=2, neighbours=5)
        return set(listed(CoVisitation(config).fit(data), 0))

    assert neighbours(1) == set()
    assert neighbours(2) == {1}


def test_viewed_then_bought_needs_the_view_first_and_near(shop_of):
    events = [
        *[(p, 0, 2, 10, "product_view") for p in range(2)],
        *[(p, 1, 1, 10, "purchase") for p in range(2)],
        *[(p, 2, 1, 9, "purchase") for p in (2, 3)],  # bought before it was viewed
        *[(p, 0, 1, 10, "product_view") for p in (2, 3)],
        *[(p, 0, 9, 10, "product_view") for p in (4, 5)],  # viewed long before
        *[(p, 3, 1, 10, "purchase") for p in (4, 5)],
    ]
    config = ViewedThenBoughtConfig(within_days=3, discount=0.0, min_people=2, neighbours=5)
    assert listed(ViewedThenBought(config).fit(shop_of(6, 4, events)), 0) == {1: pytest.approx(2)}


def test_one_persons_views_do_not_count_for_another(shop_of):
    events = [(0, 0, 1, 9, "product_view"), (1, 1, 1, 10, "purchase")]
    config = ViewedThenBoughtConfig(within_days=3, discount=0.0, min_people=1, neighbours=5)
    assert listed(ViewedThenBought(config).fit(shop_of(2, 2, events)), 0) == {}


def test_a_matrix_without_a_journal_is_refused(make_matrix):
    data = dataclasses.replace(make_matrix([[1]]), journal=None)
    config = BoughtTogetherConfig(min_orders=1, min_lift=0, neighbours=5)
    with pytest.raises(ValueError, match="bought_together reads single events"):
        BoughtTogether(config).fit(data)
