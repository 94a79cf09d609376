"""Ratios, CUPED, strata, the sequence and power against what is known of them."""

import math

import numpy as np
import pytest
from scipy import stats

from perso_pipeline.measurement.inference import cuped, power, ratios, sequential, strata
from perso_pipeline.measurement.inference.discovery import q_values
from perso_pipeline.measurement.inference.means import difference
from perso_pipeline.measurement.inference.moments import PairMoments, PairSample, Sample


def pair(first, second):
    return PairMoments.from_values(first.tolist(), second.tolist())


def sample(values):
    return Sample(float(len(values)), values.mean(), values.var(ddof=1))


def pair_sample(first, second):
    return PairSample(sample(first), sample(second), np.cov(first, second)[0, 1])


def test_moments_of_pairs_add_up_to_those_of_the_whole():
    first, second = np.array([1.0, 4.0, 0.5, 2.0]), np.array([3.0, 0.0, 1.0, 7.0])
    assert pair(first[:1], second[:1]) + pair(first[1:], second[1:]) == pair(first, second)
    assert pair(first, second).covariance == pytest.approx(np.cov(first, second)[0, 1])


def test_the_error_of_a_ratio_is_that_of_its_linear_part():
    # by hand: the ratio of (2, 4) over (1, 3) is 1.5; each unit's part is (x - 1.5 y) / 2 = .25 and -.25, variance .125
    found = ratios.ratio_sample(pair(np.array([2.0, 4.0]), np.array([1.0, 3.0])).sample)
    assert (found.mean, found.variance) == (1.5, pytest.approx(0.125))


def test_the_error_of_a_ratio_is_that_which_repetition_shows():
    rng = np.random.default_rng(5)
    orders = rng.poisson(0.4, (2000, 800))
    net = orders * 20 + rng.normal(0, 5, orders.shape) * orders
    found = ratios.ratio_sample(pair(net[0], orders[0].astype(float)).sample)
    spread = (net.sum(axis=1) / orders.sum(axis=1)).std()
    assert math.sqrt(found.error_squared) == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6, 0.9])
def test_cuped_leaves_one_less_rho_squared_of_the_variance(rho):
    rng = np.random.default_rng(11)
    n = 200_000
    before = rng.gamma(1.5, 20, (2, n))
    after = rho * before + math.sqrt(1 - rho**2) * rng.gamma(1.5, 20, (2, n))
    treatment, control = (pair_sample(after[arm], before[arm]) for arm in (0, 1))
    adjusted = cuped.adjusted(treatment, control)
    for arm, whole in zip(adjusted, (treatment, control), strict=True):
        assert arm.variance / whole.first.variance == pytest.approx(1 - rho**2, abs=0.01)
    assert cuped.explained(treatment, control) == pytest.approx(rho**2, abs=0.01)


def test_cuped_is_the_regression_on_arm_and_covariate():
    rng = np.random.default_rng(2)
    before, arm = rng.normal(10, 3, 500), np.arange(500) % 5 == 0
    after = 2 * before + rng.normal(0, 2, 500) + 0.5 * ~arm
    treatment, control = cuped.adjusted(*(pair(after[rows], before[rows]).sample for rows in (~arm, arm)))
    design = np.column_stack([np.ones(500), ~arm, before])
    coefficients, *_ = np.linalg.lstsq(design, after, rcond=None)
    assert treatment.mean - control.mean == pytest.approx(coefficients[1], abs=1e-9)


def test_cuped_without_a_spread_before_changes_nothing():
    values = np.array([1.0, 5.0, 2.0])
    arms = [pair(values, np.zeros(3)).sample] * 2
    assert [(arm.mean, arm.variance) for arm in cuped.adjusted(*arms)] == [
        (arms[0].first.mean, arms[0].first.variance)
    ] * 2


def test_strata_count_by_their_share_of_everybody():
    # treatment has 30 of a stratum with mean 10 and 10 of one with mean 2, control 10 and 30: by hand (10 + 2) / 2 = 6
    def of(units, mean):
        return Sample(units, mean, 4.0)

    found = strata.stratified([(of(30, 10.0), of(10, 10.0)), (of(10, 2.0), of(30, 2.0))])
    assert [arm.mean for arm in found] == [6.0, 6.0]
    # error of treatment: 1/4 x 4/30 + 1/4 x 4/10, times 40 units
    assert found[0].variance == pytest.approx((0.25 * 4 / 30 + 0.25 * 4 / 10) * 40)


def test_strata_take_out_what_lies_between_them():
    rng = np.random.default_rng(4)
    stratum = rng.integers(0, 2, 40_000)
    values = np.where(stratum == 1, 50.0, 5.0) + rng.normal(0, 5, 40_000)
    arm = rng.random(40_000) < 0.3

    plain = difference(sample(values[~arm]), sample(values[arm]))
    parts = [(sample(values[~arm & (stratum == s)]), sample(values[arm & (stratum == s)])) for s in (0, 1)]
    within = difference(*strata.stratified(parts))
    # all variance is 25 + 22.5^2, within strata 25
    assert (within.error / plain.error) ** 2 == pytest.approx(25 / (25 + 22.5**2), rel=0.05)


