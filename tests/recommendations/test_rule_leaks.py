"""What merchandisers forbid, planted into a sound night one row at a time: the gate names the rule and the row."""

from datetime import timedelta
from typing import Any

import pytest

from perso_pipeline.recommendations.composer import compose
from perso_pipeline.recommendations.gate import no_leak
from perso_pipeline.recommendations.merchandising import Merchandising
from perso_pipeline.recommendations.scenarios import Scenarios
from tests.recommendations.sound_night import NIGHT, fill

NIKE = [{"attribute": "brand", "op": "is", "value": "nike"}]
RULES: dict[str, dict[str, Any]] = {
    "exclude": {"kind": "exclude", "where": NIKE},
    "include": {"kind": "include", "where": [{"attribute": "brand", "op": "is_not", "value": "nike"}]},
    "for a segment": {"kind": "exclude", "where": NIKE, "segments": ["gold"]},
    "on a site": {"kind": "exclude", "where": NIKE, "sites": ["shop-uk"]},
    "of a scenario": {"kind": "exclude", "where": NIKE, "scenarios": ["home"]},
}
ELSEWHERE: dict[str, dict[str, Any]] = {
    "for another segment": {"segments": ["lapsed"]},
    "on another site": {"sites": ["shop-de"]},
    "of another scenario": {"scenarios": ["more"]},
    "over": {"ends_on": NIGHT},
    "not yet": {"starts_on": NIGHT + timedelta(days=1)},
    "of what it is not": {"where": [*NIKE, {"attribute": "is_new", "op": "is", "value": True}]},
}


def scenarios(rule: dict[str, Any] | None = None, **of_each: Any) -> Scenarios:
    """Two lists of two slots for people, on one page, under at most one rule."""
    lists = [
        {
            "id": name, "name": name, "subject": "person", "size": 2, "sites": ["shop-uk"], "page_priority": n + 1,
            "levels": [{"strategy": "personal"}, {"strategy": "catalogue"}], "filters": ["sold_out"], **of_each,
        }
        for n, name in enumerate(("home", "more"))
    ]  # fmt: skip
    rules = [{"id": "no-nike", "name": "-", **rule}] if rule else []
    return Scenarios.model_validate({"scenarios": lists}).under(Merchandising.model_validate({"rules": rules}))


@pytest.fixture
def shop(copy_of):
    """The night of ``sound_night``, in which k, which no list shows, is of Nike and ann is gold."""

    def make(shop) -> None:
        fill(shop)
        shop.run("update profiles.item_profiles set brand = 'nike' where item_id = 'k'")
        shop.add("segments.segment_membership", {"person_id": "ann", "segment_id": "gold"})

    return copy_of("rule_leaks", make)


def _compose(shop, config: Scenarios) -> None:
    made = compose(shop, config, night=NIGHT).recommendations
    shop.write_partition("recommendations.recommendations", made, {"night": NIGHT})


def _plant(shop, item: str) -> None:
    shop.run(
        f"update recommendations.recommendations set item_id = '{item}' "
        "where scenario_id = 'home' and subject_id = 'ann' and rank = 1"
    )


@pytest.mark.parametrize("name", RULES)
def test_an_item_that_a_rule_forbids_is_named_with_the_rule(shop, name: str) -> None:
    config = scenarios(RULES[name])
    _compose(shop, config)
    assert no_leak(shop, config, night=NIGHT).passed
    _plant(shop, "k")
    finding = no_leak(shop, config, night=NIGHT)
    assert finding.sentence == "must not go out: rule no-nike 1 (rule no-nike: home on shop-uk, person ann, slot 1: k)"


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_rule_that_does_not_hold_there_and_then_forbids_nothing(shop, name: str) -> None:
    config = scenarios({"kind": "exclude", "where": NIKE, **ELSEWHERE[name]})
    _compose(shop, config)
    _plant(shop, "k")
    assert no_leak(shop, config, night=NIGHT).passed


def test_whoever_refused_to_be_told_apart_is_in_no_segment_of_a_rule(shop) -> None:
    config = scenarios(RULES["for a segment"])
    shop.run("update profiles.customer_profiles set has_personalization_consent = false where person_id = 'ann'")
    _compose(shop, config)
    _plant(shop, "k")
    assert no_leak(shop, config, night=NIGHT).passed


def test_an_item_that_stands_in_two_lists_of_a_page_is_named_with_both(shop) -> None:
    config = scenarios(page="front")
    _compose(shop, config)
    assert no_leak(shop, config, night=NIGHT).passed
    [(other,)] = shop.rows(
        "select item_id from recommendations.recommendations where scenario_id = 'more' and subject_id = 'ann' and rank = 2"
    )
    _plant(shop, other)
    said = no_leak(shop, config, night=NIGHT).sentence
    assert "twice on a page 2" in said
    assert f"twice on a page: home on shop-uk, person ann, slot 1: {other}" in said
    assert f"more on shop-uk, person ann, slot 2: {other}" in said
    assert no_leak(shop, scenarios(), night=NIGHT).passed, "without a page the lists do not look at one another"
