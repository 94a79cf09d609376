"""The profile SQL on the hand-made shop; sums in comments are made by hand from it."""

from datetime import date
from decimal import Decimal

import pytest
import yaml

from perso_pipeline.profiles.contract import CUSTOMER_ATTRIBUTES, CUSTOMER_PROFILE_KEY, Kind
from perso_pipeline.settings import PROJECT_ROOT

TENTH, FOURTH = date(2026, 1, 10), date(2026, 1, 4)


def person(warehouse, night, site_id, person_id):
    query = "select * from profiles.customer_profiles where night = $night and site_id = $site and person_id = $person"
    [row] = warehouse.query(query, {"night": night, "site": site_id, "person": person_id}).to_pylist()
    return row


def test_a_visitor_who_signed_in_is_one_with_its_customer(profiled):
    row = person(profiled, TENTH, "uk", "p1")
    assert row["is_customer"]
    assert (row["gross_revenue"], row["net_revenue"], row["refunded_revenue"]) == (63, 45, 16)  # 63 - 2 - 9 - 7
    assert row["return_rate"] == pytest.approx(16 / 61)
    assert (row["active_days"], row["last_seen_date"]) == (2, date(2026, 1, 6))  # the refund of the 5th is no visit
    assert row["average_order_value"] == Decimal(45)


def test_the_earlier_night_does_not_know_what_came_later(profiled):
    row = person(profiled, FOURTH, "uk", "p1")
    assert (row["net_revenue"], row["refunded_revenue"], row["recency_days"]) == (61, 0, 2)
    assert person(profiled, FOURTH, "uk", "p2")["orders"] == 0  # the order of the 4th arrived on the 6th
    assert person(profiled, TENTH, "uk", "p2")["orders"] == 1


def test_sites_are_told_apart(profiled):
    assert person(profiled, TENTH, "de", "p1")["net_revenue"] == 11


def test_the_last_statement_of_a_customer_counts_for_each_attribute(profiled):
    row = person(profiled, TENTH, "uk", "p1")
    assert (row["country"], row["loyalty_tier"]) == ("GB", "gold")
    assert (row["has_email_consent"], row["has_personalization_consent"]) == (False, True)


def test_a_deleted_account_takes_its_statements_with_it(profiled):
    assert person(profiled, FOURTH, "uk", "p9")["loyalty_tier"] == "silver"
    after = person(profiled, TENTH, "uk", "p9")
    assert (after["loyalty_tier"], after["country"], after["has_email_consent"]) == (None, None, None)


def test_ties_of_channel_are_broken_by_name(profiled):
    row = person(profiled, TENTH, "uk", "p1")  # one visit by e-mail, one direct
    assert (row["main_channel"], row["main_device"]) == ("direct", "phone")


def test_affinities_halve_in_thirty_days(profiled):
    query = (
        "select value, weight, share from profiles.affinities where night = $night and kind = 'category' order by value"
    )
    mugs, pans = profiled.query(query, {"night": TENTH}).to_pylist()
    # mug: view 1 and purchase 5, eight days old; pan: view 1, eight days, cart 3, four days; the robot's view is not there
    assert mugs["weight"] == pytest.approx(6 * 0.5 ** (8 / 30), abs=1e-8)
    assert pans["weight"] == pytest.approx(0.5 ** (8 / 30) + 3 * 0.5 ** (4 / 30), abs=1e-8)
    assert mugs["share"] + pans["share"] == pytest.approx(1)
    assert person(profiled, TENTH, "uk", "p1")["preferred_category"] == "home/mugs"


def test_what_is_gone_sold_out_expired_or_a_service_is_not_available(profiled):
    query = "select item_id, is_available from profiles.item_profiles where night = $night order by item_id"
    found = {row["item_id"]: row["is_available"] for row in profiled.query(query, {"night": TENTH}).to_pylist()}
    assert found == {"brief": False, "mug": False, "old": False, "pan": True, "post": False}


def test_an_item_is_as_the_catalogue_had_it_on_the_night(profiled):
    query = "select night, price, stock, views_28d, net_28d, return_rate from profiles.item_profiles where item_id = $item order by night"
    rows = [tuple(row.values())[1:] for row in profiled.query(query, {"item": "mug"}).to_pylist()]
    assert rows == [(12, 0, 1, 18, 0.0), (12, 0, 1, 9, 0.45)]  # 9 of 20 came back


def test_days_before_the_window_do_not_count(profiled):
    query = "select views_28d from profiles.item_profiles where item_id = $item and night = date '2026-01-10'"
    assert profiled.query(query, {"item": "pan"}).column(0).to_pylist() == [0]  # fifty views on 5 December


def test_the_contract_names_the_columns_of_the_table_with_their_kinds():
    text = (PROJECT_ROOT / "sql/models/profiles/customer_profiles.yml").read_text(encoding="utf-8")
    columns = {c["name"]: c["data_type"] for c in yaml.safe_load(text)["models"][0]["columns"]}
    kinds = {"varchar": Kind.TEXT, "boolean": Kind.FLAG, "date": Kind.DATE}
    expected = {
        name: kinds.get(type_, Kind.NUMBER) for name, type_ in columns.items() if name not in CUSTOMER_PROFILE_KEY
    }
    assert expected == CUSTOMER_ATTRIBUTES
    assert list(expected) == list(CUSTOMER_ATTRIBUTES)
