from datetime import date, timedelta

import pytest

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.recommendations.backtest import backtest, nights_between
from perso_pipeline.recommendations.scenarios import Scenarios

NIGHT = date(2026, 3, 10)
HOME = {"id": "home", "name": "Home", "subject": "person", "size": 3, "levels": [{"strategy": "personal"}]}


def config(**changes):
    return Scenarios.model_validate({"scenarios": [HOME | changes]})


@pytest.fixture
def night(shop):
    """Four items A to D, sold 40, 30, 20 and 10 times; two people with the lists A B C and B C D."""
    shop.run("alter table profiles.item_profiles add column unit_cost decimal(18,4)")
    shop.run("alter table profiles.item_profiles add column units_28d bigint")
    for n, item in enumerate("ABCD"):
        shop.add(
            "profiles.item_profiles",
            {"item_id": item, "name": f"Item {item}", "price": 10 * (n + 1), "unit_cost": 5, "units_28d": 40 - 10 * n},
        )
    shop.add("profiles.customer_profiles", {"person_id": "p1"}, {"person_id": "p2"})
    shop.add("models.champions", {"task": "personal", "model": "als"})
    for person, items in (("p1", "ABC"), ("p2", "BCD")):
        for rank, item in enumerate(items, start=1):
            shop.add(
                "models.candidates",
                {"task": "personal", "model": "als", "subject_type": "person", "subject_id": person, "rank": rank,
                 "item_id": item, "score": 4.0 - rank},
            )  # fmt: skip
    return shop


def of_people(table):
    return [row for row in table.to_pylist() if row["subject_type"] == "person"]


def test_the_same_config_changes_nothing(night):
    same = backtest(night, config(), config(), night=NIGHT)
    assert (same.changes.num_rows, same.items.num_rows, same.findings) == (0, 0, ())
    [home] = same.totals.to_pylist()
    assert (home["changed_slots"], home["changed_lists"]) == (0, 0)
    assert home["slots_before"] == home["slots_after"] > 0
    assert home["fill_before"] == home["fill_after"]


def test_every_slot_that_differs_is_told(night):
    shorter = backtest(night, config(), config(size=2), night=NIGHT)
    assert [
        (row["subject_id"], row["rank"], row["item_before"], row["item_after"]) for row in of_people(shorter.changes)
    ] == [
        ("p1", 3, "C", None),
        ("p2", 3, "D", None),
    ]
    [home] = shorter.totals.to_pylist()
    assert home["items_dropped"] == 1  # D; C stays on the other list
    moved = {row["item_id"]: row for row in shorter.items.to_pylist()}
    assert (moved["D"]["slots_before"], moved["D"]["slots_after"]) == (1, 0)
    assert moved["C"]["slots_before"] - moved["C"]["slots_after"] == 1


def test_a_best_seller_that_vanishes_is_told(night):
    night.run("update profiles.item_profiles set stock = 0 where item_id = 'A'")
    filtered = backtest(night, config(), config(filters=["sold_out"]), night=NIGHT)
    assert any(
        "the best seller Item A (A, 40 pieces in 28 days) goes from 1 slots to 0" in finding
        for finding in filtered.findings
    )


def test_a_config_that_its_gate_would_stop_is_told(night):
    night.run("update profiles.item_profiles set stock = 0 where item_id in ('B', 'C', 'D')")
    findings = backtest(night, config(), config(filters=["sold_out"]), night=NIGHT).findings
    assert any("fewer than the 95.0 % of its gate" in finding for finding in findings)


def test_exposure_weighs_a_slot_by_its_place(night):
    [home] = backtest(night, config(size=1), config(size=1), night=NIGHT).totals.to_pylist()
    assert home["price_before"] == pytest.approx(15.0)  # A at 10 and B at 20, both first
    assert home["margin_before"] == pytest.approx(10.0)


def test_a_scenario_that_is_left_out_is_told(night):
    both = Scenarios.model_validate({"scenarios": [HOME, HOME | {"id": "start"}]})
    result = backtest(night, both, config(), night=NIGHT)
    assert result.findings == ("start on shop-uk: is made no more.",)


def test_nights_are_those_that_can_be_composed_again(night):
    day = timedelta(days=1)
    night.add("models.candidates", {"night": NIGHT + 2 * day, "task": "personal", "model": "als", "item_id": "A"})
    assert nights_between(night, None, None) == [NIGHT + 2 * day]
    assert nights_between(night, NIGHT, None) == [NIGHT, NIGHT + 2 * day]
    assert nights_between(night, None, NIGHT) == [NIGHT]


def test_a_night_without_candidates_is_refused_in_a_sentence(night):
    with pytest.raises(PersoError, match=f"has candidates to compose from; there are some from {NIGHT} to {NIGHT}"):
        nights_between(night, None, NIGHT - timedelta(days=1))
    night.run("delete from models.candidates")
    with pytest.raises(PersoError, match="no night was run to its end yet"):
        nights_between(night, None, None)
