import math

import numpy as np
import pytest
from scipy import stats

from perso_pipeline.measurement.inference.means import Estimate, RelativeLift, compare
from perso_pipeline.measurement.inference.moments import Moments, NotEstimable


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_is_welchs_as_scipy_has_it(seed):
    rng = np.random.default_rng(seed)
    treatment, control = rng.gamma(1.2, 30, 180 + seed), rng.gamma(1.0, 33, 41)
    expected = stats.ttest_ind(treatment, control, equal_var=False)
    interval = expected.confidence_interval(0.95)
    found = compare(Moments.from_values(treatment.tolist()), Moments.from_values(control.tolist()))
    assert isinstance(found, Estimate)
    assert found.p_value == pytest.approx(expected.pvalue, abs=1e-9)
    assert found.low == pytest.approx(interval.low, abs=1e-9)
    assert found.high == pytest.approx(interval.high, abs=1e-9)
    assert found.difference == pytest.approx(treatment.mean() - control.mean(), abs=1e-9)


def test_moments_of_parts_add_up_to_the_moments_of_the_whole():
    values = [0.5, 3, 7, 0, 0, 19.99]
    assert Moments.from_values(values[:2]) + Moments.from_values(values[2:]) == Moments.from_values(values)


def test_a_small_spread_around_a_large_mean_is_not_lost():
    # in floats, squares of 1e8 leave no digit for a variance of 1e-4
    values = [1e8, 1e8 + 0.01, 1e8 - 0.01]
    assert Moments.from_values(values).variance == pytest.approx(1e-4, rel=1e-5)


def test_nine_of_ten_and_more_intervals_contain_the_truth():
    # 95 % of 1,000 seeded repetitions of a skewed value, give or take 3 standard errors (0.7 points each)
    rng = np.random.default_rng(20260110)
    truth, relative_truth = 4.0, 0.1
    held = held_relative = 0
    for _ in range(1000):
        treatment, control = rng.gamma(2, 22, 400), rng.gamma(2, 20, 300)
        found = compare(_moments(treatment), _moments(control))
        assert isinstance(found, Estimate)
        assert isinstance(found.relative, RelativeLift)
        held += found.low <= truth <= found.high
        held_relative += found.relative.low <= relative_truth <= found.relative.high
    assert 0.93 <= held / 1000 <= 0.97
    assert 0.93 <= held_relative / 1000 <= 0.97


def test_an_arm_of_one_visitor_is_no_arm():
    found = compare(Moments.from_values([1, 2]), Moments.from_values([5]))
    assert found == NotEstimable("Only 1 visitors in control.", is_too_few=True)


def test_values_without_spread_give_no_interval():
    assert isinstance(compare(Moments.from_values([2, 2]), Moments.from_values([1, 1])), NotEstimable)


def test_nothing_is_divided_by_a_control_mean_that_may_be_zero():
    found = compare(Moments.from_values([0, 5, 9, 1]), Moments.from_values([0, 0, 4, -3]))
    assert isinstance(found, Estimate)
    assert isinstance(found.relative, NotEstimable)


def test_both_intervals_say_the_same_of_zero():
    rng = np.random.default_rng(3)
    verdicts = set()
    for _ in range(300):
        found = compare(Moments.from_values(rng.poisson(0.5, 90)), Moments.from_values(rng.poisson(0.4, 60)))
        assert isinstance(found, Estimate)
        assert isinstance(found.relative, RelativeLift)
        leaves_out_zero = found.low > 0 or found.high < 0
        assert (found.relative.low > 0 or found.relative.high < 0) == leaves_out_zero
        verdicts.add(leaves_out_zero)
    assert verdicts == {True, False}


def _moments(values: np.ndarray) -> Moments:
    return Moments.of(len(values), math.fsum(values), math.fsum(values * values))
