"""merchandising.yml: when a rule holds, and a mistake is one sentence that names it."""

from datetime import date
from pathlib import Path

import pytest

from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.operation.config import config_warnings
from perso_pipeline.recommendations.merchandising import Merchandising, Promote, read_merchandising
from perso_pipeline.recommendations.scenarios import read_scenarios
from perso_pipeline.settings import PROJECT_ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("sites.yml", "scenarios.yml", "segments.yml"):
        (tmp_path / name).write_bytes((PROJECT_ROOT / "config" / name).read_bytes())
    return tmp_path


def write(folder: Path, rule: str) -> None:
    (folder / "merchandising.yml").write_text(f"rules:\n  - {{id: r1, name: One, {rule}}}\n")


def test_the_shipped_rules_fit_and_agree() -> None:
    assert read_scenarios(PROJECT_ROOT / "config").merchandising.rules
    assert list(config_warnings(PROJECT_ROOT / "config")) == []


def test_without_the_file_there_are_no_rules(folder: Path) -> None:
    assert read_scenarios(folder).merchandising.rules == ()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("kind: pinn, item: a, position: 1", "line 2: rules.0.kind: 'pinn' is none of"),
        ("kind: pin, item: a", "rules.0.pin.position: it is missing"),
        ("kind: pin, item: a, positon: 1, position: 2", "did you mean 'position'?"),
        ("kind: exclude, where: [{attribute: brnad, op: is, value: a}]", "did you mean 'brand'?"),
        ("kind: exclude, where: [{attribute: brand, op: at_least, value: 1}]", "'at_least' compares numbers"),
        ("kind: exclude, where: [{attribute: price, op: is, value: cheap}]", "'price' is a number, not 'cheap'"),
        ("kind: exclude, where: [{attribute: price, op: between, value: [3, 2]}]", "takes [low, high]"),
        ("kind: exclude, where: [{attribute: stock, op: at_most, of: context, value: 1}]", "only the price"),
        ("kind: exclude, where: [{attribute: price, op: at_most, of: person, value: 1}]", "no favourite price"),
        (
            "kind: exclude, where: [{attribute: colour, op: is, value: red}]",
            "the catalogue's own are attributes.<name>",
        ),
        ("kind: exclude, where: [{attribute: attributes.size, op: in, value: [1, L]}]", "is a number, not 'l'"),
        ("kind: exclude, where: [{attribute: attributes.colour, op: is, of: context}]", "with values only"),
        ("kind: boost, where: [{attribute: brand, op: is_known}]", "needs one of factor and positions"),
        ("kind: repeat, at_most: 8, nights: 7", "nothing is shown 8 times in 7 nights"),
        ("kind: repeat, at_most: 2, nights: 7, scenarios: [product]", "the lists of 'product' are for item"),
        ("kind: variety, by: brand, levels: 1, at_most: 1", "not of 'brand'"),
        ("kind: pin, item: a, position: 1, starts_on: 2026-05-01, ends_on: 2026-05-01", "never holds"),
        ("kind: pin, item: a, position: 1, scenarios: [hoem]", "did you mean 'home'?"),
        ("kind: pin, item: a, position: 1, sites: [shop-ku]", "did you mean 'shop-uk'?"),
        ("kind: pin, item: a, position: 13, scenarios: [home]", "'home' has 12 slots"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_it(folder: Path, rule: str, said: str) -> None:
    write(folder, rule)
    with pytest.raises(ConfigError) as caught:
        read_scenarios(folder)
    assert "merchandising.yml" in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_doctor_looks_at_rules_for_segments_that_nobody_makes(folder: Path) -> None:
    write(folder, "kind: pin, item: a, position: 1, segments: [lapsd]")
    assert [w for w in config_warnings(folder) if "did you mean 'lapsed'?" in w and "nobody's" in w]


def test_a_rule_holds_from_its_first_night_up_to_the_night_it_ends_on(folder: Path) -> None:
    write(folder, "kind: pin, item: a, position: 1, starts_on: 2026-05-01, ends_on: 2026-05-03")
    rules = read_merchandising(folder)
    assert [len(rules.of("home", date(2026, 5, day))) for day in (1, 2, 3)] == [1, 1, 0]
    assert rules.of("home", date(2026, 4, 30)) == ()


def test_a_rule_for_a_scenario_holds_for_its_time_slots() -> None:
    rule = {"id": "r1", "name": "One", "kind": "pin", "item": "a", "position": 1, "scenarios": ["home"]}
    rules = Merchandising.model_validate({"rules": [rule]})
    assert [len(rules.of(name, date(2026, 5, 1))) for name in ("home", "home--evening", "homeware")] == [1, 1, 0]


@pytest.mark.parametrize(
    ("share", "size", "slots"),
    [(0.2, 10, [5, 10]), (0.1, 12, [6, 12]), (0.55, 20, 11), (1.0, 3, [1, 2, 3]), (0.01, 7, [7])],
)
def test_promised_slots_are_evenly_spread_and_rounded_up(share: float, size: int, slots: list[int] | int) -> None:
    rule = Promote.model_validate(
        {
            "id": "r1",
            "name": "One",
            "kind": "promote",
            "share": share,
            "where": [{"attribute": "brand", "op": "is_known"}],
        }
    )
    made = rule.positions(size)
    assert (made if isinstance(slots, list) else len(made)) == slots
