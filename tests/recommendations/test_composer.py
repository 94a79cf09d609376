from datetime import date, datetime, timedelta
from typing import Any

import pytest

from perso_pipeline.recommendations.composer import Composition, compose
from perso_pipeline.recommendations.scenarios import Scenarios

NIGHT = date(2026, 3, 10)


def scenarios(**scenario: Any) -> Scenarios:
    whole = {"id": "home", "name": "Home", "subject": "person", "size": 3, **scenario}
    whole["levels"] = [{"strategy": name} for name in whole["levels"]]
    return Scenarios.model_validate({"scenarios": [whole]})


def lists(made: Composition) -> dict[str, list[tuple[str, int]]]:
    """Subject -> [(item, level)] by rank."""
    out: dict[str, list[tuple[str, int]]] = {}
    rows = made.recommendations.to_pylist()
    for row in sorted(rows, key=lambda r: r["rank"]):
        out.setdefault(row["subject_id"], []).append((row["item_id"], row["level"]))
        assert row["rank"] == len(out[row["subject_id"]])
    return out


def rejected(made: Composition) -> set[tuple[str, str, str]]:
    return {(r["subject_id"], r["item_id"], r["rule"]) for r in made.rejections.to_pylist()}


def _similar(*scores: tuple[str, str, float]) -> list[dict[str, Any]]:
    """Candidates (of an item, item, score)."""
    model = {"task": "similar", "model": "knn", "subject_type": "item"}
    return [{**model, "subject_id": subject, "item_id": item, "score": score} for subject, item, score in scores]


@pytest.fixture
def small(copy_of):
    """Ann (customer:1) and Bob; items a to f, most wanted first; Ann's champion list is c, b, a."""
    return copy_of("small", _fill)


def _fill(shop) -> None:
    shop.add(
        "identity.identity_map",
        {"identifier": "customer:1", "person_id": "ann"},
        {"identifier": "visitor:v1", "person_id": "ann"},
    )
    shop.add("profiles.customer_profiles", {"person_id": "ann"}, {"person_id": "bob"})
    shop.add(
        "profiles.item_profiles", *({"item_id": item, "purchases_28d": 60 - 10 * n} for n, item in enumerate("abcdef"))
    )
    shop.add("models.champions", {"task": "personal", "model": "als"}, {"task": "similar", "model": "knn"})
    shop.add(
        "models.candidates",
        *({"task": "personal", "model": "als", "subject_type": "person", "subject_id": "ann", "item_id": item, "score": score}
          for item, score in (("c", 3.0), ("b", 2.0), ("a", 1.0))),
    )  # fmt: skip


def test_a_lower_level_fills_only_the_slots_that_the_level_above_left_open(small) -> None:
    made = compose(small, scenarios(levels=["personal", "catalogue"], size=4), night=NIGHT)
    # ann's own three, then the most wanted item that is not there yet
    assert lists(made)["ann"] == [("c", 1), ("b", 1), ("a", 1), ("d", 2)]
    assert lists(made)["bob"] == [("a", 2), ("b", 2), ("c", 2), ("d", 2)]
    assert lists(made)["*"] == lists(made)["bob"]
    first = made.recommendations.to_pylist()[4]
    assert (first["model"], first["model_version"], first["strategy"], first["is_fallback"]) == (
        "als",
        "1",
        "personal",
        False,
    )


def test_what_was_bought_stays_off_until_the_window_is_over_and_only_for_who_bought_it(small) -> None:
    ordinary = {"identifier": "visitor:v1", "item_id": "c", "order_date": NIGHT - timedelta(days=364)}
    small.add("interactions.order_movements", ordinary)
    config = scenarios(levels=["personal", "catalogue"], filters=["bought"], bought_days=365)
    made = compose(small, config, night=NIGHT)
    assert lists(made)["ann"] == [("b", 1), ("a", 1), ("d", 2)]
    assert lists(made)["bob"] == [("a", 2), ("b", 2), ("c", 2)]
    assert rejected(made) == {("ann", "c", "bought")}
    shorter = scenarios(levels=["personal", "catalogue"], filters=["bought"], bought_days=364)
    assert lists(compose(small, shorter, night=NIGHT))["ann"][0] == ("c", 1)


