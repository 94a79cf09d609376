from datetime import timedelta
from typing import Any

import pytest

from perso_pipeline.recommendations import gate, gate_history
from perso_pipeline.recommendations.findings import CHECKS
from tests.recommendations.sound_night import NIGHT, SCENARIOS, fill, scenarios_with


@pytest.fixture
def composed(copy_of):
    """The night of ``sound_night``."""
    return copy_of("composed", fill)


def _plant(shop, scenario: str, subject: str, item: str) -> None:
    """Put ``item`` into the first slot of a list, as a faulty composer would."""
    shop.run(
        f"update recommendations.recommendations set item_id = '{item}' "
        f"where scenario_id = '{scenario}' and subject_id = '{subject}' and rank = 1"
    )


def test_a_sound_night_passes_every_check_and_each_says_so(composed) -> None:
    findings = gate.inspect(composed, SCENARIOS, night=NIGHT)
    assert [(f.check, f.passed) for f in findings] == [(name, True) for name in CHECKS]


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
    assert gate.filled(composed, scenarios_with(min_fill=0.77), night=NIGHT).passed


def test_a_subject_without_a_list_stops_publication_and_is_named(composed) -> None:
    composed.run("delete from recommendations.recommendations where scenario_id = 'home' and subject_id = 'bob'")
    finding = gate.covered(composed, SCENARIOS, night=NIGHT)
    assert not finding.passed
    assert finding.rows.to_pylist() == [
        {"site_id": "shop-uk", "scenario_id": "home", "subject_type": "person", "subject_id": "bob"}
    ]


def test_lists_that_show_too_little_of_the_shop_stop_publication(composed) -> None:
    # the home lists show a, b, c of 9 available items
    finding = gate.covered(composed, scenarios_with(min_item_coverage=0.4), night=NIGHT)
    assert not finding.passed
    assert "home on shop-uk: 33.3% of available items shown, at least 40.0%" in finding.sentence


def test_a_night_without_lists_or_candidates_of_its_own_is_not_fresh(composed) -> None:
    composed.run("delete from recommendations.recommendations where scenario_id = 'cart'")
    assert "nothing of this night for scenario cart" in gate_history.fresh(composed, SCENARIOS, night=NIGHT).sentence
    composed.run("update models.candidates set night = night - 1")
    assert "nothing of this night for candidates" in gate_history.fresh(composed, SCENARIOS, night=NIGHT).sentence
    tomorrow = gate.inspect(composed, SCENARIOS, night=NIGHT + timedelta(days=1))
    assert [f.check for f in tomorrow if not f.passed] == ["filled", "covered", "fresh"]


def test_lists_made_with_last_nights_champion_are_not_fresh(composed) -> None:
    composed.run("update models.champions set version = '2' where task = 'personal'")
    assert (
        "version als 1 on shop-uk is not this night's champion"
        in gate_history.fresh(composed, SCENARIOS, night=NIGHT).sentence
    )


def test_lists_far_from_the_last_published_night_are_shown_with_their_overlap(composed) -> None:
    before = NIGHT - timedelta(days=2)
    composed.run(
        f"insert into recommendations.recommendations select * replace (date '{before}' as night, "
        "case when rank = 1 then 'x' else item_id end as item_id) from recommendations.recommendations"
    )
    config = scenarios_with(min_jaccard=0.6)
    assert "no earlier published night" in gate_history.near_last_night(composed, config, night=NIGHT).sentence
    composed.run(
        "create table recommendations.publish_log (night date, version varchar, action varchar, rows bigint, gate varchar)"
    )
    composed.add(
        "recommendations.publish_log", {"night": before, "version": "v", "action": "publish", "rows": 1, "gate": ""}
    )
    finding = gate_history.near_last_night(composed, config, night=NIGHT)
    # of three items two are the same: 2 shared of 4 in all
    assert not finding.passed
    assert "home on shop-uk: 0.50, at least 0.6" in finding.sentence


