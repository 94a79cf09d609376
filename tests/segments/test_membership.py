from datetime import date

import pytest

from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.segments.membership import segment_people
from perso_pipeline.segments.plots import sizes_plot
from perso_pipeline.segments.rules import Segments

NIGHT = date(2026, 1, 10)


@pytest.fixture
def warehouse(tmp_path):
    store = DuckDBWarehouse(tmp_path / "shop.duckdb")
    with store.connect() as connection:
        connection.execute("create schema profiles")
        connection.execute("""
            create table profiles.customer_profiles as
            select night, site_id, person_id, orders::bigint as orders, country, has_email_consent,
                first_order_date::date as first_order_date, net_revenue::decimal(18, 4) as net_revenue, return_rate::double as return_rate
            from (values
                (date '2026-01-10', 'uk', 'p1', 3, 'GB', true, '2026-01-02', 90.50, 0.5),
                (date '2026-01-10', 'uk', 'p2', 1, null, false, '2026-01-05', 10.00, 0.0),
                (date '2026-01-10', 'uk', 'p3', 0, 'F''R; drop table x; --', null, null, 0, null),
                (date '2026-01-10', 'de', 'p1', 0, 'DE', true, null, -4.00, null),
                (date '2026-01-09', 'uk', 'p9', 9, 'GB', true, '2026-01-02', 900, 0.0)
            ) t(night, site_id, person_id, orders, country, has_email_consent, first_order_date, net_revenue, return_rate)
        """)
    return store


def members(warehouse, rule):
    segments = Segments.model_validate({"segments": [{"id": "s", "name": "S", "description": "d", "rule": rule}]})
    found = segment_people(warehouse, segments.segments, NIGHT).membership.to_pylist()
    return [f"{row['site_id']}/{row['person_id']}" for row in found]


def condition(attribute, op, value=None):
    return {"attribute": attribute, "op": op} | ({} if value is None else {"value": value})


CASES = {
    "is": (condition("country", "is", "GB"), ["uk/p1"]),
    "is_not holds for the unknown": (condition("country", "is_not", "GB"), ["de/p1", "uk/p2", "uk/p3"]),
    "in": (condition("country", "in", ["GB", "DE"]), ["de/p1", "uk/p1"]),
    "at_least": (condition("orders", "at_least", 1), ["uk/p1", "uk/p2"]),
    "at_most": (condition("orders", "at_most", 0), ["de/p1", "uk/p3"]),
    "more_than": (condition("orders", "more_than", 1), ["uk/p1"]),
    "less_than a negative": (condition("net_revenue", "less_than", -3.5), ["de/p1"]),
    "between has both ends": (condition("net_revenue", "between", [10, 90.5]), ["uk/p1", "uk/p2"]),
    "a date": (condition("first_order_date", "at_least", date(2026, 1, 3)), ["uk/p2"]),
    "a flag": (condition("has_email_consent", "is", value=False), ["uk/p2"]),
    "is_known": (condition("has_email_consent", "is_known"), ["de/p1", "uk/p1", "uk/p2"]),
    "is_unknown": (condition("country", "is_unknown"), ["uk/p2"]),
    "not over the unknown": ({"not": condition("return_rate", "more_than", 0.1)}, ["de/p1", "uk/p2", "uk/p3"]),
    "all": ({"all": [condition("orders", "at_least", 1), condition("country", "is_known")]}, ["uk/p1"]),
    "any": ({"any": [condition("orders", "at_least", 3), condition("country", "is", "DE")]}, ["de/p1", "uk/p1"]),
    "nested": (
        {"all": [{"any": [condition("orders", "is", 1), condition("orders", "is", 3)]}, {"not": condition("country", "is", "GB")}]},
        ["uk/p2"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "expected"), CASES.values(), ids=CASES.keys())
def test_a_rule_finds_its_people(warehouse, rule, expected):
    assert members(warehouse, rule) == expected


def test_a_value_that_looks_like_sql_is_only_a_value(warehouse):
    hostile = "F'R; drop table x; --"
    assert members(warehouse, condition("country", "is", hostile)) == ["uk/p3"]
    assert members(warehouse, condition("country", "in", ["') or true --", "\\' or 1=1"])) == []


def test_the_first_matching_segment_is_primary_and_others_are_everyone_else(warehouse):
    segments = Segments.model_validate(
        {
            "segments": [
                {"id": "buyers", "name": "B", "description": "d", "rule": condition("orders", "at_least", 1)},
                {"id": "british", "name": "G", "description": "d", "rule": condition("country", "is", "GB")},
                {"id": "nobody", "name": "N", "description": "d", "rule": condition("orders", "at_least", 99)},
            ]
        }
    )
    tables = segment_people(warehouse, segments.segments, NIGHT)
    assert [(row["person_id"], row["segment_id"]) for row in tables.membership.to_pylist()] == [
        ("p1", "buyers"), ("p2", "buyers"), ("p1", "british"),
    ]  # fmt: skip
    assert [(row["site_id"], row["person_id"], row["segment_id"]) for row in tables.primary.to_pylist()] == [
        ("de", "p1", "everyone-else"), ("uk", "p1", "buyers"), ("uk", "p2", "buyers"), ("uk", "p3", "everyone-else"),
    ]  # fmt: skip
    assert [(row["segment_id"], row["position"], row["people"]) for row in tables.catalogue.to_pylist()] == [
        ("buyers", 1, 2), ("british", 2, 1), ("nobody", 3, 0),
    ]  # fmt: skip
    assert tables.catalogue.column("rule")[0].as_py() == "orders at least 1"


def test_the_plot_is_a_picture_in_markdown(warehouse):
    segments = Segments.model_validate(
        {"segments": [{"id": "s", "name": "S", "description": "d", "rule": condition("orders", "at_least", 1)}]}
    )
    plot = sizes_plot(segment_people(warehouse, segments.segments, NIGHT).catalogue)
    assert plot.startswith("![people per segment](data:image/png;base64,iVBOR")
