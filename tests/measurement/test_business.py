"""The business figures on half_a_year.sql: five customers, a to e; the answers are worked out by hand from it."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from perso_pipeline.measurement.reconcile import reconcile
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from tests.dbt_builds import build
from tests.measurement.conftest import MEASUREMENT

NIGHT = date(2026, 6, 30)


@pytest.fixture(scope="module")
def half_a_year(tmp_path_factory) -> DuckDBWarehouse:
    path = tmp_path_factory.mktemp("business") / "perso.duckdb"
    with duckdb.connect(str(path)) as connection:
        for script in ("hand_made_shop.sql", "hand_made_beside.sql", "half_a_year.sql"):
            connection.execute((Path(__file__).parent / script).read_text(encoding="utf-8"))
    build(path, MEASUREMENT, night=NIGHT.isoformat())
    return DuckDBWarehouse(path)


def rows(warehouse, columns, table):
    query = f"select {columns} from measurement.{table} where night = $night group by all order by all"
    return [tuple(row.values()) for row in warehouse.query(query, {"night": NIGHT}).to_pylist()]


def test_orders_are_of_new_and_returning_customers_and_visits_stand_beside_them(half_a_year):
    columns = """customer_type, sum(orders), sum(visits), sum(units_returned), sum(returned_orders), sum(unconverted), sum(net)"""
    assert rows(half_a_year, columns, "business_days") == [
        ("cancelled", 1, 0, 0, 0, 0, Decimal(0)),  # d0
        ("new", 5, 0, 1, 1, 1, Decimal(194)),  # 90 + 50 - 20 + 24 + 50; the dollars of e1 are not converted
        ("returning", 2, 0, 0, 0, 0, Decimal(100)),  # a2, a3
        ("visit", 0, 32, 0, 0, 0, Decimal(0)),
    ]
    conversion = "sum(orders)::double / sum(visits), sum(net)::double / sum(orders)"  # 8 orders, 32 visits, 294 pounds
    assert rows(half_a_year, conversion, "business_days") == [(0.25, 36.75)]


def test_another_order_is_as_likely_as_customers_with_more_to_customers_with_as_many(half_a_year):
    columns = "orders, customers_with_at_least, customers_with_more, repeat_probability"
    assert rows(half_a_year, columns, "repeat_purchases") == [  # a has three orders, the others one
        (1, 5, 1, 0.2),
        (2, 1, 1, 1.0),
        (3, 1, 0, 0.0),
    ]


def test_churn_follows_the_published_formula(half_a_year):
    columns = "month, customers_so_far, churned, last_ordered_so_far, churn_rate"
    assert rows(half_a_year, columns, "churn_months") == [  # gone for 60 days: last order on 1 May or before
        (date(2026, 1, 1), 2, 1, 1, 0.5),  # b: 1 / (2 + 1 - 1)
        (date(2026, 2, 1), 3, 1, 2, 0.5),  # c: 1 / (3 + 1 - 2)
        (date(2026, 3, 1), 4, 1, 3, 0.5),  # d: 1 / (4 + 1 - 3)
        (date(2026, 4, 1), 4, 1, 4, 1.0),  # a, the only one left: 1 / (4 + 1 - 4)
        (date(2026, 6, 1), 5, 0, 5, None),  # too soon to say
    ]


def test_a_cohort_is_worth_what_its_customers_bought_until_then(half_a_year):
    columns = """cohort_month, acquisition_channel, months_since, customers, active_customers, orders, net,
        net_so_far, value_per_customer"""
    assert rows(half_a_year, columns, "cohort_values")[:4] == [
        (date(2026, 1, 1), "email", 0, 2, 2, 2, Decimal(120), Decimal(120), 60.0),  # a 90, b 30
        (date(2026, 1, 1), "email", 1, 2, 1, 1, Decimal(50), Decimal(170), 85.0),
        (date(2026, 1, 1), "email", 3, 2, 1, 1, Decimal(50), Decimal(220), 110.0),
        (date(2026, 2, 1), "direct", 0, 1, 1, 1, Decimal(24), Decimal(24), 24.0),
    ]


def test_a_promotion_is_compared_with_full_price(half_a_year):
    columns = """promotion, coupon_code, orders, customers, new_customers, new_customers_who_came_back, discount, net,
        average_order_value, discount_rate, came_back_rate"""
    assert rows(half_a_year, columns, "promotion_effect") == [
        ("coupon", "WELCOME", 1, 1, 1, 1, Decimal(10), Decimal(90), 90.0, 0.1, 1.0),
        ("full price", "none", 7, 5, 4, 0, Decimal(0), Decimal(204), 204 / 7, 0.0, 0.0),
    ]


def test_a_season_is_an_average_day_of_it_against_an_average_day(half_a_year):
    query = """select season, days, net, season_index from measurement.seasonality
        where night = $night and season_type = 'month' order by season"""
    found = [tuple(row.values()) for row in half_a_year.query(query, {"night": NIGHT}).to_pylist()]
    average = 294 / 8
    assert found == [  # days on which something happened
        (1, 2, Decimal(120), pytest.approx(60 / average)),
        (2, 3, Decimal(74), pytest.approx(74 / 3 / average)),
        (3, 1, Decimal(50), pytest.approx(50 / average)),
        (4, 1, Decimal(50), pytest.approx(50 / average)),
        (6, 1, Decimal(0), 0.0),
    ]


def test_products_are_classed_by_their_share_of_revenue(half_a_year):
    query = """select item_id, cart_rate, net_share, revenue_class from measurement.product_performance
        where night = date '2026-01-10' order by item_id"""
    found = [tuple(row.values()) for row in half_a_year.query(query).to_pylist()]
    assert found == [("mug", 0.25, 0.7, "A"), ("pan", 0.25, 0.3, "A")]  # the pan is where 80 % are reached


def test_orders_in_three_currencies_add_up_in_each_and_in_the_sites(half_a_year):
    assert reconcile(half_a_year, NIGHT).differences == ()
    assert rows(half_a_year, "currency, sum(net), sum(unconverted), sum(site_net)", "revenue_report") == [
        ("EUR", Decimal(30), 0, Decimal(24)),
        ("GBP", Decimal(270), 0, Decimal(270)),
        ("USD", Decimal(40), 1, Decimal(0)),
    ]
