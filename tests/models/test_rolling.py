"""The race at several cuts: what each may know, and what they say together."""

from datetime import date, timedelta

import numpy as np
import pytest

from perso_pipeline.models.evaluation import Evaluation
from perso_pipeline.models.rolling import Origin, pooled, run_origins, until
from perso_pipeline.models.rolling_page import page, words
from perso_pipeline.models.signals import read_signals
from perso_pipeline.models.split import NotEvaluated

NIGHT = date(2026, 1, 31)


@pytest.fixture
def racing(config):
    settings = {"min_people": 20, "bootstrap_samples": 200, "origins": 3, "origin_days": 9, "min_slice_people": 20}
    return config.model_copy(
        update={
            "evaluation": config.evaluation.model_copy(update=settings),
            "race": ["popular", "trending", "random", "item_knn"],
        }
    )


@pytest.fixture
def some(shop):
    """60 people who each like one half of 200 items, over 28 days."""
    rng = np.random.default_rng(5)
    for person in range(60):
        for back in range(28):
            shop.event(
                f"c{person:02d}", f"item-{person % 2 * 100 + rng.integers(100):03d}", NIGHT - timedelta(days=back)
            )
    return shop.write()


@pytest.fixture
def origins(some, racing):
    return list(run_origins(read_signals(some, "shop-uk", NIGHT, racing.signals), racing, threads=1))


def test_every_origin_trains_before_its_cut_and_no_day_is_tested_twice(origins):
    cuts = [(o.outcome.split.cut, o.outcome.split.end, o.outcome.split.train.as_of) for o in origins]
    assert cuts == [
        (NIGHT - timedelta(days=8), NIGHT, NIGHT - timedelta(days=8)),
        (NIGHT - timedelta(days=17), NIGHT - timedelta(days=9), NIGHT - timedelta(days=17)),
        (NIGHT - timedelta(days=26), NIGHT - timedelta(days=18), NIGHT - timedelta(days=26)),
    ]


def test_an_origin_is_what_the_race_would_have_been_then(some, racing, origins):
    then = NIGHT - timedelta(days=9)
    alone = next(run_origins(read_signals(some, "shop-uk", then, racing.signals), racing, threads=1))
    assert alone.outcome.measurements == origins[1].outcome.measurements


def test_a_cut_before_the_data_says_why_it_was_not_evaluated(some, racing):
    signals = until(read_signals(some, "shop-uk", NIGHT, racing.signals), NIGHT - timedelta(days=20))
    found = list(run_origins(signals, racing, threads=1))
    assert [type(o.outcome) for o in found] == [NotEvaluated]
    assert "nothing to train on" in found[0].outcome.because


def test_people_are_averaged_over_their_own_origins_first(origins, racing):
    over_all = {(one.task, one.model): one for one in pooled(origins, racing)}
    one = over_all["personal", "item_knn"]
    values: dict[str, list[float]] = {}
    gaps: dict[str, list[float]] = {}
    for origin in origins:
        own = origin.outcome.columns["personal"]
        for place, person in enumerate(own.people.tolist()):
            values.setdefault(person, []).append(own.values["item_knn"][place])
            gaps.setdefault(person, []).append(own.values["item_knn"][place] - own.values["popular"][place])
    assert one.people == len(values)
    assert one.value == pytest.approx(np.mean([np.mean(own) for own in values.values()]))
    gap = one.against["popular"]
    assert gap.value == pytest.approx(np.mean([np.mean(own) for own in gaps.values()]))
    assert gap.ci_low < gap.value < gap.ci_high
    assert 0 <= one.ahead["popular"] <= one.origins == 3
    assert ("personal", "popular") in over_all
    assert list(over_all["personal", "popular"].against) == ["item_knn"]


def test_a_model_that_sat_out_a_cut_is_not_pooled(origins, racing):
    first = origins[0].outcome
    own = first.columns["personal"]
    fewer = {name: column for name, column in own.values.items() if name != "trending"}
    columns = {**first.columns, "personal": type(own)(own.people, fewer)}
    changed = Evaluation(first.split, first.measurements, first.slices, columns, first.fit_seconds, first.left_out)
    found = pooled([Origin(NIGHT, changed), *origins[1:]], racing)
    assert {one.model for one in found if one.task == "personal"} == {"popular", "random", "item_knn"}


def test_nothing_evaluated_pools_to_nothing(racing):
    assert pooled([Origin(NIGHT, NotEvaluated("too few"))], racing) == []


def test_the_page_says_each_cut_and_all_together(origins, racing):
    over_all = pooled(origins, racing)
    shown = page("shop-uk", racing, [*origins, Origin(date(2026, 1, 4), NotEvaluated("too <few>"))], over_all).decode()
    assert all(sentence in shown for one in over_all for sentence in words(one))
    assert str(origins[2].outcome.split.cut) in shown
    assert "not evaluated, too &lt;few&gt;." in shown
    assert words(over_all[0])[0].endswith(f"ahead at {over_all[0].ahead['popular']} of 3 cuts.")