def test_a_scenario_carried_by_fallback_levels_is_shown(composed) -> None:
    # bob has no list of his own: 3 of the 6 rows of known people are fallback
    assert gate_history.first_level_serves(composed, scenarios_with(max_fallback_share=0.99), night=NIGHT).passed
    finding = gate_history.first_level_serves(composed, scenarios_with(max_fallback_share=0.4), night=NIGHT)
    assert "home on shop-uk: 50% of rows from a fallback level, at most 40%" in finding.sentence


def test_lists_that_rest_on_old_facts_or_an_old_model_are_not_fresh_and_the_ages_are_told(composed) -> None:
    composed.add("interactions.interactions", {"event_date": NIGHT - timedelta(days=14)})
    finding = gate_history.fresh(composed, SCENARIOS, night=NIGHT)
    assert finding.passed
    assert "newest facts of shop-uk 14 days old" in finding.sentence
    composed.run("update interactions.interactions set event_date = event_date - 1")
    composed.run("update models.champions set version = '2026-02-01.abc' where task = 'similar'")
    composed.run(
        "update recommendations.recommendations set model_version = '2026-02-01.abc' where strategy = 'similar'"
    )
    finding = gate_history.fresh(composed, SCENARIOS, night=NIGHT)
    assert (finding.passed, finding.stops) == (False, True)
    assert "newest facts behind the lists of shop-uk: of 2026-02-23, 15 days before the night" in finding.sentence
    assert "oldest model (knn 2026-02-01.abc) behind the lists of shop-uk: of 2026-02-01" in finding.sentence


def test_a_site_that_nothing_happened_on_yet_may_be_published_and_says_so(composed) -> None:
    finding = gate_history.fresh(composed, SCENARIOS, night=NIGHT)
    assert finding.passed
    assert "no facts of shop-uk at all" in finding.sentence


def test_a_first_level_that_fills_nothing_is_told_whatever_the_limit(composed) -> None:
    composed.run(
        "update recommendations.recommendations set is_fallback = true where scenario_id = 'home' and level = 1"
    )
    finding = gate_history.first_level_serves(composed, SCENARIOS, night=NIGHT)
    assert (finding.passed, finding.stops) == (False, False)
    assert "home on shop-uk: 100% of rows from a fallback level: its first level fills nothing" in finding.sentence


def test_limits_that_stop_make_the_two_checks_against_earlier_nights_block(composed) -> None:
    before = NIGHT - timedelta(days=1)
    composed.run(
        "create table recommendations.publish_log as "
        f"select date '{before}' as night, 'v' as version, 'publish' as action, 1::bigint as rows, '' as gate; "
        f"insert into recommendations.recommendations select * replace (date '{before}' as night, 'x' as item_id, "
        "false as is_fallback) from recommendations.recommendations"
    )
    shown = scenarios_with(min_jaccard=0.5, max_fallback_share=0.4)
    stopping = scenarios_with(stop_jaccard=0.5, stop_fallback_share=0.4)
    for check in (gate_history.near_last_night, gate_history.first_level_serves):
        assert [check(composed, c, night=NIGHT).stops for c in (shown, stopping)] == [False, True]
        assert not check(composed, stopping, night=NIGHT).passed
    # bob's list is all fallback: half of the rows of known people, none the night before
    sentence = gate_history.first_level_serves(composed, stopping, night=NIGHT).sentence
    assert f"home on shop-uk: 50% of rows from a fallback level (0% on {before}), at most 40%" in sentence


def test_a_leak_is_told_with_gate_rule_scenario_subject_slot_and_item(composed) -> None:
    composed.run("update profiles.item_profiles set stock = 0 where item_id = 'k'")
    _plant(composed, "home", "ann", "k")
    message = gate.no_leak(composed, SCENARIOS, night=NIGHT).message
    assert message == "no leak: must not go out: sold out 1 (sold out: home on shop-uk, person ann, slot 1: k)"
