import numpy as np
import pytest
from scipy import stats

from perso_pipeline.measurement.inference.moments import Moments, NotEstimable
from perso_pipeline.measurement.inference.sample_ratio import SampleRatio, balance_p, sample_ratio, shares_p, split_p


def test_the_sample_ratio_is_a_chi_square_with_one_degree():
    found = sample_ratio(910, 90, control_share=0.1)
    assert isinstance(found, SampleRatio)
    assert found.p == pytest.approx(stats.chisquare([910, 90], [900, 100]).pvalue, abs=1e-12)


def test_a_broken_split_is_found():
    found = sample_ratio(9000, 1300, control_share=0.1)
    assert isinstance(found, SampleRatio)
    assert found.p < 0.001


def test_a_handful_of_visitors_is_too_few_to_check_a_split():
    assert isinstance(sample_ratio(20, 2, control_share=0.1), NotEstimable)


def test_several_arms_are_one_test_with_as_many_degrees_less_one():
    assert split_p((300, 310, 390), (1 / 3,) * 3) == pytest.approx(stats.chisquare([300, 310, 390]).pvalue, abs=1e-12)


def test_two_shares_are_one_by_fishers_test():
    assert shares_p((960, 1000), (870, 1000)) < 1e-10
    assert shares_p((1000, 1000), (100, 100)) == 1.0  # nobody is missing in either
    # by hand: of 4 and 4, all here and none there is 2 of the 70 ways to choose 4 of 8
    assert shares_p((4, 4), (0, 4)) == pytest.approx(2 / 70)
    assert shares_p((0, 0), (5, 9)) is None


def test_arms_that_differed_before_are_found():
    rng = np.random.default_rng(1)
    arms = [Moments.from_values(rng.poisson(rate, 3000)) for rate in (0.5, 0.4)]
    assert balance_p(*arms) < 0.001
    assert balance_p(arms[0], arms[0]) == 1.0
    assert balance_p(Moments.of(1900, 18, 18), Moments.of(200, 0, 0)) > 0.1  # nobody in a small arm is no proof
    assert balance_p(Moments.of(5, 0, 0), Moments.of(5, 0, 0)) is None
