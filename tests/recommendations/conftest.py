"""The input tables of the composer, empty, and a way to put a few rows into them."""

import shutil
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.open_warehouse import OpenWarehouse

NIGHT = date(2026, 3, 10)
NOON = datetime.fromisoformat("2026-03-10T12:00:00")

TABLES = {
    "identity.identity_map": "identifier varchar, identifier_type varchar, person_id varchar, confidence double, "
    "known_on date, void_on date",
    "interactions.session_events": "event_id varchar, session_id varchar, occurred_at timestamp, event_date date, "
    "site_id varchar, visitor_id varchar, customer_id varchar, identifier varchar, event_type varchar, "
    "item_id varchar, quantity bigint, cart_id varchar, order_id varchar, is_robot boolean, known_on date",
    "interactions.interactions": "event_id varchar, event_date date, occurred_at timestamp, site_id varchar, "
    "identifier varchar, session_id varchar, item_id varchar, event_type varchar, quantity bigint, is_robot boolean, known_on date",
    "interactions.order_movements": "movement_id varchar, site_id varchar, order_id varchar, order_line_id varchar, "
    "movement varchar, movement_date date, order_date date, occurred_at timestamp, identifier varchar, "
    "visitor_id varchar, item_id varchar, is_goods boolean, quantity bigint, known_on date",
    "profiles.customer_profiles": "night date, site_id varchar, person_id varchar, is_customer boolean, "
    "lifecycle varchar, last_seen_date date, last_order_date date, preferred_category varchar, has_email_consent boolean, "
    "has_personalization_consent boolean",
    "profiles.affinities": "night date, site_id varchar, person_id varchar, kind varchar, value varchar, weight double, "
    "share double, place integer",
    "profiles.item_profiles": "night date, site_id varchar, item_id varchar, item_type varchar, name varchar, "
    "category_path varchar, stock bigint, is_available boolean, valid_from timestamp, valid_to timestamp, "
    "parent_item_id varchar, attributes varchar, views_28d bigint, cart_adds_28d bigint, purchases_28d bigint, brand varchar, "
    "price decimal(18, 4), price_band varchar, margin_rate double, margin_band varchar, first_seen_date date, is_new boolean, "
    "days_of_stock double, has_high_returns boolean",
    "segments.segment_membership": "night date, site_id varchar, person_id varchar, segment_id varchar",
    "interactions.recommendation_requests": "scenario_id varchar, site_id varchar, identifier varchar, "
    "item_id varchar, event_date date, is_clicked boolean, known_on date",
    "models.champions": "night date, site_id varchar, task varchar, model varchar, version varchar, "
    "mlflow_run_id varchar, reason varchar",
    "models.submodels": "night date, site_id varchar, submodel varchar, submodel_group varchar, answers_with varchar",
    "models.submodel_members": "night date, site_id varchar, submodel varchar, subject_type varchar, "
    "subject_id varchar, submodel_group varchar",
    "recommendations.search_terms": "night date, site_id varchar, term varchar, is_head boolean",
    "recommendations.search_affinity": "night date, site_id varchar, term varchar, item_id varchar, smoothed_conversion double",
    "models.cold_items": "night date, site_id varchar, item_id varchar, people bigint, is_cold boolean, is_new boolean",
    "models.candidates": "night date, site_id varchar, task varchar, model varchar, version varchar, "
    "submodel varchar, submodel_group varchar, subject_type varchar, subject_id varchar, rank integer, item_id varchar, score double",
}

