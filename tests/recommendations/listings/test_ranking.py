"""Orders of categories: by strategy, then by hand; small enough to see, and against a naive merchandiser."""

import random
from datetime import date, datetime
from typing import Any

import numpy as np
import pytest

from perso_pipeline.recommendations.listings.config import Listings, ManualRule
from perso_pipeline.recommendations.listings.ranking import Category, move, rank_categories
from perso_pipeline.recommendations.listings.signals import read_signals
from perso_pipeline.recommendations.scenario_parts import Popularity

NIGHT = date(2026, 3, 10)
NOON = datetime.fromisoformat("2026-03-10T12:00:00")


def _fill(shop) -> None:
    """Mugs a, b, c and the pan d in the kitchen; e is sold out, f content, g in no category."""
    shop.add(
        "profiles.item_profiles",
        *({"item_id": i, "category_path": "home/kitchen/mugs", "brand": "Finch"} for i in "ab"),
        {"item_id": "c", "category_path": "home/kitchen/mugs", "brand": "Alder", "views_28d": 9},
        {"item_id": "d", "category_path": "home/kitchen/pans", "brand": "Alder"},
        {"item_id": "e", "category_path": "home/kitchen/pans", "is_available": False},
        {"item_id": "f", "category_path": "home/kitchen/pans", "item_type": "content"},
        {"item_id": "g", "category_path": None},
    )
    views = [("a", "s1", 10), ("a", "s1", 10), ("a", "s2", 10), ("b", "s3", 10), ("b", "s4", 8), ("b", "s5", 8),
             ("b", "s6", 8), ("d", "s7", 2)]  # fmt: skip
    for number, (item, session, day) in enumerate(views):
        at = NOON.replace(day=day)
        shop.add(
            "interactions.interactions",
            {"event_id": f"v{number}", "event_type": "product_view", "item_id": item, "session_id": session,
             "occurred_at": at, "event_date": at.date(), "known_on": at.date()},
        )  # fmt: skip
    shop.add(
        "interactions.interactions",
        {"event_type": "product_view", "item_id": "d", "session_id": "r", "is_robot": True},
        {"event_type": "product_view", "item_id": "d", "session_id": "late", "known_on": date(2026, 3, 11)},
        {"event_type": "add_to_cart", "item_id": "a", "session_id": "s1"},
    )
    shop.add(
        "interactions.order_movements", {"item_id": "d"}, {"item_id": "d", "order_line_id": "2"},
        {"item_id": "c", "order_id": "o2"}, {"item_id": "c", "order_id": "o3"},
    )  # fmt: skip


@pytest.fixture
def shop(copy_of):
    return copy_of("listings-ranking", _fill)


def ranked(shop, **config: Any) -> dict[str, list[str]]:
    listings = Listings.model_validate(config)
    signals = read_signals(shop, listings.ranking, Popularity(), night=NIGHT)
    made: dict[str, list[str]] = {}
    for row in rank_categories(signals, listings, night=NIGHT).category_ranking.to_pylist():
        made.setdefault(row["category_path"], []).append(row["item_id"])
        assert row["rank"] == len(made[row["category_path"]])
    return made


@pytest.mark.parametrize(
    ("strategy", "order"),
    [
        ("most_viewed", "bacd"),  # sessions of 7 days: b 4, a 2 (two looks in one session are one); then c by 28 days
        ("recommended_for_you", "bacd"),  # for everybody unknown
        ("most_carted", "acbd"),
        ("most_purchased", "cdab"),  # orders, not lines: c 2, d 1
        ("trending", "acbd"),  # a (2-0)/sqrt 1 = 2; b (1-1)/sqrt 2 = 0 as c and d; c is wanted most in 28 days
        ("default", "cabd"),
    ],
)
def test_each_strategy_counts_what_it_says(shop, strategy, order) -> None:
    assert "".join(ranked(shop, ranking={"default_strategy": strategy})["home"]) == order


def test_a_category_shows_what_lies_below_it_and_nothing_that_cannot_be_bought(shop) -> None:
    made = ranked(shop)
    assert {path: sorted(items) for path, items in made.items()} == {
        "home": ["a", "b", "c", "d"], "home/kitchen": ["a", "b", "c", "d"], "home/kitchen/mugs": ["a", "b", "c"],
        "home/kitchen/pans": ["d"],
    }  # fmt: skip


def test_places_beyond_the_size_are_not_kept(shop) -> None:
    assert ranked(shop, ranking={"size": 2})["home"] == ["c", "a"]


def test_manual_rules_stay_in_their_own_category(shop) -> None:
    made = ranked(shop, categories=[{"category": "home", "rules": [{"id": "no-c", "action": "hide", "items": ["c"]}]}])
    assert made["home"] == ["a", "b", "d"]
    assert made["home/kitchen"] == ["c", "a", "b", "d"]


def effects(shop, rules: list[dict[str, Any]], category: str = "home") -> list[tuple[str, int, str | None]]:
    listings = Listings.model_validate({"categories": [{"category": category, "rules": rules}]})
    signals = read_signals(shop, listings.ranking, Popularity(), night=NIGHT)
    rows = rank_categories(signals, listings, night=NIGHT).listing_rules.to_pylist()
    return [(row["rule"], row["items"], row["reason"]) for row in rows]


