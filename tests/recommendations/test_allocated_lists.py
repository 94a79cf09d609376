"""Allocation in the night: what people's lists promise together stays within the stock of each item."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.recommendations.allocated_lists import comparable
from perso_pipeline.recommendations.composer import Composition, compose
from perso_pipeline.recommendations.gate import no_leak
from perso_pipeline.recommendations.scenarios import Scenarios
from perso_pipeline.recommendations.slot_demand import OWN, UNKNOWN, Served, expected_pieces, served

NIGHT = date(2026, 3, 10)
PEOPLE = [f"p{n}" for n in range(6)]


def scenarios(allocation: dict[str, Any] | None, **changes: Any) -> Scenarios:
    home = {
        "id": "home", "name": "Home", "subject": "person", "size": 2,
        "levels": [{"strategy": "personal"}, {"strategy": "catalogue"}], "filters": ["sold_out", "bought"],
        "allocation": allocation,
    }  # fmt: skip
    return Scenarios.model_validate({"scenarios": [home | changes]})


@pytest.fixture
def night(copy_of):
    """Six people who all like A best, B next; C to J are there besides. Of A there are 4 pieces, of B 6, of the rest 99."""
    return copy_of("allocation", _fill)


def _fill(shop) -> None:
    shop.run("alter table interactions.order_movements add column request_id varchar")
    shop.run(
        "create table interactions.served_lists (request_id varchar, site_id varchar, scenario_id varchar, "
        "variant varchar, visitor_id varchar, customer_id varchar, event_date date, item_ids varchar[], "
        "is_robot boolean, known_on date)"
    )
    shop.add("profiles.item_profiles", *(
        {"item_id": i, "stock": {"A": 4, "B": 6}.get(i, 99), "purchases_28d": 9 - n} for n, i in enumerate("ABCDEFGHIJ")
    ))  # fmt: skip
    shop.add("models.champions", {"task": "personal", "model": "als"})
    for n, person in enumerate(PEOPLE):
        shop.add("profiles.customer_profiles", {"person_id": person})
        shop.add("models.candidates", *(
            {"task": "personal", "model": "als", "subject_type": "person", "subject_id": person, "item_id": item,
             "score": score} for item, score in (("A", 1.0), ("B", 0.1 + 0.1 * n), ("C", 0.1))
        ))  # fmt: skip


def lists(made: Composition) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in made.recommendations.to_pylist():
        found[row["subject_id"]] = found.get(row["subject_id"], "") + row["item_id"]
        assert row["rank"] == len(found[row["subject_id"]])
    return found


# 1 piece from every list a day: by place 1 / log2(rank + 1) as shares, 0.61 of the first slot and 0.39 of the second
ONE_EACH = {"pieces_per_list": 1, "unknown_lists": 0, "spare": 4}


def test_without_allocation_everybody_is_promised_the_same(night) -> None:
    made = compose(night, scenarios(None), night=NIGHT)
    assert lists(made) == dict.fromkeys(["*", *PEOPLE], "AB")
    assert (made.allocations.num_rows, made.allocated_items.num_rows) == (0, 0)


def test_who_would_miss_a_scarce_item_least_goes_without_and_says_so(night) -> None:
    made = compose(night, scenarios(ONE_EACH | {"factor": 0.5}), night=NIGHT)
    # 2 pieces of A at 0.61 reach for 3 lists: those whose next candidate is worth least; the other three begin with B,
    # of which there are 3 pieces: 3 x 0.61 and then, a millionth short, 2 x 0.39: p0 has C, worth as much to it as B;
    # everybody unknown is expected to buy nothing
    assert lists(made) == {"*": "AB", "p0": "AC", "p1": "AB", "p2": "AB", "p3": "BC", "p4": "BC", "p5": "BC"}
    refused = [(r["subject_id"], r["rule"], r["item_id"]) for r in made.rejections.to_pylist()]
    assert refused == [("p0", "allocation", "B"), *((p, "allocation", "A") for p in ("p3", "p4", "p5"))]
    assert made.trace["rules"][0].as_py() == ["sold_out", "bought", "allocation"]
    assert made.trace.drop(["origin_items", "rules", "rule_ids", "propensity"]).equals(
        made.recommendations.select(
            ["night", "site_id", "scenario_id", "subject_type", "subject_id", "rank", "item_id"]
        )
    )
    [summary] = made.allocations.to_pylist()
    assert (summary["lists"], summary["changed_lists"]) == (7, 4)
    # before 6 x 0.61 + 0.39 x (0.1 + .. + 0.6) = 4.49; after 0.61 x (3 + 0.4 + 0.5 + 0.6) + 0.39 x (0.2 + 0.3 + 4 x 0.1)
    assert summary["value_loss"] == pytest.approx(0.308, abs=0.001)
    assert 0 <= summary["most_to_win"] < 0.1
    # three lose A (1.0) and gain C (0.1); p0 has C (0.1) for B (0.1)
    assert summary["first_level_score_before"] - summary["first_level_score_after"] == pytest.approx(3 * 0.9)
    items = {row["item_id"]: row for row in made.allocated_items.to_pylist()}
    assert set(items) == {"A", "B"}
    assert (items["A"]["stock"], items["A"]["may_promise"], items["A"]["lists_refused"]) == (4, 2.0, 3)
    assert items["A"]["wanted"] == pytest.approx(6 * 0.6131, abs=1e-3)
    assert items["A"]["promised"] == pytest.approx(3 * 0.6131, abs=1e-3)


def test_the_list_of_everybody_unknown_counts_as_often_as_it_is_served(night) -> None:
    made = compose(night, scenarios(ONE_EACH | {"unknown_lists": 50}), night=NIGHT)
    # 50 x 0.61 pieces of A or of B are not there; C and D are in stock with 99
    assert lists(made)["*"] == "CD"


def test_a_list_that_allocation_leaves_short_says_why(night) -> None:
    night.run("update profiles.item_profiles set stock = 0 where item_id not in ('A', 'B')")
    made = compose(night, scenarios(ONE_EACH | {"factor": 0.1}), night=NIGHT)
    # 0.4 pieces of A and 0.6 of B: neither covers a first slot of 0.61
    short = {row["subject_id"]: (row["filled"], row["size"], row["reason"]) for row in made.short_lists.to_pylist()}
    assert short["p0"] == (0, 2, "the levels offer 2 that may be shown; taken off: sold_out 8, allocation 2")
    assert set(lists(made)) == {"*"}


def test_scenarios_of_a_site_share_its_stock(night) -> None:
    config = scenarios(ONE_EACH)
    twice = config.model_copy(
        update={"scenarios": (config.scenarios[0], config.scenarios[0].model_copy(update={"id": "again"}))}
    )
    made = compose(night, twice, night=NIGHT)
    by_rank = {1: 0.6131471927654584, 2: 0.38685280723454163}
    promised = Counter()
    for row in made.recommendations.to_pylist():
        if row["subject_type"] == "person":
            promised[row["item_id"]] += by_rank[row["rank"]]
    assert promised["A"] <= 4
    assert promised["B"] <= 6
    assert promised["A"] + promised["B"] > 9


def test_the_night_in_parts_is_the_same_night(night) -> None:
    config = scenarios(ONE_EACH)
    whole, parts = (compose(night, config, night=NIGHT, subjects_at_once=n) for n in (1_000, 2))
    assert whole.recommendations.equals(parts.recommendations)
    assert whole.rejections.equals(parts.rejections)
    assert whole.allocated_items.equals(parts.allocated_items)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_people_like_promises_stay_within_stock_and_lists_hold_nothing_filtered(night, seed: int) -> None:
    rng = np.random.default_rng(seed)
    night.run("delete from models.candidates")
    for person in PEOPLE:
        night.add("models.candidates", *(
            {"task": "personal", "model": "als", "subject_type": "person", "subject_id": person, "item_id": item,
             "score": float(rng.random())} for item in rng.permutation(list("ABCDEFGHIJ"))[:5]
        ))  # fmt: skip
        night.add("identity.identity_map", {"identifier": f"customer:{person}", "person_id": person})
        night.add("interactions.order_movements", {
            "identifier": f"customer:{person}", "item_id": str(rng.choice(list("ABC"))), "order_id": person,
        })  # fmt: skip
    night.run("update profiles.item_profiles set stock = stock % 5")
    made = compose(night, scenarios(ONE_EACH | {"factor": 0.7, "unknown_lists": 2}, size=3), night=NIGHT)
    [summary] = made.allocations.to_pylist()
    demand = {"person": summary["own_slot_pieces"], "anyone": summary["unknown_slot_pieces"]}
    stock = dict(night.rows("select item_id, stock from profiles.item_profiles"))
    bought = set(night.rows("select identifier, item_id from interactions.order_movements"))
    promised = Counter()
    for row in made.recommendations.to_pylist():
        promised[row["item_id"]] += demand[row["subject_type"]][row["rank"] - 1]
        assert (f"customer:{row['subject_id']}", row["item_id"]) not in bought
    assert all(pieces <= 0.7 * stock[item] for item, pieces in promised.items())
    for items in lists(made).values():
        assert len(set(items)) == len(items)
    free = compose(night, scenarios(None, size=3), night=NIGHT)
    assert [r for r in made.rejections.to_pylist() if r["rule"] != "allocation"] == free.rejections.to_pylist()


def test_what_slots_sold_is_counted_from_orders_that_name_their_list_as_known_on_the_night(night) -> None:
    def serve(request: str, day: date = NIGHT, **more: Any) -> None:
        night.add("interactions.served_lists", {
            "request_id": request, "site_id": "shop-uk", "scenario_id": "home", "variant": "treatment",
            "visitor_id": "v", "customer_id": None, "event_date": day, "item_ids": ["A", "B"], "is_robot": False,
            "known_on": day, **more,
        })  # fmt: skip

    def order(request: str, item: str, **more: Any) -> None:
        night.add("interactions.order_movements", {"request_id": request, "item_id": item, "order_id": request, **more})

    night.add("identity.identity_map", {"identifier": "customer:0", "person_id": "p0"})
    serve("own", customer_id="0")
    serve("own, a day before", day=NIGHT - timedelta(days=1), customer_id="0")
    serve("unknown")
    serve("robot", is_robot=True)
    serve("held back", variant="control")
    serve("long ago", day=NIGHT - timedelta(days=28))
    serve("elsewhere", scenario_id="cart")
    for request in ("own, a day before", "unknown", "robot", "held back", "long ago", "elsewhere"):
        order(request, "B")
    order("own", "A", quantity=3)
    order("own", "C")  # not in the list
    order("unknown", "A", known_on=NIGHT + timedelta(days=1))
    [(site, found)] = served(night, "home", night=NIGHT, window_days=28, slots=2).items()
    assert (site, found.days, found.own_lists) == ("shop-uk", 2, 6)
    assert found.pieces.tolist() == [[3, 1], [0, 1]]


def test_measured_and_stated_demand_are_weighed_by_pieces_and_never_rise_with_the_slot() -> None:
    # 10 days x 30 lists sold 60 pieces, all from the second slot; stated are 0.1 a list, which count as 300 list days
    sold = Served(days=10, own_lists=30, pieces=np.array([[0.0, 60.0], [5.0, 0.0]]))
    demand = expected_pieces(sold, pieces_per_list=0.1, unknown_lists=0, cover_days=2)
    # 0.15 pieces a list and day in all; the first slot is not taken for the worse one
    assert demand[OWN] == pytest.approx([0.15, 0.15])
    assert demand[UNKNOWN] == pytest.approx([1.0, 0.0])  # 5 pieces in 10 days, for 2 days
    unmeasured = Served(days=0, own_lists=0, pieces=np.zeros((2, 2)))
    stated = expected_pieces(unmeasured, pieces_per_list=0.1, unknown_lists=20, cover_days=1)
    assert stated.sum(axis=1) == pytest.approx([0.1, 2.0])


def test_scores_of_levels_and_lists_are_brought_to_one_scale() -> None:
    value = comparable(
        np.array([0, 0, 0, 0, 1, 1]), np.array([1, 1, 2, 2, 1, 1]), np.array([8.0, 4.0, 900.0, 90.0, 0.0, -1.0])
    )
    # half of the best of its level; a lower level never for more than what stands before it; no best, no worth
    assert value == pytest.approx([1.0, 0.5, 0.5, 0.1, 0.0, 0.0])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"subject": "item", "levels": [{"strategy": "catalogue"}], "filters": []},
            "it needs subject person, not item",
        ),
        ({"exploration": {"share": 0.1}}, "'allocation' and 'exploration' cannot stand in one scenario"),
    ],
)
def test_allocation_where_it_cannot_hold_is_refused(changes, said: str) -> None:
    with pytest.raises((ConfigError, ValueError), match=said):
        scenarios(ONE_EACH, **changes)


def test_the_gate_counts_promises_anew_and_names_the_rows_of_an_item_promised_too_often(night) -> None:
    config = scenarios(ONE_EACH)
    made = compose(night, config, night=NIGHT)
    night.write_partition("recommendations.recommendations", made.recommendations, {"night": NIGHT})
    night.write_partition("recommendations.allocations", made.allocations, {"night": NIGHT})
    assert no_leak(night, config, night=NIGHT).passed
    # six lists were given B while there were 6 pieces of it; now there is one
    night.run("update profiles.item_profiles set stock = 1 where item_id = 'B'")
    finding = no_leak(night, config, night=NIGHT)
    assert not finding.passed
    assert {(r["rule"], r["item_id"]) for r in finding.rows.to_pylist()} == {("promised beyond stock", "B")}
    night.run("delete from recommendations.allocations")
    assert "promise not counted" in no_leak(night, config, night=NIGHT).sentence
