"""Cut-off dates: no label of one slice reaches into the next, and short histories are said to be short."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perso_pipeline.profiles.predictions.estimates import NotEstimable
from perso_pipeline.profiles.predictions.training_cuts import Cuts, plan_cuts

NIGHT = date(2026, 6, 30)


def test_cuts_of_a_week_by_hand(predictions_config):
    # 30 June, one day to settle: test 22 June, calibration 15 June, training 8 June and weeks before, from 1 May + 7
    found = plan_cuts(NIGHT, date(2026, 5, 1), horizon_days=7, config=predictions_config.likelihood)
    assert isinstance(found, Cuts)
    assert (found.test, found.calibration) == (date(2026, 6, 22), date(2026, 6, 15))
    assert found.train == tuple(date(2026, 6, 8) - timedelta(days=7 * back) for back in (4, 3, 2, 1, 0))


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 900), st.integers(7, 120))
def test_every_label_is_over_before_the_next_slice_and_known_by_the_training_night(
    predictions_config, history, horizon
):
    found = plan_cuts(
        NIGHT, NIGHT - timedelta(days=history), horizon_days=horizon, config=predictions_config.likelihood
    )
    if isinstance(found, NotEstimable):
        assert history < 3 * horizon + 8
        return
    ends = [found.label_end(cut) for cut in found.all]
    assert ends == sorted(ends)
    assert max(ends[:-2]) <= found.calibration
    assert ends[-2] <= found.test
    assert ends[-1] < NIGHT
    assert min(found.all) >= NIGHT - timedelta(days=history - 7)


def test_a_label_that_reaches_into_the_next_slice_is_a_fault():
    with pytest.raises(AssertionError, match="training slice reaches"):
        Cuts(train=(date(2026, 6, 10),), calibration=date(2026, 6, 15), test=date(2026, 6, 22), horizon_days=7)
    with pytest.raises(AssertionError, match="calibration slice reaches"):
        Cuts(train=(date(2026, 6, 1),), calibration=date(2026, 6, 16), test=date(2026, 6, 22), horizon_days=7)


def test_a_shop_of_a_month_has_no_three_windows(predictions_config):
    found = plan_cuts(NIGHT, date(2026, 6, 1), horizon_days=14, config=predictions_config.likelihood)
    assert found == NotEstimable(
        "there are 29 days of history; three windows of 14 days to learn from, to calibrate on and to test on take 50"
    )
