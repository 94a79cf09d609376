"""Lists for categories, segments and nobody in particular; a person's own history; mixes and choices by segment."""

from datetime import date
from typing import Any

import pytest

from perso_pipeline.recommendations.composer import compose
from perso_pipeline.recommendations.merchandising import Merchandising
from perso_pipeline.recommendations.scenarios import Scenario, Scenarios

NIGHT = date(2026, 3, 10)


def lists(shop, rules: list[dict[str, Any]] | None = None, **scenario: Any) -> dict[str, str]:
    """Subject -> its items as one word; items have one letter."""
    whole = {"id": "one", "name": "One", "subject": "person", "size": 3, **scenario}
    config = Scenarios.model_validate({"scenarios": [whole]}).under(
        Merchandising.model_validate({"rules": rules or []})
    )
    out: dict[str, str] = {}
    for row in sorted(compose(shop, config, night=NIGHT).recommendations.to_pylist(), key=lambda row: row["rank"]):
        out[row["subject_id"]] = out.get(row["subject_id"], "") + row["item_id"]
    return out


@pytest.fixture
def shop(copy_of):
    """Items a to f, most wanted first: a, b in home/mugs, c in home, d to f in garden; Ann is gold, Bob is lapsed."""
    return copy_of("kinds", _fill)


def _fill(shop) -> None:
    where = {"a": "home/mugs", "b": "home/mugs", "c": "home"}
    shop.add(
        "profiles.item_profiles",
        *(
            {"item_id": i, "views_28d": 90 - n, "price": 10 * (n + 1), "category_path": where.get(i, "garden")}
            for n, i in enumerate("abcdef")
        ),
    )
    shop.add("identity.identity_map", {"identifier": "customer:1", "person_id": "ann"})
    shop.add("profiles.customer_profiles", {"person_id": "ann", "preferred_category": "garden"}, {"person_id": "bob"})
    shop.add(
        "segments.segment_membership",
        {"person_id": "ann", "segment_id": "gold"},
        {"person_id": "bob", "segment_id": "lapsed"},
        {"person_id": "ann", "segment_id": "lapsed"},
    )
    anyone = {"task": "personal", "subject_type": "anyone", "subject_id": "anyone"}
    for model, items in (("popular", "fed"), ("trending", "abc")):
        shop.add(
            "models.candidates",
            *({**anyone, "model": model, "item_id": i, "score": 1 - n / 10} for n, i in enumerate(items)),
        )


def test_a_category_has_the_best_of_it_and_what_lies_below_it(shop) -> None:
    made = lists(shop, subject="category", levels=[{"strategy": "popular_in_category"}])
    assert made == {"home": "abc", "home/mugs": "ab", "garden": "def"}


def test_a_rule_can_hold_the_fallback_of_a_category_to_it(shop) -> None:
    rule = {
        "id": "r",
        "name": "-",
        "kind": "include",
        "where": [{"attribute": "category", "op": "is", "of": "context"}],
    }
    made = lists(shop, [rule], subject="category", levels=[{"strategy": "trending"}, {"strategy": "catalogue"}])
    assert made == {"home": "abc", "home/mugs": "ab", "garden": "def"}


def test_a_segment_has_what_most_of_its_people_like_best(shop) -> None:
    made = lists(shop, subject="segment", levels=[{"strategy": "popular_in_category"}, {"strategy": "popular"}])
    assert made == {"gold": "def", "lapsed": "def"}


def test_a_segment_reads_the_list_of_its_own_group(shop) -> None:
    shop.add("models.submodels", {"submodel": "segment", "submodel_group": "gold"})
    row = {
        "task": "personal",
        "model": "popular",
        "subject_type": "anyone",
        "subject_id": "anyone",
        "submodel": "segment",
    }
    shop.add("models.candidates", {**row, "submodel_group": "gold", "item_id": "c", "score": 1.0})
    levels = [{"strategy": "popular", "submodel": "segment"}, {"strategy": "catalogue"}]
    assert lists(shop, subject="segment", levels=levels) == {"gold": "cab", "lapsed": "fed"}


def test_a_list_for_nobody_in_particular_is_one_per_site(shop) -> None:
    assert lists(shop, subject="none", levels=[{"strategy": "popular"}]) == {"*": "fed"}


def test_sources_of_a_mix_take_turns_by_their_shares_and_who_runs_dry_is_passed_over(shop) -> None:
    mix = [{"strategy": "popular", "share": 2}, {"strategy": "trending", "share": 1}]
    made = lists(shop, size=6, levels=[{"mix": mix}])
    # popular lags behind 2/3 most, then trending behind 1/3, ...; f, e, d are soon used up
    assert made["bob"] == "faedbc"


