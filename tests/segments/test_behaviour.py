"""What people did, by hand: the few facts of a small shop and what a rule makes of them."""

import pytest
import yaml

from perso_pipeline.segments.compiler import membership_query
from perso_pipeline.segments.membership import attribute_columns, segment_people
from perso_pipeline.segments.rules import Segments
from tests.segments.worlds import NIGHT, MemoryWarehouse, at, day, money


def fact(identifier, back, event_type="product_view", item_id="mug", site_id="uk", **others):
    return {"identifier": identifier, "event_date": day(back), "event_type": event_type, "item_id": item_id,
            "site_id": site_id, "is_robot": False, "known_on": day(back)} | others  # fmt: skip


def sale(number, identifier, back, gross, quantity=1, item_id="mug", order_id="1", **others):
    return {
        "movement_id": f"m{number}", "site_id": "uk", "order_id": order_id, "order_line_id": f"l{number}",
        "movement": "sale", "movement_date": day(back), "order_date": day(back), "occurred_at": at(back),
        "identifier": identifier, "item_id": item_id, "is_goods": True, "quantity": quantity, "gross": money(gross),
        "net": money(gross), "refunded": money(0), "known_on": day(back),
    } | others  # fmt: skip


@pytest.fixture(scope="module")
def warehouse():
    """ann: two views of a mug (6 days ago, today), one on the other site; bob: one mug bought, half given back."""
    refund = {"movement": "refund", "movement_date": day(1), "occurred_at": at(1), "quantity": -1, "gross": money(0),
              "net": money(-10), "refunded": money(10), "known_on": day(1), "movement_id": "m9"}  # fmt: skip
    return MemoryWarehouse().fill({
        "customer_profiles": [
            {"night": NIGHT, "site_id": "uk", "person_id": "ann"}, {"night": NIGHT, "site_id": "uk", "person_id": "bob"},
            {"night": NIGHT, "site_id": "de", "person_id": "ann"},
        ],
        "identity_map": [
            {"identifier": "visitor:a", "person_id": "ann", "known_on": day(9)},
            {"identifier": "visitor:b", "person_id": "ann", "known_on": day(9), "void_on": day(2)},
            {"identifier": "visitor:b", "person_id": "bob", "known_on": day(2)},
            {"identifier": "visitor:c", "person_id": "bob", "known_on": day(-1)},
        ],
        "item_profiles": [
            {"night": NIGHT, "site_id": "uk", "item_id": "mug", "category_path": "home/kitchen/mugs", "brand": "Finch", "price": money(8)},
            {"night": NIGHT, "site_id": "uk", "item_id": "pot", "category_path": "home/kitchenware", "brand": "Alder", "price": money(30)},
            {"night": NIGHT, "site_id": "de", "item_id": "mug", "category_path": "home/kitchen/mugs", "brand": "Finch", "price": money(9)},
        ],
        "interactions": [
            fact("visitor:a", 6), fact("visitor:a", 0, session_id="s1"), fact("visitor:a", 0, site_id="de"),
            fact("visitor:b", 3, item_id="pot"),  # bob's by now
            fact("visitor:c", 3), fact("visitor:a", 3, is_robot=True), fact("visitor:b", 4, known_on=day(-1)),
        ],
        "sessions": [
            {"session_id": "s1", "site_id": "uk", "identifier": "visitor:a", "session_date": day(0), "duration_seconds": 90,
             "searches": 2, "channel": "email", "device_type": "mobile", "is_robot": False, "known_on": day(0)},
        ],
        "session_events": [
            {"event_id": "e1", "session_id": "s1", "occurred_at": at(4), "event_date": day(4), "site_id": "uk",
             "event_type": "checkout_complete", "order_id": "1", "known_on": day(4)},
        ],
        "order_movements": [
            sale(1, "visitor:b", 4, 20, quantity=2), sale(1, None, 4, 0) | refund, sale(2, "visitor:b", 4, 30, item_id="pot"),
            sale(3, "visitor:b", 2, 5, order_id="2", known_on=day(-2)),  # delivered after the night
        ],
    })  # fmt: skip


CASES = {
    "did, once or more": ({"did": {"event": "product_view"}}, ["de/ann", "uk/ann", "uk/bob"]),
    "did so often": ({"did": {"event": "product_view", "at_least": 2}}, ["uk/ann"]),
    "at most includes never": ({"did": {"event": "add_to_cart", "at_most": 0}}, ["de/ann", "uk/ann", "uk/bob"]),
    "between": ({"did": {"event": "product_view", "between": [1, 1]}}, ["de/ann", "uk/bob"]),
    "within 6 days leaves the sixth day before out": ({"did": {"event": "product_view", "within_days": 6, "at_least": 2}}, []),
    "within 7 days has it": ({"did": {"event": "product_view", "within_days": 7, "at_least": 2}}, ["uk/ann"]),
    "since a day": ({"did": {"event": "product_view", "since": day(3), "between": [1, 1]}}, ["de/ann", "uk/ann", "uk/bob"]),
    "a category has its sub-categories": ({"did": {"event": "product_view", "category": "home/kitchen"}}, ["de/ann", "uk/ann"]),
    "a brand": ({"did": {"event": "product_view", "brand": ["Alder", "nobody"]}}, ["uk/bob"]),
    "an item": ({"did": {"event": "product_view", "item": "pot"}}, ["uk/bob"]),
    "the catalogue's price": ({"did": {"event": "product_view", "price_at_least": 9}}, ["de/ann", "uk/bob"]),
    "a channel": ({"did": {"event": "product_view", "channel": "email"}}, ["uk/ann"]),
    "on another site": ({"did": {"event": "product_view", "site": "de"}}, ["de/ann", "uk/ann"]),
    "on both sites": ({"did": {"event": "product_view", "site": ["de", "uk"], "at_least": 3}}, ["de/ann", "uk/ann"]),
    "did not": ({"did_not": {"event": "product_view", "within_days": 1}}, ["uk/bob"]),
    "an order counts once": ({"did": {"event": "order", "between": [1, 1]}}, ["uk/bob"]),
    "a purchase counts by line": ({"did": {"event": "purchase", "between": [2, 2]}}, ["uk/bob"]),
    "an order of a category": ({"did": {"event": "order", "category": "home/kitchenware"}}, ["uk/bob"]),
    "the price paid, not the catalogue's": ({"did": {"event": "purchase", "price_at_least": 10, "price_at_most": 10}}, ["uk/bob"]),
    "an order of a channel": ({"did": {"event": "order", "channel": "email"}}, ["uk/bob"]),
    "net of what was given back": ({"has": {"total": "net_revenue", "between": [40, 40]}}, ["uk/bob"]),
    "units of an item": ({"has": {"total": "units", "item": "mug", "between": [1, 1]}}, ["uk/bob"]),
    "nothing adds up to 0": ({"has": {"total": "gross_revenue", "at_most": 0}}, ["de/ann", "uk/ann"]),
    "visits": ({"did": {"event": "visit", "device": "mobile"}}, ["uk/ann"]),
    "searches": ({"has": {"total": "searches", "at_least": 2}}, ["uk/ann"]),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "expected"), CASES.values(), ids=CASES.keys())
