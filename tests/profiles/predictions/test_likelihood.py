"""Likelihoods: the truth back from simulated people, calibrated, refused where they are no better than the base rate."""

import json

import numpy as np
import pytest
from scipy.special import expit

from perso_pipeline.profiles.predictions.estimates import NotEstimable
from perso_pipeline.profiles.predictions.likelihood import Examples, LikelihoodModel, fit_likelihood, refusal
from perso_pipeline.profiles.predictions.training import card_file

NAMES = ("views", "orders")
WEIGHTS = np.array([1.2, -0.7])


def people(count: int, seed: int, *, level: float = -2.5, weights: np.ndarray = WEIGHTS) -> Examples:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, 2)) * (3.0, 0.5)
    return Examples(values, rng.random(count) < expit(level + values @ weights / 3))


@pytest.fixture(scope="module")
def fit(predictions_config):
    def fitted(train: Examples, calibrate: Examples, test: Examples):
        return fit_likelihood(
            NAMES,
            train,
            calibrate,
            test,
            config=predictions_config.likelihood,
            confidence=predictions_config.confidence,
        )

    return fitted


def test_the_weights_that_made_the_people_come_back(fit, predictions_config):
    model, report = fit(people(40_000, 1), people(20_000, 2), people(20_000, 3))
    assert model.slope * model.weights == pytest.approx(WEIGHTS / 3, abs=0.03)
    assert report.calibration.error < 0.01
    assert report.skill.low > 0
    assert refusal(report, predictions_config.likelihood) is None


def test_a_level_that_moves_before_the_calibration_slice_is_followed(fit):
    # twice as many convert from then on: without the later slice every probability would be half of what it should be
    _, moved = fit(people(20_000, 1, level=-3.2), people(20_000, 2), people(20_000, 3))
    _, unmoved = fit(people(20_000, 1, level=-3.2), people(20_000, 2, level=-3.2), people(20_000, 3))
    assert moved.calibration.error < 0.01 < unmoved.calibration.error


def test_a_level_that_moves_after_it_is_refused(fit, predictions_config):
    _, report = fit(people(20_000, 1), people(20_000, 2), people(20_000, 3, level=-1.9))
    assert "calibration error" in str(refusal(report, predictions_config.likelihood))


def test_nothing_to_learn_is_not_better_than_the_base_rate(fit, predictions_config):
    nothing = np.zeros(2)
    outcomes = [fit(*(people(3000, 10 * seed + part, weights=nothing) for part in range(3))) for seed in range(20)]
    for outcome in outcomes:
        said = (
            outcome.because if isinstance(outcome, NotEstimable) else refusal(outcome[1], predictions_config.likelihood)
        )
        assert said is not None


def test_too_few_of_either_outcome_is_said(fit):
    few = Examples(np.zeros((1000, 2)), np.arange(1000) < 12)
    assert fit(people(3000, 1), few, people(3000, 3)) == NotEstimable(
        "of 1000 people in the calibration slice it happened to 12, and it takes 50 to whom it happened and as many to "
        "whom it did not: more people or more days"
    )
    nearly_all = Examples(few.values, ~few.happened)
    assert isinstance(fit(people(3000, 1), people(3000, 2), nearly_all), NotEstimable)


def test_scores_are_probabilities_in_the_order_of_the_raw_score(fit):
    model, _ = fit(people(5000, 1), people(5000, 2), people(5000, 3))
    extreme = np.array([[-1e6, 0.0], [-1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [1e6, 0.0]])
    probability = model.probability(extreme)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert (np.diff(probability) >= 0).all()


def test_the_same_examples_give_the_same_file_and_the_file_the_same_scores(fit):
    slices = (people(5000, 1), people(5000, 2), people(5000, 3))
    (model, _), (again, _) = fit(*slices), fit(*slices)
    body = card_file(model.card())
    assert card_file(again.card()) == body
    back = LikelihoodModel.of_card(json.loads(body))
    assert (back.probability(slices[2].values) == model.probability(slices[2].values)).all()
