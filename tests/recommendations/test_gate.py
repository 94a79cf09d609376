from datetime import date, timedelta
from typing import Any

import pytest

from perso_pipeline.recommendations import gate
from perso_pipeline.recommendations.composer import compose
from perso_pipeline.recommendations.scenarios import Scenarios

NIGHT = date(2026, 3, 10)
ITEMS = "abcdefgh"


def _scenarios(**gates: Any) -> Scenarios:
    def scenario(name: str, subject: str, first: str, *filters: str) -> dict[str, Any]:
        return {
            "id": name, "name": name, "subject": subject, "size": 3, "sites": ["shop-uk"],
            "levels": [{"strategy": first}, {"strategy": "catalogue"}],
            "filters": [*filters, "sold_out", "expired", "content", "variants"], "gate": gates,
        }  # fmt: skip

    return Scenarios.model_validate(
        {
            "scenarios": [
                scenario("home", "person", "personal", "bought", "blocked"),
                scenario("product", "item", "similar", "same_item"),
                scenario("cart", "cart", "cart_items", "in_cart", "bought", "blocked"),
            ]
        }
    )


SCENARIOS = _scenarios()


def _write(shop, config: Scenarios = SCENARIOS, night: date = NIGHT) -> None:
    shop.write_partition(
        "recommendations.recommendations", compose(shop, config, night=night).recommendations, {"night": night}
    )


@pytest.fixture
def composed(copy_of):
    """A night that passes: ann likes c, b, a; each item is like the next; ann's open cart c1 holds g; k is in no list."""
    return copy_of("composed", _fill)


def _fill(shop) -> None:
    shop.add("identity.identity_map", {"identifier": "customer:1", "person_id": "ann"})
    shop.add("profiles.customer_profiles", {"person_id": "ann"}, {"person_id": "bob"})
    shop.add("profiles.item_profiles", *({"item_id": item, "purchases_28d": 10 - n} for n, item in enumerate(ITEMS)))
    shop.add("profiles.item_profiles", {"item_id": "k"}, {"item_id": "z", "site_id": "shop-de"})
    shop.add("models.champions", {"task": "personal", "model": "als"}, {"task": "similar", "model": "knn"})
    shop.add(
        "models.candidates",
        *({"task": "personal", "model": "als", "subject_type": "person", "subject_id": "ann", "item_id": i, "score": 1.0} for i in "abc"),
        *({"task": "similar", "model": "knn", "subject_type": "item", "subject_id": i, "item_id": j, "score": 1.0}
          for i, j in zip(ITEMS, ITEMS[1:] + "a", strict=True)),
    )  # fmt: skip
    shop.add(
        "interactions.session_events", {"event_id": "1", "cart_id": "c1", "item_id": "g", "identifier": "customer:1"}
    )
    _write(shop)


def _plant(shop, scenario: str, subject: str, item: str) -> None:
    """Put ``item`` into the first slot of a list, as a faulty composer would."""
    shop.run(
        f"update recommendations.recommendations set item_id = '{item}' "
        f"where scenario_id = '{scenario}' and subject_id = '{subject}' and rank = 1"
    )


def test_a_sound_night_passes_every_check_and_each_says_so(composed) -> None:
    findings = gate.inspect(composed, SCENARIOS, night=NIGHT)
    assert [(f.check, f.passed) for f in findings] == [(name, True) for name in (*gate.BLOCKING, *gate.WARNING)]


_SALE = {"identifier": "customer:1", "item_id": "k"}
_LEAKS: dict[str, tuple[Any, str]] = {
    "sold out": (lambda s: s.run("update profiles.item_profiles set stock = 0 where item_id = 'k'"), "k"),
    "expired": (lambda s: s.run("update profiles.item_profiles set valid_to = '2026-03-11' where item_id = 'k'"), "k"),
    "content": (lambda s: s.run("update profiles.item_profiles set item_type = 'content' where item_id = 'k'"), "k"),
    "not for sale": (
        lambda s: s.run("update profiles.item_profiles set item_type = 'service' where item_id = 'k'"),
        "k",
    ),
    "not available": (
        lambda s: s.run("update profiles.item_profiles set is_available = false where item_id = 'k'"),
        "k",
    ),
    "bought": (lambda s: s.add("interactions.order_movements", _SALE), "k"),
    "blocked": (lambda s: s.add("interactions.interactions", {**_SALE, "event_type": "block_item"}), "k"),
    "foreign or unknown item": (lambda s: None, "z"),
    "repeated item": (lambda s: None, "b"),
    "variants": (lambda s: s.run("update profiles.item_profiles set parent_item_id = 'b' where item_id = 'k'"), "k"),
}


@pytest.mark.parametrize("rule", _LEAKS)
def test_a_leak_on_a_home_page_stops_publication_and_is_shown_with_its_row(composed, rule: str) -> None:
    change, item = _LEAKS[rule]
    change(composed)
    assert gate.no_leak(composed, SCENARIOS, night=NIGHT).passed, "the change alone is no leak: k is in no list"
    _plant(composed, "home", "ann", item)
    finding = gate.no_leak(composed, SCENARIOS, night=NIGHT)
    assert not finding.passed
    found = [r for r in finding.rows.to_pylist() if r["rule"] == rule]
    assert ("home", "ann", item) in [(r["scenario_id"], r["subject_id"], r["item_id"]) for r in found]
    assert rule in finding.sentence


