"""The planted effect of the shop's own lists."""

import json
import math

import duckdb
import pytest

from perso_pipeline.contracts.assignment import HOLDOUT_SALT, HOLDOUT_SHARE, share
from perso_pipeline.contracts.experiments import Experiments
from perso_pipeline.shop.config import ShopConfig
from perso_pipeline.shop.simulate import simulate

SOUND = {"late_share": 0.0, "duplicate_share": 0.0, "broken_share": 0.0}


def test_served_lists_name_the_arm_of_the_salted_hash(shop):
    served = shop.db.execute(
        "select distinct visitor_id, variant from recommendation_events where event_type = 'served' limit 3000"
    ).fetchall()
    assert len(served) > 1000
    assert all((share(HOLDOUT_SALT, visitor) < HOLDOUT_SHARE) == (arm == "control") for visitor, arm in served)


def test_control_sees_no_list_and_clicks_none(shop):
    shown = shop.db.execute("""
        with control as (select distinct request_id from recommendation_events where variant = 'control')
        select count(*) from recommendation_events semi join control using (request_id) where event_type <> 'served'
    """).fetchall()[0][0]
    assert shown == 0


def test_a_clicked_item_stood_in_its_list_and_was_then_seen(shop):
    clicks, listed, seen = shop.db.execute("""
        with events as (select distinct on (event_id) * from recommendation_events),
        clicks as (select request_id, item_id from events where event_type = 'clicked'),
        lists as (select request_id, item_ids from events where event_type = 'served'),
        views as (select distinct request_id, item_id from storefront_events where event_type = 'product_view')
        select count(*), count(*) filter (list_contains(lists.item_ids, clicks.item_id)), count(views.item_id)
        from clicks inner join lists using (request_id) left join views using (request_id, item_id)
    """).fetchall()[0]
    assert clicks > 100
    assert listed == clicks
    assert seen > 0.97 * clicks  # the rest is late beyond the end, or broken


def test_lists_have_eight_different_items_and_never_the_one_on_the_page(shop):
    full, repeated, itself = shop.db.execute("""
        select avg((len(item_ids) = 8)::int), count(*) filter (len(list_distinct(item_ids)) < len(item_ids)),
            count(*) filter (list_contains(item_ids, context_item_id))
        from recommendation_events where event_type = 'served'
    """).fetchall()[0]
    assert full > 0.8
    assert repeated == 0
    assert itself == 0


def test_bought_lines_carry_the_request_that_led_to_them(shop):
    lines = shop.db.execute("""
        select count(*) from order_events as o
        semi join (select request_id, item_id from recommendation_events where event_type = 'clicked') as c
            on c.request_id = o.request_id and c.item_id = o.item_id
        where o.event_type = 'order_placed'
    """).fetchall()[0][0]
    assert lines > 5


@pytest.mark.parametrize("true_lift", [0.06, 0.3])
def test_lists_cause_the_planted_share_of_orders(tmp_path, true_lift):
    config = ShopConfig(people=4000, items=200, days=8, activity=2.0, true_lift=true_lift)
    simulate(config, landing_dir=tmp_path / "landing", truth_dir=tmp_path / "truth")
    told = json.loads((tmp_path / "truth" / "lift.json").read_text())
    expected = true_lift * told["orders_without_lists"]
    assert told["orders_without_lists"] > 400
    assert abs(told["orders_caused"] - expected) < 4 * math.sqrt(expected)  # a Poisson count
    listed = duckdb.sql(f"select count(*) from '{tmp_path}/truth/caused_orders.parquet'").fetchall()[0][0]
    assert listed == told["orders_caused"]
    assert told["arms"]["control"]["orders_caused"] == 0


def test_without_lift_the_arm_changes_nothing_that_people_do(tmp_path, read_landing):
    """All in treatment and nine tenths in control: the same orders, views and carts, to the record."""
    behaviour = []
    for holdout_share in (0.0, 0.9):
        folder = tmp_path / str(holdout_share)
        config = ShopConfig(people=300, items=80, days=5, true_lift=0.0, holdout_share=holdout_share, **SOUND)
        simulate(config, landing_dir=folder / "landing", truth_dir=folder / "truth")
        db = read_landing(folder / "landing")
        behaviour.append(
            [
                db.execute(
                    f"select columns(lambda c: c not in ('request_id', 'filename', 'ab_cookie')) from {stream} order by event_id"
                ).fetchall()
                for stream in ("storefront_events", "order_events")
            ]
        )
    assert behaviour[0] == behaviour[1]
    assert len(behaviour[0][1]) > 10


def test_the_shop_serves_every_visitor_what_experiments_yml_says(tmp_path, read_landing):
    told = Experiments.model_validate({"experiments": [
        {"id": "holdout", "salt": "held", "control_share": 0.2, "starts_on": "2000-01-01"},
        {"id": "product-control", "kind": "scenario_control", "scenarios": ["product"], "salt": "prod", "control_share": 0.3,
         "starts_on": "2000-01-01"},
        {"id": "next", "kind": "test", "scenarios": ["home"], "layer": "home", "slice": [0.0, 0.5], "salt": "next",
         "control_share": 0.5, "model_versions": {"control": "old-1", "treatment": "new-1"}, "starts_on": "2000-01-01"},
    ]})  # fmt: skip
    holdout, _, test = told.experiments
    config = ShopConfig(
        people=600, items=80, days=4, holdout_salt=holdout.salt, holdout_share=holdout.control_share,
        experiments=told.experiments[1:], **SOUND,
    )  # fmt: skip
    simulate(config, landing_dir=tmp_path / "landing", truth_dir=tmp_path / "truth")
    served = (
        read_landing(tmp_path / "landing")
        .execute("""
        select distinct visitor_id, scenario_id, variant, model_version, cast(occurred_at as date) as day
        from recommendation_events where event_type = 'served' and user_agent not ilike '%bot%'
    """)
        .fetchall()
    )
    assert {arm for _, scenario, arm, *_ in served if scenario == "product"} == {"treatment", "control"}
    expected = {"control": "old-1", "treatment": "new-1", None: "incumbent-3.1"}
    for visitor, scenario, arm, model, day in served:
        assert (arm == "control") == told.is_held_back(visitor, scenario, day)
        assert model == (expected[told.arm_of(test, visitor)] if scenario == "home" else "incumbent-3.1")
    assert len(served) > 500
    truth = json.loads((tmp_path / "truth" / "lift.json").read_text())["experiments"]
    assert truth["product-control"]["treatment"]["orders"] > truth["product-control"]["control"]["orders"] > 0
