from datetime import date, timedelta

import numpy as np
import pytest

from perso_pipeline.models.signals import read_signals, to_day
from perso_pipeline.models.split import NotEvaluated, split

NIGHT = date(2026, 1, 31)


@pytest.fixture
def few(config):
    return config.evaluation.model_copy(update={"min_people": 2, "enough_people": 2, "test_days": [7]})


def made(shop, config, settings):
    return split(read_signals(shop.write(), "shop-uk", NIGHT, config.signals), settings, config.signals)


def test_every_signal_is_trained_on_evaluated_or_dropped_for_one_reason(shop, config, few):
    past, now = NIGHT - timedelta(days=20), NIGHT
    for person in ("c1", "c2"):
        shop.event(person, f"known-{person}", past)
    shop.event("c1", "known-c2", now)  # evaluated
    shop.event("c2", "known-c1", now)  # evaluated
    shop.event("c1", "known-c1", now)  # had it already
    shop.event("new", "known-c1", now)  # a person nobody has met
    shop.event("c2", "new-item", now)  # an item nobody has met
    shop.event("c2", "known-c2", now, "remove_from_cart")  # not a wish
    parts = made(shop, config, few)
    assert parts.rows == {
        "train": 2,
        "evaluated": 2,
        "seen_in_train": 1,
        "cold_person": 1,
        "cold_item": 1,
        "not_relevant": 1,
    }


def test_train_is_before_the_cut_and_test_is_not(two_tastes, config, few):
    parts = made(two_tastes, config, few)
    assert parts.cut == NIGHT - timedelta(days=6)
    assert parts.train.as_of == parts.cut
    assert parts.train.last_age_days.min() == 1
    assert to_day(parts.end) - to_day(parts.cut) + 1 == 7


def test_nobody_is_asked_for_an_item_of_their_own_training(two_tastes, config, few):
    parts = made(two_tastes, config, few)
    assert (parts.relevant.multiply(parts.train.seen[parts.people])).nnz == 0
    assert np.diff(parts.relevant.indptr).min() >= 1


def test_contexts_of_a_visit_ask_for_the_others_of_the_same_day(shop, config, few):
    for person in ("c1", "c2", "c3"):
        for item in "abc":
            shop.event(person, item, NIGHT - timedelta(days=20))
    shop.event("c1", "a", NIGHT)
    shop.event("c1", "b", NIGHT)
    shop.event("c2", "c", NIGHT)  # alone on its day: no context
    shop.event("c3", "new", NIGHT)
    parts = made(shop, config, few.model_copy(update={"min_people": 0}))
    asked = {
        str(parts.train.items[c]): parts.train.items[parts.context_relevant[row].indices].tolist()
        for row, c in enumerate(parts.contexts)
    }
    assert asked == {"a": ["b"], "b": ["a"]}
    assert parts.context_unit.tolist() == [0, 0]


def test_a_longer_window_is_taken_where_a_short_one_has_too_few_people(two_tastes, config):
    settings = config.evaluation.model_copy(update={"test_days": [1, 14], "enough_people": 59, "min_people": 2})
    assert made(two_tastes, config, settings).cut <= NIGHT - timedelta(days=13)


def test_too_few_people_is_a_result_with_its_reason(shop, config):
    shop.event("c1", "a", NIGHT - timedelta(days=20))
    shop.event("c2", "b", NIGHT - timedelta(days=20))
    shop.event("c1", "b", NIGHT)
    outcome = made(shop, config, config.evaluation.model_copy(update={"test_days": [7]}))
    assert isinstance(outcome, NotEvaluated)
    assert "only 1 people" in outcome.because


def test_a_shop_in_its_first_week_is_not_evaluated(shop, config):
    shop.event("c1", "a", NIGHT)
    outcome = made(shop, config, config.evaluation)
    assert isinstance(outcome, NotEvaluated)
    assert "nothing to train on" in outcome.because


def test_people_are_drawn_by_their_id(two_tastes, config, few):
    everyone = made(two_tastes, config, few)
    some = made(two_tastes, config, few.model_copy(update={"max_people": 5}))
    assert len(some.people) == 5
    assert set(some.train.people[some.people]) <= set(everyone.train.people[everyone.people])