def test_the_first_segment_that_fits_chooses_the_levels(shop) -> None:
    choices = [
        {"segment": "gold", "levels": [{"strategy": "popular"}]},
        {"segment": "lapsed", "levels": [{"strategy": "trending"}]},
    ]
    made = lists(shop, size=2, levels=[{"strategy": "catalogue"}], by_segment=choices)
    assert made == {"ann": "fe", "bob": "ab", "*": "ab"}
    shop.run("update profiles.customer_profiles set has_personalization_consent = false where person_id = 'ann'")
    assert lists(shop, size=2, levels=[{"strategy": "catalogue"}], by_segment=choices)["ann"] == "ab"


def test_a_persons_own_history_stands_latest_first_and_what_was_cancelled_is_none(shop) -> None:
    line = {"identifier": "customer:1", "order_line_id": "1"}
    shop.add(
        "interactions.order_movements",
        {**line, "item_id": "c", "order_id": "o1", "occurred_at": "2026-02-01 10:00:00"},
        {**line, "item_id": "a", "order_id": "o2", "occurred_at": "2026-03-01 10:00:00"},
        {**line, "item_id": "b", "order_id": "o3", "occurred_at": "2026-03-02 10:00:00"},
        {**line, "item_id": "b", "order_id": "o3", "movement": "cancellation", "quantity": -1},
    )
    viewed = {"identifier": "customer:1", "event_type": "product_view"}
    shop.add(
        "interactions.interactions",
        {**viewed, "item_id": "d", "occurred_at": "2026-03-01 10:00:00"},
        {**viewed, "item_id": "e", "occurred_at": "2026-03-02 10:00:00"},
        {**viewed, "item_id": "d", "occurred_at": "2026-03-03 10:00:00"},
        {**viewed, "item_id": "f", "occurred_at": "2026-03-03 10:00:00", "is_robot": True},
    )
    assert lists(shop, levels=[{"strategy": "bought_before"}], is_own_history=True) == {"ann": "ac"}
    assert lists(shop, levels=[{"strategy": "viewed_before"}]) == {"ann": "de"}
    assert lists(shop, size=6, levels=[{"strategy": "catalogue"}], filters=["viewed"])["ann"] == "abc"


def test_a_rule_compares_with_the_dearest_item_of_a_cart_and_with_any_of_its_categories(shop) -> None:
    shop.add(
        "interactions.session_events",
        {"event_id": "1", "cart_id": "k1", "item_id": "a"},  # 10, home/mugs
        {"event_id": "2", "cart_id": "k1", "item_id": "d"},  # 40, garden
    )
    cart = {"subject": "cart", "size": 6, "levels": [{"strategy": "catalogue"}], "filters": ["in_cart"]}
    price = [{"attribute": "price", "op": "at_least", "of": "context", "value": 100}]
    like = [{"attribute": "category", "op": "is", "of": "context", "levels": 1}]
    rule = {"id": "r", "name": "-"}
    assert lists(shop, **cart)["k1"] == "bcef"
    assert lists(shop, [{**rule, "kind": "include", "where": price}], **cart)["k1"] == "ef"
    assert lists(shop, [{**rule, "kind": "exclude", "where": like}], **cart) == {"*": "abcdef"}


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        (
            {"levels": [{"strategy": "popular", "mix": [{"strategy": "trending", "share": 1}]}]},
            "one of strategy and mix",
        ),
        ({"levels": [{"mix": [{"strategy": "trending", "share": 1}]}]}, "at least two strategies"),
        (
            {"filters": ["bought"], "levels": [{"strategy": "bought_before"}]},
            "offers what the filter 'bought' takes off",
        ),
        ({"output_types": ["product"], "filters": ["products"]}, "leave nothing"),
        ({"subject": "category", "by_segment": [{"segment": "a", "levels": [{"strategy": "popular"}]}]}, "by segment"),
        ({"subject": "none", "levels": [{"strategy": "popular_in_category"}]}, "'popular_in_category' needs subject"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(scenario: dict[str, Any], said: str) -> None:
    whole = {
        "id": "one",
        "name": "One",
        "subject": "person",
        "size": 3,
        "levels": [{"strategy": "popular"}],
        **scenario,
    }
    with pytest.raises(ValueError, match=said):
        Scenario.model_validate(whole)


def test_lists_of_one_page_are_for_one_kind_of_subject() -> None:
    one = {"name": "-", "size": 1, "levels": [{"strategy": "popular"}], "page": "home"}
    with pytest.raises(ValueError, match="the lists of a page are all for one kind"):
        Scenarios.model_validate(
            {"scenarios": [{**one, "id": "a", "subject": "person"}, {**one, "id": "b", "subject": "item"}]}
        )
