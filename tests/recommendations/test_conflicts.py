"""Rules that get in each other's way are named, both of them, and no others."""

from typing import Any

import pytest

from perso_pipeline.recommendations.conflicts import conflicts
from perso_pipeline.recommendations.merchandising import Merchandising
from perso_pipeline.recommendations.scenarios import Scenarios

LEVELS = [{"strategy": "catalogue"}]
SCENARIOS = [{"id": i, "name": i, "subject": "person", "size": 4, "levels": LEVELS} for i in ("home", "mail")]

PIN = {"kind": "pin", "item": "a", "position": 1}
ACME = {"attribute": "brand", "op": "is", "value": "acme"}
CHEAP, DEAR = ({"attribute": "price", "op": op, "value": 20} for op in ("less_than", "more_than"))
MUGS = {"attribute": "category", "op": "is", "value": "home/mugs"}


def found(*rules: dict[str, Any]) -> list[tuple[str, str]]:
    """Conflicts of rules called r1, r2, ..., as pairs of ids; each sentence names both."""
    named = [{"id": f"r{n}", "name": "-", **rule} for n, rule in enumerate(rules, start=1)]
    config = Scenarios.model_validate({"scenarios": SCENARIOS}).under(Merchandising.model_validate({"rules": named}))
    made = conflicts(config)
    assert all(f"'{one.first}'" in one.sentence and f"'{one.second}'" in one.sentence for one in made)
    return [(one.first, one.second) for one in made]


def where(kind: str, *conditions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": kind, "where": list(conditions), **more}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (PIN, {**PIN, "item": "b"}),
        (PIN, {**PIN, "position": 2}),
        (PIN, where("exclude", {"attribute": "item", "op": "in", "value": ["b", "a"]})),
        (PIN, where("include", {"attribute": "item", "op": "is", "value": "b"})),
        (where("boost", ACME, factor=2), where("bury", ACME, positions=2)),
        (where("boost", MUGS, factor=2), where("bury", {**MUGS, "value": "home"}, factor=2)),
        (where("boost", CHEAP, factor=2), where("bury", {**CHEAP, "value": 10}, factor=2)),
        (where("promote", ACME, CHEAP, share=0.2), where("exclude", ACME)),
        (where("include", CHEAP), where("include", DEAR)),
        (where("include", {"attribute": "brand", "op": "is_unknown"}), where("include", ACME)),
        (where("promote", ACME, share=0.6), where("promote", CHEAP, share=0.5)),
    ],
    ids=["two pins of one position", "one item pinned twice", "pin and exclude", "pin and include", "boost and bury",
         "boost below what is buried", "boost and bury of overlapping prices", "promote what is excluded",
         "includes that share nothing", "unknown and known", "more promised than there is"],
)  # fmt: skip
def test_two_rules_that_cannot_both_have_their_way_are_named(first, second) -> None:
    assert found(first, second) == [("r1", "r2")]
    assert found(second, first) == [("r1", "r2")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (PIN, {**PIN, "item": "b", "position": 2}),
        (PIN, where("exclude", ACME)),  # whether 'a' is of the brand only a catalogue knows
        (where("boost", ACME, factor=2), where("bury", {**ACME, "value": "bolt"}, factor=2)),
        (where("boost", CHEAP, factor=2), where("bury", DEAR, factor=2)),
        (where("boost", ACME, factor=2), where("bury", CHEAP, factor=2)),
        (where("promote", ACME, share=0.2), where("exclude", ACME, CHEAP)),
        (where("include", MUGS), where("include", {**MUGS, "value": "home"})),
        ({**PIN, "scenarios": ["home"]}, {**PIN, "item": "b", "scenarios": ["mail"]}),
        ({**PIN, "sites": ["uk"]}, {**PIN, "item": "b", "sites": ["de"]}),
        ({**PIN, "ends_on": "2026-05-01"}, {**PIN, "item": "b", "starts_on": "2026-05-01"}),
    ],
    ids=["two positions", "pin and exclude by brand", "boost and bury of two brands", "boost and bury of prices apart",
         "of two attributes", "exclude of a part", "one include within another", "two scenarios", "two sites",
         "one after the other"],
)  # fmt: skip
def test_rules_that_agree_are_not(first, second) -> None:
    assert found(first, second) == []
    assert found(second, first) == []


def test_the_rule_that_goes_first_is_named_first() -> None:
    assert found({**PIN, "priority": 50}, {**PIN, "item": "b", "priority": 1}) == [("r2", "r1")]