def test_every_rule_in_force_says_what_it_holds_or_why_nothing(shop) -> None:
    assert effects(
        shop,
        [
            {"id": "top", "action": "pin", "position": 1, "items": ["d", "e"]},
            {"id": "alder", "action": "boost", "brands": ["Alder"]},
            {"id": "gone", "action": "hide", "items": ["zz"]},
            {"id": "later", "action": "hide", "items": ["a"], "starts_on": "2026-03-12"},
        ],
    ) == [
        ("top", 1, "not moved, because not for sale here or held by an earlier rule: e"),
        ("alder", 1, None),  # d is pinned already
        ("gone", 0, "nothing that can be bought in the category is named, or an earlier rule holds it"),
    ]


def test_a_rule_that_starts_tomorrow_holds_tonight_because_the_lists_are_shown_tomorrow(shop) -> None:
    rule = {"id": "a", "action": "hide", "items": ["c"], "starts_on": "2026-03-11", "ends_on": "2026-03-11"}
    assert effects(shop, [rule]) == [("a", 1, None)]
    assert effects(shop, [rule | {"starts_on": None, "ends_on": "2026-03-10"}]) == []


def test_rules_of_a_category_without_items_say_so(shop) -> None:
    assert effects(shop, [{"id": "a", "action": "hide", "items": ["c"]}], category="hom") == [
        ("a", 0, "the category has no items here")
    ]


def category(items: str = "abcdef") -> Category:
    count = len(items)
    text = np.array(list(items))
    return Category("home", text, np.array(["Finch"] * count), np.array(["home/x"] * count), np.arange(count, 0, -1.0))


def moved(*rules: dict[str, Any], items: str = "abcdef") -> str:
    return "".join(items[i] for i in move(category(items), [ManualRule.model_validate(rule) for rule in rules]).order)


@pytest.mark.parametrize(
    ("rules", "order"),
    [
        ([{"id": "r", "action": "pin", "position": 2, "items": ["f", "d"]}], "afdbce"),
        ([{"id": "r", "action": "pin", "position": 99, "items": ["a"]}], "bcdefa"),
        ([{"id": "r", "action": "boost", "items": ["d", "f"]}], "dfabce"),
        ([{"id": "r", "action": "boost", "items": ["d"], "by": 2}], "adbcef"),
        ([{"id": "r", "action": "bury", "items": ["b"], "by": 2}], "acdbef"),
        ([{"id": "r", "action": "bury", "items": ["a", "c"]}], "bdefac"),
        ([{"id": "r", "action": "hide", "items": ["a"]}, {"id": "s", "action": "pin", "position": 1, "items": ["e"]}], "ebcdf"),
        ([{"id": "r", "action": "boost", "subcategories": ["home"]}], "abcdef"),
        ([{"id": "r", "action": "hide", "brands": ["Finch"], "subcategories": ["home/y"]}], "abcdef"),
    ],
)  # fmt: skip
def test_rules_move_as_a_hand_would(rules, order) -> None:
    assert moved(*rules) == order


def naive(items: list[str], rules: list[ManualRule]) -> list[str]:
    """One item after another, with lists and no arrays."""
    holder = {item: next((r for r in rules if item in r.items), None) for item in items}
    pins = {
        item: rule.position + rule.items.index(item) for item, rule in holder.items() if rule and rule.action == "pin"
    }

    def place(item: str) -> float:
        rule, here = holder[item], items.index(item)
        if rule is None or rule.action not in ("boost", "bury"):
            return here
        far = rule.by + 0.5 if rule.by else 1_000.0
        return here - far if rule.action == "boost" else here + far

    hidden = {item for item, rule in holder.items() if rule and rule.action == "hide"}
    order = sorted(
        (i for i in items if i not in hidden and i not in pins), key=lambda item: (place(item), items.index(item))
    )
    for item, position in sorted(pins.items(), key=lambda pair: pair[1]):
        order.insert(position - 1, item)
    return order


@pytest.mark.parametrize("seed", range(60))
def test_the_order_is_that_of_a_naive_merchandiser(seed) -> None:
    draw = random.Random(seed)
    items = [f"i{n}" for n in range(draw.randint(1, 14))]
    rules, taken, used = [], set(), set()
    for number in range(draw.randint(0, 5)):
        free = [i for i in items if i not in used]
        if not free:
            break
        named = draw.sample(free, draw.randint(1, min(3, len(free))))
        action = draw.choice(["pin", "boost", "bury", "hide"])
        rule: dict[str, Any] = {"id": f"r{number}", "action": action, "items": named}
        if action == "pin":
            position = draw.randint(1, 16)
            if taken & set(range(position, position + len(named))):
                continue
            taken |= set(range(position, position + len(named)))
            rule["position"] = position
        elif action in ("boost", "bury") and draw.random() < 0.5:
            rule["by"] = draw.randint(1, 5)
        used |= set(named)
        rules.append(ManualRule.model_validate(rule))
    text = np.array(items)
    blank = np.array([""] * len(items))
    found = move(Category("c", text, blank, blank, np.zeros(len(items))), rules)
    assert [items[i] for i in found.order] == naive(items, rules)
