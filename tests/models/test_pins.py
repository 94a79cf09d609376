"""Models that were put back: from which night until which, and what the decision then says."""

from datetime import date

import pytest

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.models.champion import Decision
from perso_pipeline.models.pins import (
    FILE,
    Pin,
    PinnedModels,
    applied,
    read_pins,
    with_pin,
    without_pin,
    write_pins,
)

FIRST = date(2026, 10, 31)
RACE = Decision("personal", "als", "item_knn", "als beats popular.")


def pin(model="item_knn", *, from_night=FIRST, until_night=None, task="personal", site="shop-uk", why=""):
    return Pin(
        site=site, task=task, model=model, version="2026-10-30.0123abcd", from_night=from_night,
        until_night=until_night, why=why,
    )  # fmt: skip


def held(pins, night):
    return {task: one.model for task, one in pins.of("shop-uk", night).items()}


def test_a_pin_holds_from_its_night_on_and_for_its_site_and_task_alone():
    pins = with_pin(PinnedModels(), pin())
    assert held(pins, date(2026, 10, 30)) == {}
    assert held(pins, FIRST) == held(pins, date(2027, 1, 1)) == {"personal": "item_knn"}
    assert pins.of("shop-de", FIRST) == {}


def test_a_second_rollback_ends_the_first_and_nights_between_keep_theirs():
    pins = with_pin(with_pin(PinnedModels(), pin()), pin("popular", from_night=date(2026, 11, 3)))
    assert held(pins, date(2026, 11, 2)) == {"personal": "item_knn"}
    assert held(pins, date(2026, 11, 3)) == {"personal": "popular"}


def test_a_rollback_of_the_same_night_takes_the_place_of_the_first():
    pins = with_pin(with_pin(PinnedModels(), pin()), pin("popular"))
    assert [one.model for one in pins.pinned] == ["popular"]


def test_released_nights_are_the_races_and_earlier_ones_stay_pinned():
    pins = without_pin(with_pin(PinnedModels(), pin()), "shop-uk", "personal", date(2026, 11, 2))
    assert held(pins, date(2026, 11, 1)) == {"personal": "item_knn"}
    assert held(pins, date(2026, 11, 2)) == {}
    assert without_pin(pins, "shop-uk", "similar", FIRST) == pins


def test_what_was_written_reads_the_same(tmp_path):
    pins = with_pin(with_pin(PinnedModels(), pin(why="too many: odd 'lists'")), pin("popular", task="similar"))
    path = write_pins(tmp_path, pins)
    assert read_config(path, PinnedModels) == read_pins(tmp_path) == pins
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_without_the_file_nothing_is_pinned(tmp_path):
    assert read_pins(tmp_path) == PinnedModels()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"model": "alss"}, "is none of popular"),
        ({"until_night": "2026-10-30"}, "must not be before from_night"),
        ({"version": None}, "a text is expected, not nothing"),
    ],
    ids=["unknown model", "ends before it begins", "no version"],
)
def test_a_slip_in_the_file_is_named(entry, words, tmp_path):
    good = {"site": "shop-uk", "task": "personal", "model": "als", "version": "v", "from_night": "2026-10-31"}
    text = ", ".join(f"{key}: {value or 'null'}" for key, value in (good | entry).items())
    (tmp_path / FILE).write_text(f"pinned:\n  - {{{text}}}\n")
    with pytest.raises(ConfigError, match=words):
        read_pins(tmp_path)


def test_two_models_for_one_night_are_refused():
    with pytest.raises(ValueError, match="item_knn and popular are pinned for the same night"):
        PinnedModels(pinned=[pin(), pin("popular", from_night=date(2026, 11, 1))])


def test_the_pinned_model_serves_and_what_the_race_says_comes_after_it(config):
    decision = applied(RACE, pin(why="odd lists"), config, ["als", "item_knn", "popular"])
    assert (decision.model, decision.challenger) == ("item_knn", "als")
    assert decision.reason == (
        "item_knn serves by rollback to 2026-10-30.0123abcd since 2026-10-31 (odd lists); the race says: "
        "als beats popular."
    )


def test_a_pin_of_what_the_race_chooses_anyway_keeps_its_challenger(config):
    assert applied(RACE, pin("als"), config, ["als"]).challenger == "item_knn"


def test_a_pinned_model_that_was_left_out_gives_way_and_says_so(config):
    decision = applied(RACE, pin(), config, ["als", "popular"])
    assert (decision.model, decision.reason) == (
        "als",
        "item_knn is pinned but was left out of tonight's race. als beats popular.",
    )


def test_a_pinned_model_serves_where_nothing_could_be_evaluated(config):
    assert (
        applied(Decision("personal", "popular", None, "popular: not evaluated."), pin(), config, []).model == "item_knn"
    )


def test_a_pinned_model_that_is_not_in_the_race_is_refused_with_the_mend(config):
    with pytest.raises(ConfigError, match=r"add it to race in models.yml, or run 'perso models release --site shop-uk"):
        applied(RACE, pin("ease"), config, ["als"])