def test_an_order_line_cancelled_whole_was_never_bought_but_one_cancelled_in_part_was(small) -> None:
    sale = {"identifier": "customer:1", "item_id": "c", "quantity": 2}
    small.add("interactions.order_movements", sale, {**sale, "movement": "cancellation", "quantity": -2})
    small.add("interactions.order_movements", {**sale, "item_id": "b", "order_line_id": "2"})
    small.add(
        "interactions.order_movements",
        {**sale, "item_id": "b", "order_line_id": "2", "movement": "cancellation", "quantity": -1},
    )
    made = compose(small, scenarios(levels=["personal", "catalogue"], filters=["bought"]), night=NIGHT)
    assert lists(made)["ann"] == [("c", 1), ("a", 1), ("d", 2)]


def test_records_and_links_known_only_on_later_nights_change_nothing(small) -> None:
    tomorrow = NIGHT + timedelta(days=1)
    config = scenarios(levels=["personal", "catalogue"], filters=["bought", "blocked"])
    before = compose(small, config, night=NIGHT)
    small.add("interactions.order_movements", {"identifier": "customer:1", "item_id": "c", "known_on": tomorrow})
    small.add(
        "interactions.interactions",
        {"identifier": "customer:1", "event_type": "block_item", "item_id": "b", "known_on": tomorrow},
    )
    small.add("identity.identity_map", {"identifier": "visitor:v9", "person_id": "ann", "known_on": tomorrow})
    small.add("interactions.interactions", {"identifier": "visitor:v9", "event_type": "block_item", "item_id": "a"})
    assert compose(small, config, night=NIGHT).recommendations.equals(before.recommendations)


def test_a_link_void_from_a_later_night_still_holds_tonight_and_one_void_tonight_does_not(small) -> None:
    config = scenarios(levels=["personal"], filters=["blocked"])
    small.add("interactions.interactions", {"identifier": "visitor:v8", "event_type": "block_item", "item_id": "c"})
    small.add(
        "identity.identity_map", {"identifier": "visitor:v8", "person_id": "ann", "void_on": NIGHT + timedelta(days=1)}
    )
    assert lists(compose(small, config, night=NIGHT))["ann"] == [("b", 1), ("a", 1)]
    small.run(f"update identity.identity_map set void_on = date '{NIGHT}' where identifier = 'visitor:v8'")
    assert lists(compose(small, config, night=NIGHT))["ann"] == [("c", 1), ("b", 1), ("a", 1)]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("stock = 0, is_available = false", "sold_out"),
        ("valid_to = timestamp '2026-03-11 00:00:00'", "expired"),
        ("valid_from = timestamp '2026-03-11 00:00:01'", "expired"),
        ("item_type = 'content'", "content"),
        ("item_type = 'service', is_available = false", "unavailable"),
        ("is_available = false", "unavailable"),
        ("site_id = 'shop-de'", "unavailable"),
        ("night = date '2026-03-09'", "unavailable"),
    ],
)  # fmt: skip
def test_an_item_that_cannot_be_shown_is_replaced_and_the_rule_is_recorded(small, change: str, rule: str) -> None:
    small.run(f"update profiles.item_profiles set {change} where item_id = 'c'")
    config = scenarios(levels=["personal", "catalogue"], filters=["sold_out", "expired", "content"], sites=["shop-uk"])
    made = compose(small, config, night=NIGHT)
    assert lists(made)["ann"] == [("b", 1), ("a", 1), ("d", 2)]
    assert ("ann", "c", rule) in rejected(made)


def test_only_one_of_a_family_stands_in_a_list_even_across_levels(small) -> None:
    small.run("update profiles.item_profiles set parent_item_id = 'P' where item_id in ('b', 'c', 'd')")
    made = compose(small, scenarios(levels=["personal", "catalogue"], filters=["variants"]), night=NIGHT)
    # c stands for the family: b (same level) and d (next level) give way, e fills the slot
    assert lists(made)["ann"] == [("c", 1), ("a", 1), ("e", 2)]
    assert rejected(made) == {("ann", "b", "variants"), ("bob", "c", "variants"), ("*", "c", "variants")}


