"""From served lists to an estimate of other lists: what is joined, and that the known truth is found."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from perso_pipeline.measurement.off_policy import ESTIMATORS
from perso_pipeline.measurement.policy_estimates import policy_estimates
from perso_pipeline.recommendations.backtest import backtest
from perso_pipeline.recommendations.composer import compose
from perso_pipeline.recommendations.scenarios import Scenarios
from perso_pipeline.recommendations.served_slots import served_slots

NIGHT = date(2026, 3, 10)
SERVED_ON = NIGHT + timedelta(days=1)
PEOPLE = 400
OLD, NEW = "ABCD", "VWXYZ"
CHANCE = {"A": 0.10, "B": 0.15, "C": 0.20, "D": 0.25, "V": 0.05, "W": 0.30, "X": 0.40, "Y": 0.10, "Z": 0.02}


def config(*levels: str, **changes: Any) -> Scenarios:
    home = {
        "id": "home", "name": "Home", "subject": "person", "size": 3, "levels": [{"strategy": level} for level in levels],
        "exploration": {"share": 0.5}, "gate": {"min_fill": 0},
    }  # fmt: skip
    return Scenarios.model_validate({"scenarios": [home | changes]})


PRESENT, OTHER = config("personal"), config("recently_added", "personal", exploration=None)


@pytest.fixture
def night(copy_of):
    return copy_of("served", _fill)


def _fill(shop) -> None:
    for column in ("price decimal(18,4)", "unit_cost decimal(18,4)", "net_28d decimal(18,4)", "units_28d bigint"):
        shop.run(f"alter table profiles.item_profiles add column if not exists {column}")
    shop.run("alter table profiles.item_profiles add column if not exists currency varchar")
    shop.run("alter table interactions.order_movements add column if not exists request_id varchar")
    shop.run(
        "create table interactions.served_lists (request_id varchar, site_id varchar, scenario_id varchar, "
        "variant varchar, visitor_id varchar, customer_id varchar, event_date date, item_ids varchar[], "
        "is_robot boolean, known_on date); "
        "create or replace table interactions.recommendation_requests (request_id varchar, slot bigint, site_id varchar, "
        "scenario_id varchar, variant varchar, identifier varchar, item_id varchar, context_item_id varchar, "
        "model_version varchar, event_date date, is_clicked boolean, is_ordered boolean, is_robot boolean, known_on date)"
    )
    shop.add("profiles.item_profiles", *({"item_id": item, "name": item} for item in OLD + NEW))
    shop.add("models.cold_items", *({"item_id": item} for item in NEW))
    shop.add("models.champions", {"task": "personal", "model": "als"})
    # W and X are the newest: the other config shows them to everybody first
    shop.add("models.candidates", *(
        {"task": "new", "model": "recently_added", "subject_type": "anyone", "subject_id": "*", "item_id": item,
         "score": 1.0} for item in "WX"
    ))  # fmt: skip
    shop.run(
        f"insert into profiles.customer_profiles by name select date '{NIGHT}' as night, 'shop-uk' as site_id, "
        f"'p' || n as person_id from range({PEOPLE}) as t(n); "
        f"insert into identity.identity_map by name select 'customer:' || n as identifier, 'p' || n as person_id, "
        f"date '{NIGHT}' as known_on from range({PEOPLE}) as t(n); "
        f"insert into models.candidates by name select date '{NIGHT}' as night, 'shop-uk' as site_id, "
        "'personal' as task, 'als' as model, '1' as version, 'main' as submodel, '*' as submodel_group, "
        "'person' as subject_type, 'p' || n as subject_id, item as item_id, ((hash(item || n) % 100) / 100.0)::double as score "
        f"from range({PEOPLE}) as t(n), (select unnest(string_split('A,B,C,D', ',')) as item)"
    )
    lists = compose(shop, PRESENT, night=NIGHT)
    shop.write_partition("recommendations.recommendations", lists.recommendations, {"night": NIGHT})
    shop.write_partition("recommendations.recommendation_trace", lists.trace, {"night": NIGHT})


def serve(shop, *, seed: int = 1, times: int = 3) -> None:
    """Every list some times on the day after, clicked by each item's own chance."""
    rng = np.random.default_rng(seed)
    rows = shop.query(
        "select subject_id, rank, item_id from recommendations.recommendation_trace where subject_type = 'person' order by all"
    ).to_pylist()
    served = [
        {
            "request_id": f"{row['subject_id']} {n}", "slot": row["rank"], "site_id": "shop-uk", "scenario_id": "home",
            "variant": "treatment", "identifier": f"customer:{row['subject_id'][1:]}", "item_id": row["item_id"],
            "model_version": "als", "event_date": SERVED_ON, "is_clicked": bool(rng.random() < CHANCE[row["item_id"]]),
            "is_ordered": False, "is_robot": False,
        }
        for row in rows for n in range(times)
    ]  # fmt: skip
    shop.write_partition("interactions.served_now", pa.Table.from_pylist(served), {"event_date": SERVED_ON})
    shop.run("insert into interactions.recommendation_requests by name from interactions.served_now")
    shop.run("insert into interactions.served_lists by name select distinct event_date from interactions.served_now")


