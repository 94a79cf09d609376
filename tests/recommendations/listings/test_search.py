"""The search tables on a handful of searches; the counts are made by hand from ``searches.sql``."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.dbt_builds import build

SETTINGS = {"search_min_people": 2, "search_min_buyers": 1, "search_prior_people": 0}


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> Path:
    """The tables of the nights 10, 9 and 10 again."""
    path = tmp_path_factory.mktemp("search") / "perso.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute((Path(__file__).parent / "searches.sql").read_text(encoding="utf-8"))
    for night in ("2026-03-10", "2026-03-09", "2026-03-10"):
        build(path, "path:models/recommendations", night=night, **SETTINGS)
    return path


def rows(path: Path, columns: str, table: str, night: str = "2026-03-10") -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(
            f"select {columns} from recommendations.{table} where night = ? order by all", [night]
        ).fetchall()


def test_the_same_words_again_within_the_hour_are_one_search(searched) -> None:
    # Ann 3 requests and 2 searches, Bob 1, Cid 1; 'xyzzy' and 'bowl' of one person each stand together
    assert rows(searched, "term, terms, people, searches, unique_searches", "search_terms") == [
        ("*", 2, 2, 2, 2), ("mug", 1, 3, 5, 4),
    ]  # fmt: skip


def test_a_click_is_a_product_seen_next_and_not_by_another_way(searched) -> None:
    # Ann's first: i1 and i2, not i3 (a recommendation), i4 (a category page); her second: i5 came too late. Bob: i1.
    assert rows(searched, "term, clicked_searches, products_clicked", "search_terms") == [("*", 0, 0), ("mug", 2, 3)]


def test_a_search_without_results_has_no_clicks_and_one_without_answer_no_rate(searched) -> None:
    found = rows(searched, "term, answered_searches, zero_result_searches, zero_result_rate", "search_terms")
    assert found == [("*", 1, 1, 1.0), ("mug", 2, 0, 0.0)]  # of 'mug' Ann's two were answered


def test_what_was_bought_goes_to_the_search_that_led_to_it_net_of_refunds(searched) -> None:
    columns = "term, carted_searches, bought_searches, products_bought, units, revenue, currency, conversion_rate, purchase_rate"
    assert rows(searched, columns, "search_terms") == [
        ("*", 0, 0, 0, 0, Decimal(0), "GBP", None, 0.0),
        ("mug", 1, 2, 2, 2, Decimal(20), "GBP", pytest.approx(2 / 3), 0.5),  # 20 + 10 - 10
    ]


def test_an_earlier_night_knows_neither_the_refund_nor_what_came_later(searched) -> None:
    assert rows(searched, "term, people, unique_searches, revenue", "search_terms", "2026-03-09") == [
        ("*", 1, 1, Decimal(0)), ("mug", 2, 3, Decimal(30)),
    ]  # fmt: skip


def test_people_who_searched_then_bought_are_held_against_all_who_searched(searched) -> None:
    # Ann, Bob and Cid searched for 'mug', Ann and Bob bought i1 and Bob i7. Nobody searched for something else alone,
    # so that nothing is bought after 'mug' more often than after any search.
    assert rows(searched, "*", "search_affinity") == []


def test_support_lift_and_smoothing_are_those_of_the_formula(searched, tmp_path) -> None:
    copy = tmp_path / "perso.duckdb"
    copy.write_bytes(searched.read_bytes())
    with duckdb.connect(str(copy)) as connection:
        connection.execute(
            "insert into identity.identity_map values ('visitor:v4', 'dee', '2026-01-01', null), ('visitor:v5', 'eve', '2026-01-01', null)"
        )
        connection.execute(
            "insert into staging.stg_storefront_events by name select 'x' || v as event_id, 'search_request' as event_type, "
            "timestamp '2026-03-10 08:00' as occurred_at, date '2026-03-10' as event_date, date '2026-03-10' as known_on, "
            "'uk' as site_id, v as visitor_id, 'rug' as search_query, 'y' || v as search_id, false as is_robot "
            "from (values ('v4'), ('v5')) t(v)"
        )
    build(copy, "path:models/recommendations", night="2026-03-10", **SETTINGS | {"search_prior_people": 1})
    # five people search: i1 is bought by 2 of 3 after 'mug' and by 2 of 5 after any; smoothed (2 + 1 x 0.4) / (3 + 1)
    columns = "term, rank, item_id, buyers, searchers, conversion, base_rate, lift, smoothed_conversion"
    assert rows(copy, columns, "search_affinity") == [
        ("mug", 1, "i1", 2, 3, pytest.approx(2 / 3), pytest.approx(0.4), pytest.approx(5 / 3), pytest.approx(0.6)),
        ("mug", 2, "i7", 1, 3, pytest.approx(1 / 3), pytest.approx(0.2), pytest.approx(5 / 3), pytest.approx(0.3)),
    ]
