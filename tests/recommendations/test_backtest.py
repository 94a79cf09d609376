from datetime import date, timedelta
from decimal import Decimal

import pytest

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.recommendations.backtest import backtest, nights_between, over_nights
from perso_pipeline.recommendations.merchandising import Merchandising
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
    shop.run("alter table profiles.item_profiles add column net_28d decimal(18,4)")
    shop.run("alter table profiles.item_profiles add column currency varchar")
    shop.run("alter table interactions.order_movements add column request_id varchar")
    shop.run(
        "create table interactions.served_lists (request_id varchar, site_id varchar, scenario_id varchar, "
        "variant varchar, visitor_id varchar, customer_id varchar, event_date date, item_ids varchar[], "
        "is_robot boolean, known_on date)"
    )
    for n, item in enumerate("ABCD"):
        shop.add(
            "profiles.item_profiles",
            {
                "item_id": item,
                "name": f"Item {item}",
                "price": 10 * (n + 1),
                "unit_cost": 5,
                "units_28d": 40 - 10 * n,
                "net_28d": 400,
                "currency": "GBP",
                "purchases_28d": 40 - 10 * n,
                "views_28d": n,
            },
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


@pytest.mark.parametrize(
    "part", [{}, {"exploration": {"share": 0.5}}, {"allocation": {"pieces_per_list": 2, "spare": 2}}], ids=str
)
def test_the_same_config_changes_nothing(night, part):
    night.add("models.cold_items", {"item_id": "D"})
    same = backtest(night, config(**part), config(**part), night=NIGHT)
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


def test_a_rule_that_buries_the_best_seller_is_flagged(night):
    # popularity by views alone: A, sold most and seen least, goes from the first slot of the catalogue to beyond the last
    catalogue = {"levels": [{"strategy": "catalogue"}]}
    present = Scenarios.model_validate({"scenarios": [HOME | catalogue]})
    buried = Scenarios.model_validate(
        {"scenarios": [HOME | catalogue], "popularity": {"purchases": 0, "cart_adds": 0, "views": 1}}
    )
    findings = backtest(night, present, buried, night=NIGHT).findings
    assert "home on shop-uk: the best seller Item A (A, 40 pieces in 28 days) goes from 3 slots to 0." in findings


def test_a_merchandising_rule_that_buries_the_best_seller_is_flagged(night):
    present = Scenarios.model_validate({"scenarios": [HOME | {"levels": [{"strategy": "catalogue"}]}]})
    cheap = [{"attribute": "price", "op": "less_than", "value": 15}]  # A, the best seller, alone
    bury = {"kind": "bury", "id": "cheap-down", "name": "Dear things first", "positions": 9, "where": cheap}
    result = backtest(night, present, present.under(Merchandising.model_validate({"rules": [bury]})), night=NIGHT)
    assert (
        "home on shop-uk: the best seller Item A (A, 40 pieces in 28 days) goes from 3 slots to 0." in result.findings
    )
    assert backtest(night, present, present.under(Merchandising()), night=NIGHT).changes.num_rows == 0


def _sell(night, pieces: int) -> None:
    """A list of a known person, served two days ago, whose first slot sold ``pieces``."""
    night.add("identity.identity_map", {"identifier": "customer:1", "person_id": "p1"})
    night.add("interactions.served_lists", {
        "request_id": "r1", "site_id": "shop-uk", "scenario_id": "home", "variant": "treatment", "customer_id": "1",
        "event_date": NIGHT - timedelta(days=2), "item_ids": ["A", "B", "C"], "is_robot": False, "known_on": NIGHT,
    })  # fmt: skip
    night.add("interactions.order_movements", {"request_id": "r1", "item_id": "A", "quantity": pieces})


def test_exposure_in_money_is_what_slots_sold_at_the_prices_they_show(night):
    [home] = backtest(night, config(size=1), config(size=1), night=NIGHT).totals.to_pylist()
    assert home["revenue_before"] is None, "no order names a list of the scenario"
    _sell(night, 6)
    night.run("delete from models.candidates where subject_id = 'p2' and item_id = 'B'")
    [home] = backtest(night, config(size=1), config(size=1), night=NIGHT).totals.to_pylist()
    # 6 pieces a day from the first slots of two lists, which show A at 10 and C at 30: 3 x 10 + 3 x 30; cost 5 each
    assert (home["currency"], home["revenue_before"], home["margin_money_after"]) == ("GBP", Decimal(120), Decimal(90))


def test_revenue_of_items_that_vanish_is_told(night):
    [home] = backtest(night, config(), config(size=2), night=NIGHT).totals.to_pylist()
    assert home["dropped_net_28d"] == Decimal(400)  # D


def test_several_nights_are_added_up(night):
    night.run("insert into models.candidates select * replace (night + 1 as night) from models.candidates")
    night.run("insert into models.champions select * replace (night + 1 as night) from models.champions")
    for table in ("item_profiles", "customer_profiles"):
        night.run(f"insert into profiles.{table} select * replace (night + 1 as night) from profiles.{table}")
    nights = nights_between(night, None, None, newest=2)
    assert nights == [NIGHT, NIGHT + timedelta(days=1)]
    [home] = over_nights([backtest(night, config(), config(size=2), night=n) for n in nights]).to_pylist()
    assert (home["nights"], home["changed_nights"], home["slots"]) == (2, 2, 12)
    assert home["changed_slots"] == 4
    assert home["revenue_before"] is None


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
    assert nights_between(night, None, None, newest=5) == [NIGHT, NIGHT + 2 * day]
    with pytest.raises(PersoError, match="give one of --from and --nights"):
        nights_between(night, NIGHT, None, newest=2)


def test_a_night_without_candidates_is_refused_in_a_sentence(night):
    with pytest.raises(PersoError, match=f"has candidates to compose from; there are some from {NIGHT} to {NIGHT}"):
        nights_between(night, None, NIGHT - timedelta(days=1))
    for fault in ("delete from models.candidates", "drop table models.candidates"):
        night.run(fault)
        with pytest.raises(PersoError, match="no night was run to its end yet"):
            nights_between(night, None, None)
