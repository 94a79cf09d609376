"""Readiness of a night small enough to count."""

from datetime import date

import pytest

from perso_pipeline.recommendations.readiness.measure import EVENTS, Group, judge, measure_readiness
from perso_pipeline.recommendations.scenarios import Scenario, Strategy
from tests.recommendations.readiness.conftest import NIGHT, SCENARIOS


def rows(shop) -> dict[tuple[str, str], dict]:
    found = measure_readiness(shop, SCENARIOS, night=NIGHT).to_pylist()
    return {(row["scenario_id"], row["segment_id"]): row for row in found}


def test_every_scenario_and_segment_has_its_row(composed) -> None:
    assert list(rows(composed)) == [
        ("home", "*"), ("home", "everyone-else"), ("home", "loyal"), ("product", "*"), ("search", "*"),
    ]  # fmt: skip


def test_shares_are_of_the_lists_of_known_subjects(composed) -> None:
    # Ann: b and e of her own (x is sold out, d she blocked). Bob: a and b of the catalogue. Everybody unknown's is not in.
    home = rows(composed)["home", "*"]
    assert (home["lists"], home["slots"], home["filled"], home["items_shown"]) == (2, 4, 4, 3)
    assert (home["first_level_share"], home["variety"], home["events_ready"]) == (0.5, 1.0, 1.0)
    assert (home["strategies"], home["strategy_shares"]) == (["personal", "catalogue"], [0.5, 0.5])
    assert (home["readiness"], home["verdict"]) == (50.0, "less ready")
    assert home["reason"] == "Only 50% of the slots are filled by 'personal'; instead come catalogue 50%."


def test_a_segment_speaks_for_its_people(composed) -> None:
    assert rows(composed)["home", "loyal"]["readiness"] == 100.0
    assert rows(composed)["home", "everyone-else"]["readiness"] == 0.0


def test_missing_events_hold_a_scenario_back(composed) -> None:
    # 'mug' has c of its own and a of the catalogue; search_request is missing, order_placed and item_upserted are there
    search = rows(composed)["search", "*"]
    assert search["lists"] == 1
    assert search["missing_events"] == ["search_request"]
    assert search["events_ready"] == pytest.approx(2 / 3)
    assert search["readiness"] == 50.0  # the first level fills one of two


def scenario(**more) -> Scenario:
    whole = {"id": "home", "name": "Home", "subject": "person", "size": 4, "levels": [{"strategy": "personal"}]}
    return Scenario.model_validate(whole | more)


READY = {"product_view": "ready", "item_upserted": "ready"}


@pytest.mark.parametrize(
    ("group", "statuses", "readiness", "said"),
    [
        (Group(10, 10, 20, {"personal": 40}, {}), READY, 100.0, "'personal' fills 100% of the slots, 100% of the lists differ"),
        (Group(10, 3, 9, {"personal": 40}, {}), READY, 30.0, "Only 30% of the lists differ"),
        (Group(1, 1, 4, {"personal": 4}, {}), READY, 100.0, "the events arrive"),  # a single list cannot repeat another
        (Group(10, 10, 20, {"personal": 40}, {}), {"product_view": "few"}, 50.0, "Too little arrives of product_view"),
        (Group(10, 10, 20, {"personal": 40}, {}), {}, 0.0, "Too little arrives of product_view"),
        (Group(10, 10, 9, {"personal": 10}, {}), READY, 25.0, "the rest stays empty"),
        (Group(10, 10, 9, {"personal": 10}, {"popular": 20, "catalogue": 10}), READY, 25.0, "instead come popular 50%, catalogue 25%"),
        (Group(10, 1, 0, {}, {}), READY, 0.0, "the rest stays empty"),
    ],
)  # fmt: skip
def test_the_weakest_of_three_decides_and_is_named(group, statuses, readiness, said) -> None:
    judged = judge(scenario(), group, statuses)
    assert judged["readiness"] == readiness
    assert said in judged["reason"]


def test_slots_given_away_to_learn_count_as_served() -> None:
    made = judge(scenario(exploration={"share": 0.25}), Group(1, 1, 4, {"personal": 3, "exploration": 1}, {}), READY)
    assert made["readiness"] == 100.0
    assert made["strategies"] == ["personal", "exploration"]


def test_every_strategy_says_which_events_it_needs() -> None:
    assert set(EVENTS) == set(Strategy)


def test_a_night_without_lists_has_no_rows(composed) -> None:
    assert measure_readiness(composed, SCENARIOS, night=date(2026, 3, 9)).num_rows == 0
