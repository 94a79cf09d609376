"""The set-based composer against one that does a person at a time in plain Python."""

import random
from typing import Any

import pytest

from perso_pipeline.recommendations.composer import compose
from perso_pipeline.recommendations.composition import ranking
from perso_pipeline.recommendations.merchandising import Merchandising
from perso_pipeline.recommendations.scenarios import Scenarios
from tests.recommendations.naive import page
from tests.recommendations.random_shop import (
    KINDS,
    NIGHT,
    SEGMENTS,
    fill,
    random_rule,
    random_scenario,
    random_shop,
)


def agree(shop: Any, data: dict[str, Any], scenarios: list[dict[str, Any]], rules: list[dict[str, Any]]) -> int:
    """Hold every list, rejection and short list against the naive composer's; how many rows a rule had a hand in."""
    config = Scenarios.model_validate({"scenarios": scenarios}).under(Merchandising.model_validate({"rules": rules}))
    made = compose(shop, config, night=NIGHT)
    subject = scenarios[0]["subject"]
    subjects = (
        data["people"] if subject == "person" else [i["item_id"] for i in data["items"] if i["item_type"] != "service"]
    )
    rows, off, short = (
        _by_list(table.to_pylist()) for table in (made.recommendations, made.rejections, made.short_lists)
    )
    for who in [*subjects, None]:
        for scenario_id, expected in page(scenarios, rules, data, who).items():
            key = (scenario_id, who or "*")
            size = next(s["size"] for s in scenarios if s["id"] == scenario_id)
            said = (key, scenarios, rules)
            got = [(r["item_id"], r["level"], r["score"], r["strategy"]) for r in rows.get(key, [])]
            assert got == expected.slots, said
            assert {(r["item_id"], r["rule"], r["rule_id"]) for r in off.get(key, [])} == expected.off, said
            filled = [r["filled"] for r in short.get(key, [])]
            assert filled == ([len(expected.slots)] if len(expected.slots) < size else []), said
    touched = [r for r in made.trace.to_pylist() if r["rule_ids"]]
    return len(touched) + len([r for r in made.rejections.to_pylist() if r["rule_id"]])


def _by_list(rows: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: row.get("rank", 0)):
        found.setdefault((row["scenario_id"], row["subject_id"]), []).append(row)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_without_rules_lists_and_rejections_are_those_of_a_naive_one(shop, seed: int) -> None:
    rng = random.Random(seed)
    data = random_shop(rng)
    fill(shop, data)
    for subject in ("person", "item", "person"):
        agree(shop, data, [random_scenario(rng, subject=subject)], [])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_each_kind_of_rule_makes_the_lists_of_a_naive_one(shop, kind: str, seed: int) -> None:
    rng = random.Random(1000 * seed + KINDS.index(kind))
    data = random_shop(rng)
    fill(shop, data)
    seen = 0
    for n in range(5):
        subject = "item" if n == 1 and kind != "repeat" else "person"
        relative = "context" if subject == "item" else "person"
        rules = [random_rule(rng, kind, n, data, relative=relative) for n in range(rng.randint(1, 3))]
        seen += agree(shop, data, [random_scenario(rng, subject=subject)], rules)
    assert seen or not data["published"]  # a test in which no rule did anything says nothing


def test_lists_that_differ_too_much_to_be_made_at_once_are_made_in_pieces(shop, monkeypatch) -> None:
    rng = random.Random(5)
    data = random_shop(rng)
    fill(shop, data)
    price = [{"attribute": "price", "op": "at_most", "of": "context", "value": 150}]
    rules = [
        {"id": "near", "name": "-", "kind": "include", "where": price},
        {"id": "push", "name": "-", "kind": "promote", "share": 0.5, "where": price},
    ]
    scenario = {
        **random_scenario(rng, subject="item"),
        "size": 5,
        "levels": [{"strategy": "similar"}, {"strategy": "catalogue"}],
    }
    monkeypatch.setattr(ranking, "MOST_ENTRIES", 2 * len(data["items"]))
    assert agree(shop, data, [scenario], rules)


@pytest.mark.parametrize("seed", range(6))
def test_all_kinds_together_on_a_page_make_the_lists_of_a_naive_one(shop, seed: int) -> None:
    rng = random.Random(77_000 + seed)
    data = random_shop(rng)
    fill(shop, data)
    for n in range(3):
        subject = "item" if n == 1 else "person"
        relative = "context" if subject == "item" else "person"
        rules = [random_rule(rng, k, n, data, relative=relative) for n, k in enumerate(rng.choices(KINDS, k=5))]
        rules = [r for r in rules if subject == "person" or r["kind"] != "repeat"]
        scenarios = [
            random_scenario(rng, subject=subject, page="home", page_priority=rng.choice([1, 2])),
            random_scenario(rng, subject=subject, id="second", page="home", page_priority=rng.choice([1, 2])),
        ]
        if subject == "person":
            chosen = random_scenario(rng)["levels"]
            scenarios[0]["by_segment"] = [{"segment": rng.choice(SEGMENTS), "levels": chosen}]
        agree(shop, data, scenarios, rules)