DEFAULTS: dict[str, dict[str, Any]] = {
    "identity.identity_map": {"known_on": date(2026, 1, 1)},
    "interactions.session_events": {
        "occurred_at": NOON, "event_date": NIGHT, "site_id": "shop-uk", "visitor_id": "v1", "identifier": "visitor:v1",
        "event_type": "add_to_cart", "quantity": 1, "is_robot": False, "known_on": NIGHT,
    },
    "interactions.interactions": {"site_id": "shop-uk", "is_robot": False, "known_on": NIGHT, "event_date": NIGHT},
    "interactions.order_movements": {
        "site_id": "shop-uk", "order_id": "o1", "order_line_id": "1", "movement": "sale", "movement_date": NIGHT,
        "order_date": NIGHT, "occurred_at": NOON, "is_goods": True, "quantity": 1, "known_on": NIGHT,
    },
    "profiles.customer_profiles": {
        "night": NIGHT, "site_id": "shop-uk", "is_customer": True, "lifecycle": "active", "has_email_consent": True,
        "last_seen_date": NIGHT,
    },
    "profiles.affinities": {"night": NIGHT, "site_id": "shop-uk", "place": 1, "share": 1.0},
    "profiles.item_profiles": {
        "night": NIGHT, "site_id": "shop-uk", "item_type": "product", "stock": 5, "is_available": True,
        "category_path": "home", "views_28d": 0, "cart_adds_28d": 0, "purchases_28d": 0,
    },
    "segments.segment_membership": {"night": NIGHT, "site_id": "shop-uk"},
    "interactions.recommendation_requests": {
        "site_id": "shop-uk", "event_date": NIGHT, "is_clicked": True, "known_on": NIGHT,
    },
    "models.champions": {"night": NIGHT, "site_id": "shop-uk", "version": "1", "reason": "best"},
    "models.submodels": {"night": NIGHT, "site_id": "shop-uk", "answers_with": "submodel"},
    "models.submodel_members": {"night": NIGHT, "site_id": "shop-uk"},
    "recommendations.search_terms": {"night": NIGHT, "site_id": "shop-uk", "is_head": True},
    "recommendations.search_affinity": {"night": NIGHT, "site_id": "shop-uk"},
    "models.cold_items": {"night": NIGHT, "site_id": "shop-uk", "people": 0, "is_cold": True, "is_new": True},
    "models.candidates": {
        "night": NIGHT, "site_id": "shop-uk", "version": "1", "rank": 1, "submodel": "main", "submodel_group": "*",
    },
}  # fmt: skip


class Shop(OpenWarehouse):
    """A warehouse with empty input tables; ``add`` puts rows in, the rest of a row is ordinary."""

    def add(self, table: str, *rows: dict[str, Any]) -> "Shop":
        with self.transaction() as connection:
            for row in rows:
                whole = {**DEFAULTS.get(table, {}), **row}
                names = ", ".join(whole)
                marks = ", ".join("?" for _ in whole)
                connection.execute(f"insert into {table} ({names}) values ({marks})", list(whole.values()))
        return self

    def run(self, sql: str) -> None:
        with self.transaction() as connection:
            connection.execute(sql)

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.query(sql, list(parameters)).to_pylist()]


def _empty(path: Path) -> Shop:
    shop = Shop(path)
    with shop.transaction() as connection:
        for schema in {table.split(".")[0] for table in TABLES}:
            connection.execute(f"create schema {schema}")
        for table, columns in TABLES.items():
            connection.execute(f"create table {table} ({columns})")
    return shop


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def copy_of(tmp_path: Path, templates: Path) -> Iterator[Callable[..., Shop]]:
    """A copy of a shop that is filled once per run: ``copy_of(name, fill)``."""
    copies: list[Shop] = []

    def copy(name: str, fill: Callable[[Shop], None]) -> Shop:
        template = templates / f"{name}.duckdb"
        if not template.exists():
            filled = _empty(template)
            fill(filled)
            filled.close()
        shutil.copy(template, tmp_path / f"{name}.duckdb")
        copies.append(Shop(tmp_path / f"{name}.duckdb"))
        return copies[-1]

    yield copy
    for shop in copies:
        shop.close()


@pytest.fixture
def shop(copy_of: Callable[..., Shop]) -> Shop:
    return copy_of("empty", lambda shop: None)
