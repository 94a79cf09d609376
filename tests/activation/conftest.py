"""The tables that triggers read, empty, and ordinary rows for them."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from perso_pipeline.resources.warehouse import DuckDBWarehouse

NIGHT = date(2026, 3, 10)
TABLES = {
    "identity.identity_map": "identifier varchar, person_id varchar, known_on date, void_on date",
    "interactions.session_events": "event_id varchar, occurred_at timestamp, event_date date, site_id varchar, "
    "visitor_id varchar, identifier varchar, event_type varchar, item_id varchar, quantity bigint, cart_id varchar, "
    "is_robot boolean, known_on date",
    "interactions.order_movements": "site_id varchar, movement varchar, movement_date date, occurred_at timestamp, "
    "identifier varchar, visitor_id varchar, item_id varchar, known_on date",
    "profiles.customer_profiles": "night date, site_id varchar, person_id varchar, is_customer boolean, "
    "lifecycle varchar, last_order_date date, has_email_consent boolean",
    "profiles.item_profiles": "night date, site_id varchar, item_id varchar, is_available boolean",
    "recommendations.recommendations": "night date, site_id varchar, scenario_id varchar, subject_type varchar, "
    "subject_id varchar, rank integer, item_id varchar",
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "identity.identity_map": {"known_on": date(2026, 1, 1)},
    "interactions.session_events": {
        "site_id": "shop-uk", "visitor_id": "v1", "identifier": "customer:1", "event_type": "add_to_cart",
        "quantity": 1, "cart_id": "c1", "is_robot": False, "known_on": NIGHT,
    },
    "interactions.order_movements": {"site_id": "shop-uk", "movement": "sale", "known_on": NIGHT},
    "profiles.customer_profiles": {
        "night": NIGHT, "site_id": "shop-uk", "person_id": "ann", "is_customer": True, "lifecycle": "active",
        "has_email_consent": True,
    },
    "profiles.item_profiles": {"night": NIGHT, "site_id": "shop-uk", "is_available": True},
    "recommendations.recommendations": {
        "night": NIGHT, "site_id": "shop-uk", "scenario_id": "home", "subject_type": "person", "subject_id": "ann",
    },
}  # fmt: skip


class Shop(DuckDBWarehouse):
    def add(self, table: str, *rows: dict[str, Any]) -> None:
        with self.transaction() as connection:
            for row in rows:
                whole = {**DEFAULTS[table], **row}
                marks = ", ".join("?" for _ in whole)
                connection.execute(f"insert into {table} ({', '.join(whole)}) values ({marks})", list(whole.values()))

    def run(self, sql: str) -> None:
        with self.transaction() as connection:
            connection.execute(sql)

    def touch(self, item: str, at: str, event: str = "add_to_cart", **more: Any) -> None:
        """One event of a cart, at a moment such as '2026-03-10 12:00'."""
        moment = datetime.fromisoformat(at)
        row = {"event_id": at + item + event, "item_id": item, "occurred_at": moment, "event_date": moment.date()}
        self.add("interactions.session_events", {**row, "event_type": event, **more})


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Ann is customer 1 and visitor v1; items a and b can be had."""
    shop = Shop(tmp_path / "shop.duckdb", threads=1)
    with shop.transaction() as connection:
        for schema in {table.split(".")[0] for table in TABLES}:
            connection.execute(f"create schema {schema}")
        for table, columns in TABLES.items():
            connection.execute(f"create table {table} ({columns})")
    shop.add(
        "identity.identity_map",
        *({"identifier": i, "person_id": "ann"} for i in ("customer:1", "visitor:v1", "visitor:v2")),
    )
    shop.add("profiles.customer_profiles", {})
    shop.add("profiles.item_profiles", {"item_id": "a"}, {"item_id": "b"})
    return shop
