"""Who is in which arm, and which files are refused."""

from datetime import date

import pytest

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.contracts.experiments import Experiment, Experiments

DAY = date(2026, 1, 10)
VISITORS = [f"v{number}" for number in range(20_000)]
HOLDOUT = Experiment(id="held", salt="salt", control_share=0.1, starts_on=date(2026, 1, 1))


def beside(name: str, **more: object) -> Experiment:
    told = {"kind": "scenario_control", "scenarios": ("home",), "salt": f"salt-of-{name}", "control_share": 0.5}
    return Experiment.model_validate({"id": name, "starts_on": date(2026, 1, 1), **told, **more})


def read(tmp_path, *lines: str) -> Experiments:
    path = tmp_path / "experiments.yml"
    path.write_text("experiments:\n" + "".join(f"  - {{{line}}}\n" for line in lines))
    return read_config(path, Experiments)


def test_the_arm_of_a_visitor_is_sticky_and_as_frequent_as_promised():
    told = Experiments(experiments=(HOLDOUT,))
    arms = [told.arm_of(HOLDOUT, visitor) for visitor in VISITORS]
    assert arms == [told.arm_of(HOLDOUT, visitor) for visitor in VISITORS]
    assert arms.count("control") == pytest.approx(2000, abs=130)  # 3 standard errors of 42
    other = HOLDOUT.model_copy(update={"salt": "other"})
    assert any(arm != told.arm_of(other, visitor) for arm, visitor in zip(arms[:100], VISITORS, strict=False))


def test_who_is_held_out_of_everything_is_in_no_other_experiment():
    control = beside("home-control")
    told = Experiments(experiments=(HOLDOUT, control))
    for visitor in VISITORS[:2000]:
        is_held_out = told.arm_of(HOLDOUT, visitor) == "control"
        assert (told.arm_of(control, visitor) is None) == is_held_out
        assert told.is_held_back(visitor, "cart", DAY) == is_held_out
        assert told.is_held_back(visitor, "home", DAY) == (told.arm_of(control, visitor) in (None, "control"))


def test_a_layer_puts_nobody_in_two_experiments_and_everybody_in_one_where_its_slices_fill_it():
    first, second = beside("one", layer="home-lists", slice=(0, 0.3)), beside("two", layer="home-lists", slice=(0.3, 1))
    told = Experiments(experiments=(HOLDOUT, first, second))
    inside = [(told.arm_of(first, visitor), told.arm_of(second, visitor)) for visitor in VISITORS]
    assert all((one is None) or (two is None) for one, two in inside)
    nowhere = sum(one is None and two is None for one, two in inside)
    assert nowhere == sum(told.arm_of(HOLDOUT, visitor) == "control" for visitor in VISITORS)
    assert sum(one is not None for one, _ in inside) == pytest.approx(0.3 * 18_000, abs=250)


def test_arms_of_two_experiments_have_nothing_to_do_with_each_other():
    first, second = beside("one", scenarios=("home",)), beside("two", scenarios=("cart",))
    told = Experiments(experiments=(first, second))
    both = sum(told.arm_of(first, visitor) == told.arm_of(second, visitor) for visitor in VISITORS)
    assert both == pytest.approx(10_000, abs=220)  # 3 standard errors of 71


CONTROL = "id: b, kind: scenario_control, scenarios: [home], salt: bbbb, control_share: 0.1, starts_on: 2026-02-01"
TEST = "id: c, kind: test, scenarios: [home], salt: cccc, control_share: 0.5, starts_on: 2026-01-01"
REFUSED = {
    "two holdouts at a time": (
        ["id: a, salt: aaaa, control_share: 0.1, starts_on: 2026-01-01", "id: b, salt: bbbb, control_share: 0.1, starts_on: 2026-02-01"],
        r"holdout 'a' must end \(ends_on\) before 'b' starts",
    ),
    "a holdout that ends inside": (
        ["id: a, salt: aaaa, control_share: 0.1, starts_on: 2026-01-01, ends_on: 2026-03-01", CONTROL],
        r"holdout 'a' must not begin or end while 'b' runs",
    ),
    "two of one scenario": (
        [CONTROL, CONTROL.replace("id: b", "id: d")],
        r"'b' and 'd' change the same scenario at the same time; give them one layer and slices",
    ),
    "one id twice": ([CONTROL, CONTROL.replace("home", "cart")], "experiment 'b' stands twice"),
    "a test without models": ([TEST], "a test names the model_versions of its arms"),
    "a holdout of one scenario": (
        ["id: a, salt: aaaa, scenarios: [home], control_share: 0.1, starts_on: 2026-01-01"], "make it a scenario_control",
    ),
    "a slice of nothing": ([CONTROL + ", slice: [0, 0.5]"], "name the layer"),
    "an end before the start": ([CONTROL + ", ends_on: 2026-01-01"], "ends_on lies before starts_on"),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_could_not_be_told_apart_is_refused_with_file_and_names(tmp_path, lines, words):
    with pytest.raises(ConfigError, match=rf"experiments\.yml.*{words}"):
        read(tmp_path, *lines)


def test_two_of_one_scenario_are_sound_one_after_the_other(tmp_path):
    later = CONTROL.replace("id: b", "id: d").replace("2026-02-01", "2026-03-02")
    assert len(read(tmp_path, CONTROL + ", ends_on: 2026-03-01", later).experiments) == 2