def test_a_product_page_shows_neither_the_item_nor_its_variants(small) -> None:
    small.run("update profiles.item_profiles set parent_item_id = 'P' where item_id in ('a', 'b')")
    small.add("models.candidates", *_similar(("a", "b", 2.0), ("a", "e", 1.0)))
    config = scenarios(subject="item", levels=["similar", "catalogue"], filters=["same_item", "variants"], size=2)
    made = compose(small, config, night=NIGHT)
    assert lists(made)["a"] == [("e", 1), ("c", 2)]
    trace = [r for r in made.trace.to_pylist() if r["subject_id"] == "a"]
    assert [(r["item_id"], r["origin_items"], r["rules"]) for r in trace] == [
        ("e", ["a"], ["same_item", "variants"]),
        ("c", [], ["same_item", "variants"]),
    ]


def _cart(number: int, item: str, event: str, quantity: int | None = 1, day: int = 10, **more: Any) -> dict[str, Any]:
    at = datetime.fromisoformat(f"2026-03-{day:02} 12:{number:02}")
    return {"event_id": str(number), "item_id": item, "event_type": event, "quantity": quantity, "occurred_at": at,
            "event_date": at.date(), "cart_id": "c1", **more}  # fmt: skip


def _of_a_cart(small, *contents: str) -> Composition:
    """Two slots for the open cart c1 that holds ``contents``, from the items like them."""
    small.add("interactions.session_events", *(_cart(n, item, "add_to_cart") for n, item in enumerate(contents)))
    config = scenarios(id="cart", subject="cart", levels=["cart_items", "catalogue"], filters=["in_cart"], size=2)
    return compose(small, config, night=NIGHT)


def test_scores_of_the_items_in_a_cart_add_up_and_the_trace_names_those_items(small) -> None:
    small.add("models.candidates", *_similar(("a", "d", 1.0), ("b", "d", 1.5), ("a", "e", 2.0), ("b", "a", 9.0)))
    made = _of_a_cart(small, "a", "b")
    # d: 1.0 + 1.5 beats e: 2.0; a is in the cart
    assert lists(made)["c1"] == [("d", 1), ("e", 1)]
    assert [r["origin_items"] for r in made.trace.to_pylist() if r["subject_id"] == "c1"] == [["b", "a"], ["a"]]
    assert ("c1", "a", "in_cart") in rejected(made)


def test_an_item_in_a_cart_that_the_catalogue_has_not_still_leads_to_others_but_is_not_named(small) -> None:
    small.add("models.candidates", *_similar(("gone", "d", 1.0), ("gone", "e", 2.0), ("a", "d", 1.5)))
    made = _of_a_cart(small, "gone", "a")
    assert lists(made)["c1"] == [("d", 1), ("e", 1)]
    assert [r["origin_items"] for r in made.trace.to_pylist() if r["subject_id"] == "c1"] == [["a"], []]


@pytest.mark.parametrize(
    ("events", "contents"),
    [
        ([_cart(1, "a", "add_to_cart"), _cart(2, "b", "add_to_cart"), _cart(3, "a", "remove_from_cart")], {"b"}),
        ([_cart(1, "a", "add_to_cart", 3), _cart(2, "a", "remove_from_cart", 2)], {"a"}),
        ([_cart(1, "a", "add_to_cart", 3), _cart(2, "a", "remove_from_cart", None), _cart(3, "b", "add_to_cart")], {"b"}),
        ([_cart(1, "a", "add_to_cart", 3), _cart(2, "a", "cart_quantity_change", 0), _cart(3, "a", "add_to_cart")], {"a"}),
        ([_cart(1, "a", "add_to_cart", day=3)], None),  # seven days are over
        ([_cart(1, "a", "add_to_cart", day=4)], {"a"}),
        ([_cart(1, "a", "add_to_cart", is_robot=True)], None),
        ([_cart(1, "a", "add_to_cart"), _cart(2, None, "checkout_complete")], None),
        ([_cart(1, "a", "add_to_cart"), _cart(2, None, "checkout_complete", cart_id="c2")], None),  # same visitor
        ([_cart(1, None, "checkout_complete"), _cart(2, "a", "add_to_cart")], {"a"}),
    ],
    ids=["removed", "removed in part", "removed whole", "set to none, added again", "too old", "just in time",
         "robot", "ordered", "visitor ordered another cart", "filled again after an order"],
)  # fmt: skip
def test_a_cart_is_open_with_what_is_left_in_it(small, events, contents) -> None:
    small.add("interactions.session_events", *events)
    config = scenarios(id="cart", subject="cart", levels=["catalogue"], filters=["in_cart"], size=6)
    made = lists(compose(small, config, night=NIGHT))
    assert ("c1" in made) == (contents is not None)
    if contents:
        assert {item for item, _ in made["c1"]} == set("abcdef") - contents


