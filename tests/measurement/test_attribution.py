"""Every attribution rule on the dozen orders of dozen_orders.sql; the answers are worked out by hand from it.

Every order is worth 12, but order 11 (10) and order 12: two lines, 12 that was paid back and 8. In all 138.
"""

from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from perso_pipeline.resources.warehouse import DuckDBWarehouse
from tests.dbt_builds import build
from tests.measurement.conftest import MEASUREMENT

NIGHT = date(2026, 1, 31)


@pytest.fixture(scope="module")
def attributed(tmp_path_factory) -> DuckDBWarehouse:
    path = tmp_path_factory.mktemp("attribution") / "perso.duckdb"
    with duckdb.connect(str(path)) as connection:
        for script in ("hand_made_shop.sql", "hand_made_beside.sql", "dozen_orders.sql"):
            connection.execute((Path(__file__).parent / script).read_text(encoding="utf-8"))
    build(path, MEASUREMENT, night=NIGHT.isoformat())
    return DuckDBWarehouse(path)


def rows(warehouse, sql, **parameters):
    return [tuple(row.values()) for row in warehouse.query(sql, parameters).to_pylist()]


# scenario: (credited, claimed). A line that two scenarios claim is credited to the last touch.
SCENARIOS = {
    # the lines of orders 1 and 7 name a list that was served; order 12 names one that nobody served
    "request": {"home": (24, 24), "none": (114, 0)},
    # home 1, 2 and both lines of 12 (0 + 8); order 6 goes to product, and home claims it too
    "click_30_minutes": {"home": (32, 44), "product": (12, 12), "none": (94, 0)},
    # home 1, 2, 5, 9 (on the other device) and 12; product 3, 6, 7; nothing for 4 (too early), 8 (too late), 10, 11
    "click_7_days": {"home": (56, 68), "product": (36, 36), "none": (46, 0)},
    # the item itself: home 1, 5 (by the parent) and the line of 12 that was paid back; product 3, 4, 6, 7
    "unit": {"home": (24, 36), "product": (48, 48), "none": (66, 0)},
}
CHANNELS = {
    "first": {"direct": "84", "email": "30", "offline": "12", "paid_search": "12"},  # email 1, 11, 12; paid search 9
    "last": {"direct": "104", "email": "12", "offline": "12", "paid_search": "10"},  # direct 2 to 9 and 12
    # order 11 in three: 3.3333, 3.3333 and what is left, 3.3334; orders 9 and 12 in two
    "linear": {"direct": "97.3333", "email": "19.3333", "offline": "12", "paid_search": "9.3334"},
    # order 11: 4, 2 and 4; orders 9 and 12 in two
    "position": {"direct": "96", "email": "20", "offline": "12", "paid_search": "10"},
}


@pytest.mark.parametrize("rule", SCENARIOS)
def test_a_rule_credits_and_claims_what_the_hand_says(attributed, rule):
    query = """select scenario_id, sum(net), sum(claimed_net) from measurement.attributed_revenue
        where night = $night and rule = $rule group by all"""
    found = {scenario: (net, claimed) for scenario, net, claimed in rows(attributed, query, night=NIGHT, rule=rule)}
    assert found == SCENARIOS[rule]


@pytest.mark.parametrize("rule", CHANNELS)
def test_a_rule_over_channels_shares_an_order_to_the_last_ten_thousandth(attributed, rule):
    query = """select channel, sum(net) from measurement.attributed_revenue
        where night = $night and rule = $rule group by all"""
    found = dict(rows(attributed, query, night=NIGHT, rule=rule))
    assert found == {channel: Decimal(net) for channel, net in CHANNELS[rule].items()}


def test_every_rule_adds_up_to_the_same_ledger(attributed):
    query = """select rule, sum(movements), sum(orders), sum(gross), sum(refunded), sum(net)
        from measurement.attributed_revenue where night = $night group by all"""
    found = rows(attributed, query, night=NIGHT)
    assert {rule for rule, *_ in found} == {*SCENARIOS, *CHANNELS}
    assert {tuple(figures) for _, *figures in found} == {(14, 12, Decimal(150), Decimal(12), Decimal(138))}


def test_the_overlap_says_who_claims_what_at_once_and_adds_up(attributed):
    query = """select claimed_by, sum(lines), sum(net) from measurement.attribution_overlap
        where night = $night group by all order by all"""
    home = "click_30_minutes:home, click_7_days:home"
    assert rows(attributed, query, night=NIGHT) == [
        (  # 6
            f"{home.replace(',', ', click_30_minutes:product,')}, click_7_days:product, unit:home, unit:product",
            1,
            12,
        ),
        (home, 2, 20),  # 2, and the second line of 12
        (f"{home}, request:home, unit:home", 1, 12),  # 1
        (f"{home}, unit:home", 1, 0),  # the line of 12 that was paid back
        ("click_7_days:home", 1, 12),  # 9
        ("click_7_days:home, unit:home", 1, 12),  # 5
        ("click_7_days:product, request:home, unit:product", 1, 12),  # 7: two scenarios, by different rules
        ("click_7_days:product, unit:product", 1, 12),  # 3
        ("nobody", 3, 34),  # 8, 10, 11
        ("unit:product", 1, 12),  # 4
    ]
    claimed = "select sum(net * claims_by_click_7_days) from measurement.attribution_overlap where night = $night"
    assert rows(attributed, claimed, night=NIGHT) == [(Decimal(104),)]  # what the scenarios claim together: 68 + 36


def test_a_touch_after_the_order_or_too_long_before_is_no_candidate(attributed):
    query = """select touch_id from measurement.touch_candidates
        where night = $night and (order_id = '8' and touch_type = 'click' or touch_id = 'sv11display')"""
    assert rows(attributed, query, night=NIGHT) == []
