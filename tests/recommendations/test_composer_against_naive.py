"""The set-based composer against one that does a person at a time in plain Python."""

import random
from datetime import date
from typing import Any

import pytest

from perso_pipeline.recommendations.composer import compose
from perso_pipeline.recommendations.scenarios import Scenarios

NIGHT = date(2026, 3, 10)
ITEM_RULES = ["sold_out", "content", "expired"]


def naive(scenario: dict[str, Any], data: dict[str, Any], person: str | None) -> tuple[list[Any], set[Any]]:  # noqa: C901
    """One person's list [(item, level, score)] and rejections {(item, rule)}: walk levels, test, take."""
    items = {item["item_id"]: item for item in data["items"]}
    filters = scenario["filters"]
    off: dict[str, str] = {}

    def first_rule(item_id: str) -> str | None:
        item = items.get(item_id)
        if item is None:
            return "unavailable"
        true = {
            "sold_out": item["stock"] == 0,
            "content": item["item_type"] == "content",
            "expired": item["valid_to"] is not None,
            "bought": item_id in data["bought"].get(person, ()),
            "blocked": item_id in data["blocked"].get(person, ()),
        }
        if item["item_type"] == "service":
            return "unavailable"
        return next((rule for rule in filters if true.get(rule)), None)

    def family(item_id: str) -> str:
        return items[item_id]["parent_item_id"] or item_id

    def by_score(candidates: dict[str, float]) -> list[tuple[str, float]]:
        return sorted(candidates.items(), key=lambda pair: (-pair[1], pair[0]))

    def popularity(item: dict[str, Any]) -> float:
        return 10.0 * item["purchases_28d"] + 3.0 * item["cart_adds_28d"] + 1.0 * item["views_28d"]

    prefers = data["prefers"].get(person)
    sources = {
        "personal": data["personal"].get(person, {}),
        "trending": data["trending"],
        "popular": data["popular"],
        "popular_in_category": {
            i["item_id"]: popularity(i)
            for i in data["items"]
            if prefers and (i["category_path"] + "/").startswith(prefers + "/")
        },
        "catalogue": {i["item_id"]: popularity(i) for i in data["items"]},
    }
    shown: list[Any] = []
    seen: set[str] = set()
    families: set[str] = set()
    place = 0
    for level, strategy in enumerate(scenario["levels"], start=1):
        if len(shown) == scenario["size"]:
            break
        for item_id, score in by_score(sources[strategy]):
            if item_id in seen:
                continue
            seen.add(item_id)
            place += 1
            rule = first_rule(item_id)
            if rule is None and "variants" in filters and family(item_id) in families:
                rule = "variants"
            if rule is None and len(shown) < scenario["size"]:
                shown.append((item_id, level, score))
                families.add(family(item_id))
            elif rule and place <= scenario["size"]:
                off[item_id] = rule
            elif rule is None:
                families.add(family(item_id))
    return shown, set(off.items())


def make(seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    rng = random.Random(seed)
    ids = [f"i{n:02d}" for n in range(rng.randint(3, 30))]
    items = [
        {
            "item_id": i,
            "item_type": rng.choices(["product", "content", "service"], [8, 1, 1])[0],
            "stock": rng.choice([0, 5, 5, None]),
            "valid_to": rng.choice([None, None, None, "2026-03-01"]),
            "parent_item_id": rng.choice([None, None, "P1", "P2", "P3"]),
            "category_path": rng.choice(["x", "x/y", "x/y/z", "xy", "w"]),
            "purchases_28d": rng.randint(0, 3),
            "cart_adds_28d": rng.randint(0, 3),
            "views_28d": rng.randint(0, 3),
        }
        for i in ids
    ]
    pool = [*ids, "gone1", "gone2"]
    people = [f"p{n}" for n in range(8)]

    def some(most: int) -> list[str]:
        return rng.sample(pool, rng.randint(0, min(most, len(pool))))

    def scored(most: int) -> dict[str, float]:
        return {i: rng.randint(1, 4) / 4 for i in some(most)}

    data = {
        "items": items,
        "people": people,
        "personal": {p: scored(12) for p in people[:6]},
        "trending": scored(6),
        "popular": scored(10),
        "bought": {p: some(6) for p in people[:5]},
        "blocked": {p: some(3) for p in people[:3]},
        "prefers": {p: rng.choice(["x", "x/y", "w", "none"]) for p in people[:7]},
    }
    levels = rng.sample(["personal", "trending", "popular", "popular_in_category", "catalogue"], rng.randint(1, 5))
    filters = rng.sample(["sold_out", "content", "expired", "bought", "blocked", "variants"], rng.randint(0, 6))
    return data, {"levels": levels, "filters": filters, "size": rng.randint(1, 8)}


def fill(shop, data: dict[str, Any]) -> None:
    people = data["people"]
    # what no rule in force explains is unavailable; here only services are
    shop.add("profiles.item_profiles", *({**i, "is_available": i["item_type"] != "service"} for i in data["items"]))
    shop.add("identity.identity_map", *({"identifier": f"customer:{p}", "person_id": p} for p in people))
    shop.add(
        "profiles.customer_profiles", *({"person_id": p, "preferred_category": data["prefers"].get(p)} for p in people)
    )
    shop.add("models.champions", {"task": "personal", "model": "als"})
    sources = [("als", "person", person, scores) for person, scores in data["personal"].items()]
    sources += [(model, "anyone", "anyone", data[model]) for model in ("trending", "popular")]
    shop.add(
        "models.candidates",
        *(
            {"task": "personal", "model": m, "subject_type": kind, "subject_id": who, "item_id": item, "score": score}
            for m, kind, who, scores in sources
            for item, score in scores.items()
        ),
    )
    shop.add(
        "interactions.order_movements",
        *(
            {"identifier": f"customer:{p}", "order_id": p, "order_line_id": item, "item_id": item}
            for p, bought in data["bought"].items()
            for item in bought
        ),
    )
    shop.add(
        "interactions.interactions",
        *(
            {"identifier": f"customer:{p}", "event_type": "block_item", "item_id": item}
            for p, blocked in data["blocked"].items()
            for item in blocked
        ),
    )


@pytest.mark.parametrize("seed", range(8))
def test_the_composer_makes_the_lists_and_rejections_of_a_naive_one(shop, seed: int) -> None:
    data, scenario = make(seed)
    fill(shop, data)
    for variation in range(3):
        if variation:
            scenario = make(1000 * seed + variation)[1]
        config = Scenarios.model_validate(
            {"scenarios": [{"id": "home", "name": "Home", "subject": "person", **scenario,
                            "levels": [{"strategy": s} for s in scenario["levels"]]}]}
        )  # fmt: skip
        made = compose(shop, config, night=NIGHT)
        for person in [*data["people"], None]:
            shown, off = naive(scenario, data, person)
            subject = person or "*"
            rows = [r for r in made.recommendations.to_pylist() if r["subject_id"] == subject]
            assert [(r["item_id"], r["level"], r["score"]) for r in rows] == shown, (scenario, person)
            got = {(r["item_id"], r["rule"]) for r in made.rejections.to_pylist() if r["subject_id"] == subject}
            assert got == off, (scenario, person)
            short = [r["filled"] for r in made.short_lists.to_pylist() if r["subject_id"] == subject]
            assert short == ([len(shown)] if len(shown) < scenario["size"] else [])
