"""What the trace says of rules: of each slot those that stood over its list, and those that placed or moved its item."""

from datetime import date
from typing import Any

import pytest

from perso_pipeline.recommendations.composer import compose
from perso_pipeline.recommendations.merchandising import Merchandising
from perso_pipeline.recommendations.report import rules_at_work
from perso_pipeline.recommendations.scenarios import Scenarios

NIGHT = date(2026, 3, 10)


def brand(name: str) -> list[dict[str, Any]]:
    return [{"attribute": "brand", "op": "is", "value": name}]


RULES = [
    {"id": "no-bolt", "kind": "exclude", "where": brand("bolt")},
    {"id": "f-first", "kind": "pin", "item": "f", "position": 1},
    {"id": "b-second", "kind": "pin", "item": "b", "position": 2},  # of the brand that is off
    {"id": "crux-up", "kind": "boost", "positions": 2, "where": brand("crux")},
    {"id": "dodo-in", "kind": "promote", "share": 0.25, "where": brand("dodo")},
    {
        "id": "gold-only",
        "kind": "exclude",
        "segments": ["gold"],
        "where": [{"attribute": "item", "op": "is", "value": "a"}],
    },
    {"id": "asleep", "kind": "exclude", "ends_on": "2026-03-10", "where": brand("acme")},
]


@pytest.fixture
def shop(copy_of):
    """Items a to h, most wanted first; Ann is gold, Bob is not."""
    return copy_of("rule trace", _fill)


def _fill(shop) -> None:
    brands = {"b": "bolt", "e": "crux", "h": "dodo"}
    shop.add(
        "profiles.item_profiles",
        *({"item_id": i, "views_28d": 90 - n, "brand": brands.get(i, "acme")} for n, i in enumerate("abcdefgh")),
    )
    shop.add("profiles.customer_profiles", {"person_id": "ann"}, {"person_id": "bob"})
    shop.add("segments.segment_membership", {"person_id": "ann", "segment_id": "gold"})


def scenarios() -> Scenarios:
    levels = [{"strategy": "catalogue"}]
    one = {"id": "home", "name": "Home", "subject": "person", "size": 4, "levels": levels}
    rules = [{"name": "-", **rule} for rule in RULES]
    return Scenarios.model_validate({"scenarios": [one]}).under(Merchandising.model_validate({"rules": rules}))


def test_the_trace_names_the_rules_of_each_slot(shop) -> None:
    made = compose(shop, scenarios(), night=NIGHT)
    rows = {(r["subject_id"], r["rank"]): r for r in made.recommendations.to_pylist()}
    ids = {(r["subject_id"], r["rank"]): (r["item_id"], r["rule_ids"]) for r in made.trace.to_pylist()}
    # f is pinned; e moves up two places and so stands before c; the fourth slot is kept for dodo: h from below
    assert [ids["bob", n] for n in (1, 2, 3, 4)] == [
        ("f", ["no-bolt", "f-first"]),
        ("a", ["no-bolt"]),
        ("e", ["no-bolt", "crux-up"]),
        ("h", ["no-bolt", "dodo-in"]),
    ]
    assert [ids["ann", n][0] for n in (1, 2, 3, 4)] == ["f", "e", "c", "h"]
    assert ids["ann", 3][1] == ["no-bolt", "gold-only"]
    told = [(r["strategy"], r["model"], r["level"], r["is_fallback"]) for r in (rows["bob", n] for n in (1, 2, 4))]
    assert told == [
        ("pinned", "merchandising", 2, False),
        ("catalogue", "item_profiles", 1, False),
        ("promoted", "item_profiles", 2, False),
    ]


def test_a_rejection_names_the_rule_that_took_the_candidate_off_even_where_another_pins_it(shop) -> None:
    made = compose(shop, scenarios(), night=NIGHT)
    off = {(r["subject_id"], r["item_id"], r["rule"], r["rule_id"]) for r in made.rejections.to_pylist()}
    assert off == {
        *((who, "b", "exclude", "no-bolt") for who in ("ann", "bob", "*")),
        ("ann", "a", "exclude", "gold-only"),
    }


def test_the_report_counts_what_each_rule_did_and_those_that_did_nothing(shop) -> None:
    config = scenarios()
    shop.write_partitions([compose(shop, config, night=NIGHT).tables()], {"night": NIGHT})
    counted = {r["rule"]: (r["slots"], r["taken_off"]) for r in rules_at_work(shop, config, night=NIGHT).to_pylist()}
    assert counted == {
        "no-bolt": (12, 3), "f-first": (3, 0), "b-second": (0, 0), "crux-up": (3, 0), "dodo-in": (3, 0), "gold-only": (4, 1),
    }  # fmt: skip
