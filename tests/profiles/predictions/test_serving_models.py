"""Which training serves: by the calendar, the newest accepted, no further back than allowed."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from perso_pipeline.profiles.predictions.config import TrainingConfig
from perso_pipeline.profiles.predictions.serving_models import choose, training_nights

WEEKLY = TrainingConfig(every_nights=7, fall_back_trainings=2)


def row(day: date, *, is_accepted: bool) -> dict:
    return {"trained_on": day, "is_accepted": is_accepted, "reason": "Accepted: x." if is_accepted else "Refused: y."}


@settings(deadline=None)  # a busy machine is no failure
@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(1, 30))
def test_the_training_that_is_due_depends_on_the_night_alone(night, every):
    config = TrainingConfig(every_nights=every, fall_back_trainings=3)
    nights = training_nights(night, config)
    assert night - timedelta(days=every) < nights[0] <= night
    assert {a - b for a, b in pairwise(nights)} == {timedelta(days=every)}
    assert nights[0] == night or training_nights(night - timedelta(days=1), config)[0] == nights[0]


def test_the_newest_serves_and_no_older_one_is_asked_for():
    asked = []
    nights = training_nights(date(2026, 11, 20), WEEKLY)
    found = choose(nights, lambda day: asked.append(day) or row(day, is_accepted=True))
    assert asked == [nights[0]]
    assert (found.newest_training, found.chosen["trained_on"], found.reason) == (nights[0], nights[0], "Accepted: x.")


def test_where_the_newest_is_refused_the_one_before_serves_and_the_reason_says_both():
    nights = training_nights(date(2026, 11, 20), WEEKLY)
    found = choose(nights, lambda day: row(day, is_accepted=day == nights[1]))
    assert found.chosen["trained_on"] == nights[1] == date(2026, 11, 8)
    assert found.reason == "Trained on 2026-11-08; 2026-11-15: Refused: y."


def test_where_none_was_accepted_none_serves():
    nights = training_nights(date(2026, 11, 20), WEEKLY)
    asked = []
    found = choose(nights, lambda day: asked.append(day) or row(day, is_accepted=False))
    assert (asked, found.chosen, found.reason) == (nights, None, "Refused: y.")


def test_a_site_unknown_then_ends_the_search():
    nights = training_nights(date(2026, 11, 20), WEEKLY)
    asked = []
    found = choose(nights, asked.append)
    assert (asked, found.chosen) == ([nights[0]], None)
    assert found.reason == "Not estimable, because nothing was known of the site on 2026-11-15."
