"""Scores against scikit-learn and hand counts; intervals and chance against simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from perso_pipeline.profiles.predictions.quality import auc, brier, brier_skill, calibration, log_loss, skill

RNG = np.random.default_rng(1)
PROBABILITY = np.round(RNG.beta(1, 9, 4000), 3)
HAPPENED = RNG.random(4000) < PROBABILITY


def test_scores_are_those_of_scikit_learn():
    inside = np.clip(PROBABILITY, 1e-6, 1 - 1e-6)
    assert brier(PROBABILITY, HAPPENED) == pytest.approx(metrics.brier_score_loss(HAPPENED, PROBABILITY))
    assert log_loss(inside, HAPPENED) == pytest.approx(metrics.log_loss(HAPPENED, inside))
    assert auc(PROBABILITY, HAPPENED) == pytest.approx(metrics.roc_auc_score(HAPPENED, PROBABILITY))


def test_the_base_rate_has_no_skill_and_the_truth_has_all():
    happened = np.array([True, False, False, False])
    assert brier_skill(np.full(4, 0.25), happened, confidence=0.95).value == pytest.approx(0.0)
    assert brier_skill(happened.astype(float), happened, confidence=0.95).value == pytest.approx(1.0)


def test_skill_by_hand():
    # losses 1 + 1 over base 2 + 3: 1 - 2/5
    found = skill(np.array([1.0, 1.0]), np.array([2.0, 3.0]), confidence=0.95)
    assert found.value == pytest.approx(0.6)
    # residuals 1 - .4 x 2 = .2 and 1 - .4 x 3 = -.2; sqrt(2 / 1 x .08) / 5 x 1.96
    assert found.high - found.value == pytest.approx(1.959964 * np.sqrt(0.16) / 5, rel=1e-6)


def test_skill_where_everybody_is_alike_is_refused():
    with pytest.raises(ValueError, match="never wrong"):
        skill(np.zeros(3), np.zeros(3), confidence=0.95)


def test_the_interval_of_skill_covers_as_often_as_it_says():
    rng = np.random.default_rng(20)
    probability = rng.beta(1, 9, 200_000)
    truth = brier_skill(probability, rng.random(200_000) < probability, confidence=0.95).value
    covered = 0
    for _ in range(300):
        some = rng.beta(1, 9, 1500)
        found = brier_skill(some, rng.random(1500) < some, confidence=0.95)
        covered += found.low <= truth <= found.high
    assert 0.91 <= covered / 300 <= 0.985


def test_calibration_by_hand():
    probability = np.array([0.1, 0.1, 0.5, 0.5])
    curve = calibration(probability, np.array([False, False, True, True]), bins=2)
    assert curve.predicted.tolist() == [0.1, 0.5]
    assert curve.observed.tolist() == [0.0, 1.0]
    assert curve.error == pytest.approx(0.5 * 0.1 + 0.5 * 0.5)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.sampled_from([0.0, 0.01, 0.3, 0.3001, 1.0]), min_size=1, max_size=60), st.integers(2, 12))
def test_equal_predictions_are_never_parted_and_nobody_is_lost(values, bins):
    probability = np.array(values)
    curve = calibration(probability, probability > 0.2, bins=bins)
    assert curve.people.sum() == len(values)
    assert len(curve.people) <= min(bins, len(set(values)))
    assert (np.diff(curve.predicted) > 0).all()


def test_the_error_of_perfect_predictions_is_what_chance_shows():
    rng = np.random.default_rng(3)
    errors, by_chance = [], []
    for _ in range(200):
        probability = rng.beta(2, 20, 2000)
        curve = calibration(probability, rng.random(2000) < probability, bins=10)
        errors.append(curve.error)
        by_chance.append(curve.error_by_chance)
    assert np.mean(errors) == pytest.approx(np.mean(by_chance), rel=0.05)