def truth(shop, scenarios: Scenarios) -> float:
    """Mean chance of what people's lists hold before exploring."""
    plain = scenarios.scenarios[0].model_copy(update={"exploration": None})
    lists = compose(shop, scenarios.model_copy(update={"scenarios": (plain,)}), night=NIGHT).recommendations.to_pylist()
    return float(np.mean([CHANCE[row["item_id"]] for row in lists if row["subject_type"] == "person"]))


def estimates(shop, other: Scenarios) -> dict[tuple[str, str, str], dict[str, Any]]:
    result = backtest(shop, PRESENT, other, night=NIGHT)
    rows = policy_estimates(result.served, [("home", "shop-uk")]).to_pylist()
    return {(row["outcome"], row["policy"], row["estimator"]): row for row in rows}


def test_every_slot_served_has_its_chance_and_what_both_configs_would_show(night) -> None:
    serve(night, times=1)
    slots = served_slots(night, night=NIGHT).to_pylist()
    assert len(slots) == 3 * PEOPLE
    assert {row["propensity"] for row in slots} == {0.5, 0.1}  # half of the slots go to one of five items
    assert all((row["item_id"] == row["kept_item_id"]) == (row["propensity"] == 0.5) for row in slots)
    both = backtest(night, PRESENT, OTHER, night=NIGHT).served.to_pylist()
    assert all(row["before_item_id"] == row["kept_item_id"] for row in both)
    assert {row["after_item_id"] for row in both if row["slot"] < 3} == {"W", "X"}
    # the third slot holds the best of the old list, which stood in the first: only where the chance of another is known
    assert all(row["after_had_chance"] for row in both if row["slot"] < 3)
    assert not any(row["after_had_chance"] for row in both if row["slot"] == 3)


def test_the_known_click_rate_of_other_lists_lies_in_the_interval(night) -> None:
    serve(night, times=6)
    other = config("recently_added", "personal", exploration=None, size=2)
    found = estimates(night, other)
    for estimator in ESTIMATORS:
        new = found["click rate", "other", estimator]
        assert new["low"] <= 0.35 <= new["high"], "W and X at 0.3 and 0.4"
        assert new["high"] - new["low"] < 0.2
        assert new["support"] == 1
        assert found["click rate", "difference", estimator]["low"] > 0, "surely better than the old items"
    # the present lists of the first two slots
    assert truth(night, config("personal", size=2)) == pytest.approx(
        found["click rate", "present", "snips"]["value"], abs=0.03
    )
    assert "Only 0 slots that it would fill the same were rewarded" in found["order rate", "other", "ips"]["reason"]


def test_lists_of_items_that_had_no_chance_are_not_estimated(night) -> None:
    serve(night)
    reason = estimates(night, OTHER)["click rate", "other", "snips"]["reason"]
    assert "33.3% of the slots hold an item that had no chance to stand there" in reason


def test_slots_that_do_not_hold_what_the_lists_say_are_not_trusted(night) -> None:
    serve(night)
    night.run("update interactions.recommendation_requests set item_id = 'A' where slot = 1")
    reason = estimates(night, OTHER)["click rate", "other", "ips"]["reason"]
    assert "of the slots served do not hold what the night's lists have there, at most 5%" in reason


def test_a_scenario_that_explores_nothing_says_so(night) -> None:
    serve(night)
    night.run("update recommendations.recommendation_trace set propensity = null")
    assert (
        "the scenario explores nothing, is for carts, or was not served"
        in estimates(night, OTHER)["click rate", "other", "ips"]["reason"]
    )


def test_the_night_in_the_events_model_version_says_whose_lists_were_served(night) -> None:
    serve(night, times=1)
    night.run(
        f"update interactions.served_lists set event_date = date '{NIGHT}' + 3; "
        f"update interactions.recommendation_requests set event_date = date '{NIGHT}' + 3, "
        f"model_version = case when slot = 1 then '{NIGHT}-0123456789ab' else '{NIGHT + timedelta(days=2)}.als' end"
    )
    assert {row["slot"] for row in served_slots(night, night=NIGHT).to_pylist()} == {1}


def test_robots_and_lists_held_back_are_left_out(night) -> None:
    serve(night, times=1)
    night.run("update interactions.recommendation_requests set is_robot = true where slot = 1")
    night.run("update interactions.recommendation_requests set variant = 'control' where slot = 2")
    assert {row["slot"] for row in served_slots(night, night=NIGHT).to_pylist()} == {3}
