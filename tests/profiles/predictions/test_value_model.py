"""Predicted value: the holdout, its verdicts, and what a card keeps."""

import numpy as np
import pyarrow as pa
import pytest

from perso_pipeline.profiles.predictions import value_model
from perso_pipeline.profiles.predictions.estimates import NotEstimable
from perso_pipeline.profiles.predictions.purchases import Purchases
from perso_pipeline.profiles.predictions.quality import Skill
from perso_pipeline.profiles.predictions.training import card_file
from perso_pipeline.profiles.predictions.value_model import Holdout, ValueModel, fit_value, hold_out

R, ALPHA, A, B = 0.8, 5.0, 0.7, 2.5


def buyers(weeks: float, *, people: int = 3000, seed: int = 5) -> Purchases:
    """Histories drawn from BG/NBD, all first orders in week 0, seen up to ``weeks``; the same people for the same seed."""
    rng = np.random.default_rng(seed)
    rate, leaving = rng.gamma(R, 1 / ALPHA, people), rng.beta(A, B, people)
    repeats, last = np.zeros(people), np.zeros(people)
    value = rng.gamma(3.0, 12.0, people)
    for person in range(people):
        now = 0.0
        while True:
            now += rng.exponential(1 / rate[person])
            if now >= 40:  # drawn to the end, so that an earlier end sees the same story
                break
            if now < weeks:
                repeats[person] += 1
                last[person] = now
            if rng.random() < leaving[person]:
                break
    average = np.where(repeats > 0, value, np.nan)
    names = pa.array([f"p{person:05d}" for person in range(people)])
    return Purchases(names, repeats, last, np.full(people, weeks), average, repeats)


@pytest.fixture(scope="module")
def outcome(predictions_config) -> Holdout:
    held = predictions_config.value.model_copy(update={"holdout_days": 70})
    found = hold_out(buyers(30.0), buyers(40.0), held, confidence=0.95)
    assert isinstance(found, Holdout)
    return found


def test_a_shop_that_behaves_as_the_model_says_passes(outcome, predictions_config):
    assert abs(outcome.total_error) < 0.1
    assert outcome.skill.low > 0
    assert outcome.people.sum() == outcome.buyers == 3000
    assert outcome.people @ outcome.actual == pytest.approx(outcome.actual_total)
    assert value_model.refusal(outcome, predictions_config.value) is None


def test_a_forecast_that_is_far_off_is_refused_with_the_numbers(outcome, predictions_config):
    import dataclasses

    off = dataclasses.replace(outcome, predicted_total=150.0, actual_total=100.0)
    assert value_model.refusal(off, predictions_config.value) == (
        "it predicted 150 repeat orders for the last 70 days and 100 came (+50%; 25% may be)"
    )
    weak = dataclasses.replace(outcome, skill=Skill(0.02, -0.01, 0.05))
    assert "not surely better than one rate for everybody" in str(value_model.refusal(weak, predictions_config.value))


def test_a_holdout_in_which_nobody_came_back_tests_nothing(predictions_config):
    same = buyers(30.0)
    assert hold_out(same, same, predictions_config.value, confidence=0.95) == NotEstimable(
        "nobody ordered again in the last 14 days"
    )


def test_a_model_comes_back_from_its_card_as_it_was(predictions_config):
    import json

    model = fit_value(buyers(30.0), 0.85, predictions_config.value)
    assert isinstance(model, ValueModel)
    assert ValueModel.of_card(json.loads(card_file(model.card()))) == model


def test_value_is_net_of_what_comes_back(predictions_config):
    people = buyers(30.0)
    whole, part = (fit_value(people, kept, predictions_config.value) for kept in (1.0, 0.5))
    assert isinstance(whole, ValueModel)
    assert isinstance(part, ValueModel)
    assert part.expected_order_value(people) == pytest.approx(0.5 * whole.expected_order_value(people))
    assert fit_value(people, 0.0, predictions_config.value) == NotEstimable(
        "refunds and cancellations leave nothing of what was sold"
    )


def test_a_longer_horizon_is_worth_more(predictions_config):
    people = buyers(30.0)
    model = fit_value(people, 1.0, predictions_config.value)
    assert isinstance(model, ValueModel)
    assert (model.expected_orders(people, 365) > model.expected_orders(people, 90)).all()