def test_a_list_that_cannot_be_full_is_short_and_says_why(small) -> None:
    small.add("interactions.order_movements", {"identifier": "customer:1", "item_id": "c"})
    small.run("update profiles.item_profiles set stock = 0, is_available = false where item_id >= 'd'")
    made = compose(small, scenarios(levels=["personal", "catalogue"], filters=["sold_out", "bought"]), night=NIGHT)
    assert lists(made)["ann"] == [("b", 1), ("a", 1)]
    short = [(r["subject_id"], r["size"], r["filled"], r["reason"]) for r in made.short_lists.to_pylist()]
    assert short == [("ann", 3, 2, "the levels offer 2 that may be shown; taken off: bought 1, sold_out 3")]


def test_the_category_level_takes_the_category_and_what_lies_below_it(small) -> None:
    small.run("update profiles.item_profiles set category_path = 'home/kitchen/mugs' where item_id in ('d', 'f')")
    small.run("update profiles.item_profiles set category_path = 'home/kitchenware' where item_id = 'e'")
    small.run("update profiles.customer_profiles set preferred_category = 'home/kitchen' where person_id = 'bob'")
    made = compose(small, scenarios(levels=["popular_in_category", "catalogue"]), night=NIGHT)
    assert lists(made)["bob"] == [("d", 1), ("f", 1), ("a", 2)]
    trace = [r["rules"] for r in made.trace.to_pylist() if r["subject_id"] == "bob"]
    assert trace == [["category:home/kitchen"], ["category:home/kitchen"], []]


def test_a_person_who_said_no_to_personalization_gets_what_everybody_gets(small) -> None:
    small.run("update profiles.customer_profiles set has_personalization_consent = false, preferred_category = 'home'")
    made = compose(small, scenarios(levels=["personal", "popular_in_category", "catalogue"]), night=NIGHT)
    assert lists(made)["ann"] == lists(made)["*"] == [("a", 3), ("b", 3), ("c", 3)]


def test_candidates_of_a_model_that_is_not_champion_are_not_used(small) -> None:
    small.run("update models.champions set model = 'item_knn' where task = 'personal'")
    made = compose(small, scenarios(levels=["personal", "catalogue"]), night=NIGHT)
    assert {level for _, level in lists(made)["ann"]} == {2}


def test_equal_scores_stand_in_order_of_the_item_id_whatever_order_they_came_in(small) -> None:
    small.run("update models.candidates set score = 1")
    made = compose(small, scenarios(levels=["personal"]), night=NIGHT)
    assert lists(made)["ann"] == [("a", 1), ("b", 1), ("c", 1)]


def test_lists_made_in_many_parts_are_those_made_in_one(small) -> None:
    small.add("profiles.customer_profiles", *({"person_id": f"p{n}"} for n in range(40)))
    config = scenarios(levels=["personal", "catalogue"], filters=["sold_out"])
    whole = compose(small, config, night=NIGHT)
    parts = compose(small, config, night=NIGHT, subjects_at_once=10)
    assert whole == parts
    assert len(lists(whole)) == 43


def test_hostile_ids_stay_data(small) -> None:
    evil = "'; drop table profiles.item_profiles; --\n|=cmd"
    small.add("profiles.item_profiles", {"item_id": evil, "purchases_28d": 1000})
    small.add("profiles.customer_profiles", {"person_id": evil})
    made = compose(small, scenarios(levels=["catalogue"], size=1), night=NIGHT)
    assert lists(made)[evil] == [(evil, 1)]
    assert len(small.rows("from profiles.item_profiles")) == 7
