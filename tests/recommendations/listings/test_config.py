"""``config/listings.yml``: whose strategy holds, and which mistakes are found while reading."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.recommendations.listings.config import Listings, read_listings

CONFIG = Path(__file__).parents[3] / "config"


def listings(*categories: dict[str, Any], default: str = "default") -> Listings:
    return Listings.model_validate({"ranking": {"default_strategy": default}, "categories": categories})


@pytest.mark.parametrize(
    ("path", "strategy", "origin"),
    [
        ("home", "trending", "home"),
        ("home/kitchen", "most_viewed", "home/kitchen"),
        ("home/kitchen/mugs", "trending", "home"),  # kitchen keeps its own to itself
        ("home/living", "trending", "home"),
        ("homeware", "default", None),  # begins alike, lies elsewhere
    ],
)
def test_a_category_takes_its_own_strategy_else_the_nearest_one_handed_down(path, strategy, origin) -> None:
    config = listings(
        {"category": "home", "strategy": "trending", "is_inherited": True},
        {"category": "home/kitchen", "strategy": "most_viewed"},
    )
    assert config.strategy("shop-uk", path) == (strategy, origin)


def test_taking_the_childs_own_entry_out_lets_it_inherit_again() -> None:
    parent = {"category": "home", "strategy": "trending", "is_inherited": True}
    child = {"category": "home/kitchen", "strategy": "most_viewed"}
    assert listings(parent, child).strategy("shop-uk", "home/kitchen") == ("most_viewed", "home/kitchen")
    assert listings(parent).strategy("shop-uk", "home/kitchen") == ("trending", "home")


def test_a_category_with_rules_alone_inherits_its_strategy() -> None:
    parent = {"category": "home", "strategy": "trending", "is_inherited": True}
    child = {"category": "home/kitchen", "rules": [{"id": "no-mug", "action": "hide", "items": ["mug"]}]}
    assert listings(parent, child).strategy("shop-uk", "home/kitchen") == ("trending", "home")


def test_an_entry_of_one_site_says_nothing_on_another() -> None:
    config = listings({"category": "home", "sites": ["shop-de"], "strategy": "trending", "is_inherited": True})
    assert config.strategy("shop-uk", "home/kitchen") == ("default", None)


def test_a_rule_holds_from_its_first_to_its_last_day() -> None:
    [entry] = listings(
        {"category": "home", "rules": [{"id": "sale", "action": "hide", "items": ["a"], "starts_on": "2026-03-02",
                                        "ends_on": "2026-03-04"}]}
    ).categories  # fmt: skip
    days = [day for day in range(1, 7) if entry.rules[0].is_in_force(date(2026, 3, day))]
    assert days == [2, 3, 4]


PIN = {"action": "pin", "position": 1}


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([{"id": "a", **PIN, "items": ["x"]}, {"id": "b", **PIN, "items": ["y"]}], "rules 'a' and 'b' pin"),
        (
            [{"id": "a", "action": "pin", "position": 1, "items": ["x", "y"]}, {"id": "b", "action": "pin", "position": 2, "items": ["z"]}],
            "rules 'a' and 'b' pin",
        ),
        ([{"id": "a", "action": "hide", "items": ["x"]}, {"id": "b", **PIN, "items": ["x"]}], r"rules 'a' \(hide\) and 'b' \(pin\) both move x"),
        ([{"id": "a", "action": "pin", "items": ["x"]}], "give it a position"),
        ([{"id": "a", **PIN, "brands": ["x"]}], "give it items and neither brands"),
        ([{"id": "a", "action": "boost", "items": ["x"], "position": 2}], "which only a pin has"),
        ([{"id": "a", "action": "hide", "items": ["x"], "by": 2}], "which only boost and bury have"),
        ([{"id": "a", "action": "boost"}], "names nothing"),
        ([{"id": "a", "action": "hide", "items": ["x"], "starts_on": "2026-03-02", "ends_on": "2026-03-01"}], "before it starts"),
        ([{"id": "a", "action": "hide", "items": ["x"]}, {"id": "a", "action": "hide", "items": ["y"]}], "rule 'a' stands twice"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_rules_that_cannot_all_hold_are_refused_by_name(rules, said) -> None:
    with pytest.raises(ValidationError, match=said):
        listings({"category": "home", "rules": rules})


def test_pins_to_one_place_on_different_days_do_not_clash() -> None:
    early = {"id": "a", **PIN, "items": ["x"], "ends_on": "2026-03-01"}
    late = {"id": "b", **PIN, "items": ["y"], "starts_on": "2026-03-02"}
    assert listings({"category": "home", "rules": [early, late]})


@pytest.mark.parametrize(
    "entry",
    [{"category": "home"}, {"category": "home", "is_inherited": True, "rules": [{"id": "a", "action": "hide", "items": ["x"]}]}],
    ids=["says nothing", "hands nothing down"],
)  # fmt: skip
def test_an_entry_that_says_nothing_is_refused(entry) -> None:
    with pytest.raises(ValidationError, match="category 'home' has"):
        listings(entry)


def test_two_entries_of_one_category_and_site_are_refused() -> None:
    with pytest.raises(ValidationError, match="category 'home' stands twice"):
        listings(
            {"category": "home", "strategy": "trending"},
            {"category": "home", "sites": ["shop-de"], "strategy": "trending"},
        )


def test_the_shipped_file_is_valid() -> None:
    assert read_listings(CONFIG).categories


def test_a_site_that_is_not_there_is_named_with_the_nearest(tmp_path) -> None:
    shutil.copy(CONFIG / "sites.yml", tmp_path)
    (tmp_path / "listings.yml").write_text(
        "categories:\n  - {category: home, sites: [shop-ku], strategy: trending}\n", encoding="utf-8"
    )
    with pytest.raises(ConfigError, match=r"listings.yml.*'shop-ku'.*did you mean 'shop-uk'"):
        read_listings(tmp_path)