def test_the_sequence_is_tightest_where_it_is_tuned_to_be():
    units = np.geomspace(1000, 400_000, 400)
    # the error falls with the root of the units, so the width against an interval of one look is the multiplier x error
    width = sequential.multiplier(units, confidence=0.95, tightest_at=20_000) / np.sqrt(units)
    others = [
        sequential.multiplier(20_000, confidence=0.95, tightest_at=t) / math.sqrt(20_000) for t in (5_000, 80_000)
    ]
    mine = sequential.multiplier(20_000, confidence=0.95, tightest_at=20_000) / math.sqrt(20_000)
    assert mine < min(others)
    assert np.all(np.diff(width) < 0)
    assert sequential.multiplier(20_000, confidence=0.95, tightest_at=20_000) == pytest.approx(3.03, abs=0.01)


def test_the_p_of_every_look_is_alpha_at_the_edge_of_the_interval():
    tuned = {"confidence": 0.95, "tightest_at": 5_000}
    edge = sequential.multiplier(7_000, **tuned) * 0.2
    assert sequential.always_valid_p(edge, 0.2, 7_000, **tuned) == pytest.approx(0.05)
    assert sequential.always_valid_p(edge * 1.01, 0.2, 7_000, **tuned) < 0.05
    assert sequential.always_valid_p(0.0, 0.2, 7_000, **tuned) == 1.0


def test_q_values_are_those_of_benjamini_and_hochberg():
    # by hand, of four: .01 x 4/1 = .04; .02 x 4/2 = .04; .03 x 4/3 = .04; .5
    assert q_values([0.5, 0.02, 0.01, 0.03]) == pytest.approx([0.5, 0.04, 0.04, 0.04])
    assert q_values([]) == []


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_predicted_detectable_effect_is_found_as_often_as_said(share):
    """Skewed amounts as shops have them: power over 4,000 repetitions, and the effect for 80 %, within a tenth."""
    rng = np.random.default_rng(17)
    units = 6000
    sizes = (round(units * (1 - share)), round(units * share))
    samples = [_drawn(rng, 4000, size) for size in sizes]
    found = difference(*samples)
    planned = float(power.detectable_effect(np.median(found.error), confidence=0.95, power=0.8))
    assert _share_found(samples, planned) == pytest.approx(0.8, rel=0.1)
    grid = planned * np.linspace(0.8, 1.2, 41)
    simulated = grid[np.argmin([abs(_share_found(samples, effect) - 0.8) for effect in grid])]
    assert planned == pytest.approx(simulated, rel=0.1)


def test_the_sequence_finds_at_its_predicted_units_as_often_as_said():
    rng = np.random.default_rng(23)
    tuned = {"confidence": 0.95, "tightest_at": 4_000}
    pilot = [_drawn(rng, 1, size) for size in (18_000, 2_000)]
    effect = 1.5
    error = float(difference(*pilot).error[0])
    needed = power.units_needed(effect, error=error, units=20_000, power=0.8, **tuned)
    sizes = (round(needed * 0.9), round(needed * 0.1))
    found = difference(*(_drawn(rng, 2000, size) for size in sizes))
    is_found = np.abs(found.value + effect) > sequential.multiplier(sum(sizes), **tuned) * found.error
    assert np.mean(is_found) == pytest.approx(0.8, rel=0.1)  # the pilot's error is itself an estimate


def _drawn(rng, repetitions, units):
    """Samples of amounts of which four in five are nothing."""
    mean, squares = np.zeros(repetitions), np.zeros(repetitions)
    for row in range(repetitions):
        buyers = rng.binomial(units, 0.2)
        values = rng.gamma(1.5, 20, buyers)
        mean[row], squares[row] = values.sum() / units, (values**2).sum()
    return Sample(float(units), mean, (squares - units * mean**2) / (units - 1))


def _share_found(samples, effect):
    shifted = Sample(samples[0].units, samples[0].mean + effect, samples[0].variance)
    return float(np.mean(difference(shifted, samples[1]).p_value < 0.05))


def test_welch_on_arrays_is_scipys_on_each():
    rng = np.random.default_rng(8)
    rows = [(rng.gamma(1, 9, 60), rng.gamma(1, 10, 25)) for _ in range(5)]

    def arm(number):
        values = [row[number] for row in rows]
        return Sample(
            float(len(values[0])), np.array([v.mean() for v in values]), np.array([v.var(ddof=1) for v in values])
        )

    expected = [stats.ttest_ind(one, other, equal_var=False).pvalue for one, other in rows]
    assert difference(arm(0), arm(1)).p_value == pytest.approx(expected, abs=1e-12)
