"""Session and replenishment: what rests on one person's own order of events."""

import dataclasses

import numpy as np
import pytest

from perso_pipeline.models.protocol import KINDS, Journal, ShortReason
from perso_pipeline.models.recommenders.config import ReplenishmentConfig, SessionConfig
from perso_pipeline.models.recommenders.replenishment import Replenishment
from perso_pipeline.models.recommenders.session import Session
from perso_pipeline.models.signals import to_day

SESSION = SessionConfig(gap_minutes=30, last_events=2, position_decay=0.5, session_half_life_days=10, neighbours=10)
HABIT = ReplenishmentConfig(min_interval_days=4, due_from=0.8, due_until=3, min_people=2)


@pytest.fixture
def shop_of(make_matrix):
    def make(people, items, events):
        """events: (person, item, days before, minute of the day, kind)."""
        data = make_matrix(np.ones((people, items)))
        today = to_day(data.as_of)
        rows = sorted(
            (p, (today - back) * 86400 + minute * 60, i, today - back, KINDS.index(kind))
            for p, i, back, minute, kind in events
        )
        columns = np.array(rows, dtype=np.int64).reshape(-1, 5)
        journal = Journal(columns[:, 0], columns[:, 2], columns[:, 3], columns[:, 1], columns[:, 4].astype(np.int8))
        return dataclasses.replace(data, journal=journal)

    return make


def views(person, back, minute, *items):
    return [(person, item, back, minute + place, "product_view") for place, item in enumerate(items)]


def bought(person, item, *days_before):
    return [(person, item, back, 600, "purchase") for back in days_before]


def listed(result):
    return dict(zip(result.item.tolist(), result.score.tolist(), strict=True))


def test_only_the_last_events_ask(shop_of):
    # Person 0 met item 0 first, then 1 and 2: with two events asked for, item 0's companion 3 is not found, 4 is.
    data = shop_of(3, 5, [*views(0, 1, 600, 0, 1, 2), *views(1, 1, 600, 0, 3), *views(2, 1, 600, 2, 4)])
    assert 4 in listed(Session(SESSION).fit(data).recommend(np.array([0]), 5))
    assert 3 not in listed(Session(SESSION).fit(data).recommend(np.array([0]), 5, exclude=None))


def test_a_longer_pause_begins_a_new_session(shop_of):
    near = shop_of(2, 2, [*views(0, 1, 600, 0), *views(1, 1, 600, 0), *views(1, 1, 629, 1)])
    far = shop_of(2, 2, [*views(0, 1, 600, 0), *views(1, 1, 600, 0), *views(1, 1, 631, 1)])
    assert 1 in listed(Session(SESSION).fit(near).recommend(np.array([0]), 5))
    assert 1 not in listed(Session(SESSION).fit(far).recommend(np.array([0]), 5))


def test_newer_sessions_and_newer_items_weigh_more(shop_of):
    # 1 stood beside 0 ten days (a half-life) ago, 2 does so today.
    data = shop_of(3, 4, [*views(0, 1, 600, 0), *views(1, 11, 600, 0, 1), *views(2, 1, 600, 0, 2)])
    scores = listed(Session(SESSION).fit(data).recommend(np.array([0]), 5))
    assert scores[1] / scores[2] == pytest.approx(0.5, rel=0.01)


def test_somebody_unknown_to_the_journal_gets_no_list_and_the_reason(shop_of):
    result = Session(SESSION).fit(shop_of(2, 2, views(0, 1, 600, 0, 1))).recommend(np.array([1]), 5)
    assert result.short[ShortReason.NO_HISTORY].tolist() == [0]


def test_a_habit_is_due_from_four_fifths_of_its_interval(shop_of):
    # Bought every 10 days; 7 days ago is 70 %, 8 days ago 80 %, 20 days ago twice the interval, 31 given up.
    data = shop_of(4, 4, [*bought(0, 0, 17, 7), *bought(1, 1, 18, 8), *bought(2, 2, 30, 20), *bought(3, 3, 41, 31)])
    model = Replenishment(HABIT).fit(data)
    found = [listed(model.recommend(np.array([person]), 5)) for person in range(4)]
    assert found == [{}, {1: pytest.approx(0.8)}, {2: pytest.approx(0.5)}, {}]


def test_repeats_within_days_are_no_habit(shop_of):
    model = Replenishment(HABIT).fit(shop_of(1, 1, bought(0, 0, 5, 3)))
    assert listed(model.recommend(np.array([0]), 5)) == {}


def test_a_single_purchase_borrows_the_interval_of_those_who_bought_again(shop_of):
    # Persons 0 and 1 buy every 10 and 12 days: median 11. Person 2 bought once, 11 days ago.
    data = shop_of(3, 2, [*bought(0, 0, 11, 1), *bought(1, 0, 13, 1), *bought(2, 0, 11), *bought(2, 1, 11)])
    model = Replenishment(HABIT).fit(data)
    assert listed(model.recommend(np.array([2]), 5)) == {0: pytest.approx(1.0)}
    assert model.explain(2, 0).origins[0].item == 0