@pytest.mark.parametrize(
    ("rule", "scenario", "subject", "item"),
    [
        ("same item", "product", "a", "a"),
        ("in cart", "cart", "c1", "g"),
        ("foreign or unknown item", "cart", "c1", "z"),
    ],
)
def test_a_leak_on_a_product_or_cart_page_is_named(composed, rule: str, scenario: str, subject: str, item: str) -> None:
    _plant(composed, scenario, subject, item)
    rows = gate.no_leak(composed, SCENARIOS, night=NIGHT).rows.to_pylist()
    assert (rule, scenario, subject, 1) in [(r["rule"], r["scenario_id"], r["subject_id"], r["rank"]) for r in rows]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("site_id = 'shop-de'", "foreign site"),
        ("rank = 4", "beyond the list"),
        ("rank = 2", "repeated rank"),
        ("scenario_id = 'gone'", "unknown scenario"),
    ],
)
def test_a_row_that_stands_where_it_should_not_is_named(composed, change: str, rule: str) -> None:
    composed.run(f"update recommendations.recommendations set {change} where subject_id = 'ann' and rank = 1")
    rows = gate.no_leak(composed, SCENARIOS, night=NIGHT).rows.to_pylist()
    assert rule in {r["rule"] for r in rows}


def test_empty_slots_stop_publication_below_the_floor(composed) -> None:
    # home has 3 lists (ann, bob, anyone) of 3 slots; 2 of 9 go
    composed.run(
        "delete from recommendations.recommendations where scenario_id = 'home' and rank = 3 and subject_id <> 'bob'"
    )
    finding = gate.filled(composed, SCENARIOS, night=NIGHT)
    assert not finding.passed
    assert "home on shop-uk: 77.8% filled, at least 95.0%" in finding.sentence
    assert gate.filled(composed, _scenarios(min_fill=0.77), night=NIGHT).passed


def test_a_subject_without_a_list_stops_publication_and_is_named(composed) -> None:
    composed.run("delete from recommendations.recommendations where scenario_id = 'home' and subject_id = 'bob'")
    finding = gate.covered(composed, SCENARIOS, night=NIGHT)
    assert not finding.passed
    assert finding.rows.to_pylist() == [
        {"site_id": "shop-uk", "scenario_id": "home", "subject_type": "person", "subject_id": "bob"}
    ]


def test_lists_that_show_too_little_of_the_shop_stop_publication(composed) -> None:
    # the home lists show a, b, c of 9 available items
    finding = gate.covered(composed, _scenarios(min_item_coverage=0.4), night=NIGHT)
    assert not finding.passed
    assert "home on shop-uk: 33.3% of available items shown, at least 40.0%" in finding.sentence


def test_a_night_without_lists_or_candidates_of_its_own_is_not_fresh(composed) -> None:
    composed.run("delete from recommendations.recommendations where scenario_id = 'cart'")
    assert "nothing of this night for scenario cart" in gate.fresh(composed, SCENARIOS, night=NIGHT).sentence
    composed.run("update models.candidates set night = night - 1")
    assert "nothing of this night for candidates" in gate.fresh(composed, SCENARIOS, night=NIGHT).sentence
    tomorrow = gate.inspect(composed, SCENARIOS, night=NIGHT + timedelta(days=1))
    assert [f.check for f in tomorrow if not f.passed] == ["filled", "covered", "fresh"]


def test_lists_made_with_last_nights_champion_are_not_fresh(composed) -> None:
    composed.run("update models.champions set version = '2' where task = 'personal'")
    assert (
        "version als 1 on shop-uk is not this night's champion" in gate.fresh(composed, SCENARIOS, night=NIGHT).sentence
    )


def test_lists_far_from_the_last_published_night_are_shown_with_their_overlap(composed) -> None:
    before = NIGHT - timedelta(days=2)
    composed.run(
        f"insert into recommendations.recommendations select * replace (date '{before}' as night, "
        "case when rank = 1 then 'x' else item_id end as item_id) from recommendations.recommendations"
    )
    config = _scenarios(min_jaccard=0.6)
    assert "no earlier published night" in gate.near_last_night(composed, config, night=NIGHT).sentence
    composed.run(
        "create table recommendations.publish_log (night date, version varchar, action varchar, rows bigint, gate varchar)"
    )
    composed.add(
        "recommendations.publish_log", {"night": before, "version": "v", "action": "publish", "rows": 1, "gate": ""}
    )
    finding = gate.near_last_night(composed, config, night=NIGHT)
    # of three items two are the same: 2 shared of 4 in all
    assert not finding.passed
    assert "home on shop-uk: 0.50, at least 0.6" in finding.sentence


def test_a_scenario_carried_by_fallback_levels_is_shown(composed) -> None:
    # bob has no list of his own: 3 of the 6 rows of known people are fallback
    assert gate.first_level_serves(composed, _scenarios(max_fallback_share=0.99), night=NIGHT).passed
    finding = gate.first_level_serves(composed, _scenarios(max_fallback_share=0.4), night=NIGHT)
    assert "home on shop-uk: 50% of rows from a fallback level, at most 40%" in finding.sentence