def test_a_rule_finds_who_did_it(warehouse, rule, expected):
    assert members(warehouse, rule) == expected


HOSTILE = [
    "x'; drop table profiles.customer_profiles; --",
    '"',
    "\\' or 1=1",
    "%",
    "*/ union select 1 /*",
    "$night",
    "{{ x }}",
]


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
@pytest.mark.parametrize("key", ["category", "brand", "item", "channel", "site"])
def test_no_value_of_a_filter_gets_out_of_its_literal(warehouse, key, value):
    assert members(warehouse, {"did": {"event": "product_view", key: value}}) == []
    assert members(warehouse, {"did_not": {"event": "product_view", key: value}}) == ["de/ann", "uk/ann", "uk/bob"]


def test_every_source_is_scanned_once_however_many_segments_ask_it(warehouse):
    asked = [{"did": {"event": "product_view", "within_days": days}} for days in range(1, 30)]
    asked += [{"has": {"total": "net_revenue", "at_least": amount}} for amount in range(1, 30)]
    segments = Segments.model_validate({"segments": [
        {"id": f"s{n}", "name": "S", "description": "d", "rule": rule} for n, rule in enumerate(asked)
    ]}).segments  # fmt: skip
    query = membership_query(segments, NIGHT, columns=attribute_columns(warehouse))
    for table in ("interactions.interactions", "interactions.order_movements", "profiles.customer_profiles"):
        assert query.count(f"FROM {table} ") == 1
    assert query.count("SUM(facts.net_revenue)") == 1  # 29 bounds on one sum


def members(warehouse, rule):
    segments = Segments.model_validate({"segments": [{"id": "s", "name": "S", "description": "d", "rule": rule}]})
    found = segment_people(warehouse, segments.segments, NIGHT).membership.to_pylist()
    return sorted(f"{row['site_id']}/{row['person_id']}" for row in found)


def taste(person, kind, value, weight, share, night=NIGHT, site_id="uk"):
    return {"night": night, "site_id": site_id, "person_id": person, "kind": kind, "value": value,
            "weight": weight, "share": share}  # fmt: skip


DRAWN = {
    "sub-categories belong": ("{kind: category, value: home/kitchen, at_least_share: 0.5}", {"ann"}),  # (2 + 3) of 10
    "a share just missed": ("{kind: category, value: home/kitchen, at_least_share: 0.51}", set()),
    "any share": ("{kind: category, value: /home/kitchen/}", {"ann", "bob"}),
    "not a longer word": ("{kind: category, value: home/kit}", set()),
    "one of several": ("{kind: brand, value: [Finch, Alder], at_least_share: 0.6}", {"bob"}),
    "several do not add up": ("{kind: brand, value: [Finch, Alder], at_least_share: 0.7}", set()),
    "the night before counts nothing": ("{kind: weekday, value: monday}", set()),
}


@pytest.mark.parametrize(("asked", "people"), DRAWN.values(), ids=DRAWN.keys())
def test_a_rule_may_ask_what_draws_a_person(asked, people):
    shop = MemoryWarehouse().fill({
        "customer_profiles": [{"night": NIGHT, "site_id": "uk", "person_id": name} for name in ("ann", "bob", "cay")],
        "affinities": [
            taste("ann", "category", "home/kitchen", 2.0, 0.2),
            taste("ann", "category", "home/kitchen/mugs", 3.0, 0.3),
            taste("ann", "category", "garden/pots", 5.0, 0.5),
            taste("ann", "category_2", "home/kitchen", 3.0, 1.0),
            taste("bob", "category", "home/kitchen", 1.0, 0.25),
            taste("bob", "brand", "Finch", 2.0, 0.4),
            taste("bob", "brand", "Alder", 3.0, 0.6),
            taste("ann", "weekday", "monday", 1.0, 1.0, night=day(1)),
            taste("cay", "category", "home/kitchen", 1.0, 1.0, site_id="de"),
        ],
    })  # fmt: skip
    rule = {"has_affinity": yaml.safe_load(asked)}
    segments = Segments.model_validate(
        {"segments": [{"id": "s", "name": "S", "description": "d", "rule": rule}]}
    ).segments
    found = segment_people(shop, segments, NIGHT).membership.to_pylist()
    assert {row["person_id"] for row in found} == people
