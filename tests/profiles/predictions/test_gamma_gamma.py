"""Gamma-gamma: its own parameters back, a naive likelihood, drawn towards everybody's average."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma

from perso_pipeline.profiles.predictions.estimates import NotEstimable
from perso_pipeline.profiles.predictions.gamma_gamma import GammaGamma, fit_gamma_gamma, log_likelihood

MODEL = GammaGamma(p=6.0, q=4.0, v=15.0, log_likelihood=0.0)


def simulate(model: GammaGamma, people: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    repeats = rng.integers(1, 8, people).astype(float)
    rate = rng.gamma(model.q, 1 / model.v, people)
    return repeats, rng.gamma(model.p * repeats, 1 / rate) / repeats


def test_amounts_drawn_from_the_model_give_its_parameters_back():
    found = fit_gamma_gamma(*simulate(MODEL, 30_000, seed=11), min_people=50)
    assert isinstance(found, GammaGamma)
    assert (found.p, found.q, found.v) == pytest.approx((6.0, 4.0, 15.0), rel=0.05)
    nothing = np.zeros(1)
    assert found.expected_value(nothing, nothing) == pytest.approx([30.0], rel=0.02)  # 6 x 15 / (4 - 1)


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(1, 5), st.floats(1, 200))
def test_the_likelihood_is_the_integral_over_everybodys_rate(repeats, average):
    # average | rate ~ gamma(p x, x rate), rate ~ gamma(q, v): summed over a fine grid of rates
    rates = np.linspace(1e-5, 4, 20_001)
    density = gamma.pdf(average, MODEL.p * repeats, scale=1 / (repeats * rates)) * gamma.pdf(
        rates, MODEL.q, scale=1 / MODEL.v
    )
    ours, _ = log_likelihood(np.array([MODEL.p, MODEL.q, MODEL.v]), np.array([float(repeats)]), np.array([average]))
    assert ours == pytest.approx(np.log(np.trapezoid(density, rates)), rel=1e-4)


def test_one_repeat_is_drawn_towards_the_average_and_many_are_not():
    value = MODEL.expected_value(np.array([0.0, 1.0, 1000.0]), np.array([np.nan, 90.0, 90.0]))
    assert value[0] == pytest.approx(30.0)
    assert 30 < value[1] < value[2] < 90
    assert value[2] == pytest.approx(90, rel=0.01)


def test_the_unit_of_money_changes_nothing_but_the_unit():
    repeats, average = simulate(MODEL, 2000, seed=2)
    pounds, pence = (fit_gamma_gamma(repeats, average * unit, min_people=50) for unit in (1, 100))
    assert isinstance(pounds, GammaGamma)
    assert isinstance(pence, GammaGamma)
    assert (pence.p, pence.q) == pytest.approx((pounds.p, pounds.q), rel=1e-5)
    assert pence.v == pytest.approx(100 * pounds.v, rel=1e-5)
    assert pence.log_likelihood == pytest.approx(pounds.log_likelihood - 2000 * np.log(100), rel=1e-6)


def test_amounts_without_an_average_are_said_to_have_none():
    repeats, average = simulate(GammaGamma(p=2.0, q=0.6, v=5.0, log_likelihood=0.0), 5000, seed=4)
    found = fit_gamma_gamma(repeats, average, min_people=50)
    assert isinstance(found, NotEstimable)
    assert "no average" in found.because


def test_too_few_amounts_are_said():
    found = fit_gamma_gamma(np.array([1.0, 2.0, 0.0]), np.array([10.0, 0.0, np.nan]), min_people=2)
    assert found == NotEstimable("1 people have a second order with an amount; it takes 2")
