"""Small shops in memory: tables of profiles and facts, and a warehouse that answers queries on them."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import duckdb
import pyarrow as pa

from perso_pipeline.profiles.contract import CUSTOMER_ATTRIBUTES, Kind

NIGHT = date(2026, 3, 10)
MONEY = pa.decimal128(18, 4)
_KINDS = {Kind.TEXT: pa.string(), Kind.NUMBER: pa.float64(), Kind.DATE: pa.date32(), Kind.FLAG: pa.bool_()}
SCHEMAS = {
    "profiles.customer_profiles": pa.schema(
        [("night", pa.date32()), ("site_id", pa.string()), ("person_id", pa.string())]
        + [(name, _KINDS[kind]) for name, kind in CUSTOMER_ATTRIBUTES.items()]
    ),
    "profiles.item_profiles": pa.schema({
        "night": pa.date32(), "site_id": pa.string(), "item_id": pa.string(), "category_path": pa.string(),
        "brand": pa.string(), "price": MONEY,
    }),
    "profiles.affinities": pa.schema({
        "night": pa.date32(), "site_id": pa.string(), "person_id": pa.string(), "kind": pa.string(), "value": pa.string(),
        "weight": pa.float64(), "share": pa.float64(),
    }),
    "identity.identity_map": pa.schema({
        "identifier": pa.string(), "person_id": pa.string(), "known_on": pa.date32(), "void_on": pa.date32(),
    }),
    "interactions.interactions": pa.schema({
        "site_id": pa.string(), "identifier": pa.string(), "event_type": pa.string(), "event_date": pa.date32(),
        "session_id": pa.string(), "item_id": pa.string(), "quantity": pa.int64(), "amount": MONEY,
        "is_robot": pa.bool_(), "known_on": pa.date32(),
    }),
    "interactions.sessions": pa.schema({
        "session_id": pa.string(), "site_id": pa.string(), "identifier": pa.string(), "session_date": pa.date32(),
        "duration_seconds": pa.int64(), "searches": pa.int64(), "channel": pa.string(), "device_type": pa.string(),
        "is_robot": pa.bool_(), "known_on": pa.date32(),
    }),
    "interactions.session_events": pa.schema({
        "event_id": pa.string(), "session_id": pa.string(), "occurred_at": pa.timestamp("us"), "event_date": pa.date32(),
        "site_id": pa.string(), "event_type": pa.string(), "order_id": pa.string(), "known_on": pa.date32(),
    }),
    "interactions.order_movements": pa.schema({
        "movement_id": pa.string(), "site_id": pa.string(), "order_id": pa.string(), "order_line_id": pa.string(),
        "movement": pa.string(), "movement_date": pa.date32(), "order_date": pa.date32(),
        "occurred_at": pa.timestamp("us"), "identifier": pa.string(), "item_id": pa.string(), "is_goods": pa.bool_(),
        "quantity": pa.int64(), "gross": MONEY, "net": MONEY, "refunded": MONEY, "known_on": pa.date32(),
    }),
}  # fmt: skip


class MemoryWarehouse:
    """The query half of ``contracts.warehouse.Warehouse`` on a DuckDB in memory."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        for table in SCHEMAS:
            self.connection.execute(f"create schema if not exists {table.split('.')[0]}")

    def fill(self, tables: dict[str, list[dict]]) -> "MemoryWarehouse":
        """Tables by short name; what is not given is empty, a column that a row leaves out is null."""
        for table, schema in SCHEMAS.items():
            rows = pa.Table.from_pylist(tables.get(table.split(".")[1], []), schema=schema)
            self.connection.register("rows", rows)
            self.connection.execute(f"create or replace table {table} as from rows")
        return self

    def query(self, sql, parameters=()):
        return self.connection.sql(sql, params=parameters or None).to_arrow_table()


def day(back: int) -> date:
    return NIGHT - timedelta(days=back)


def at(back: int, hour: int = 12) -> datetime:
    return datetime.combine(day(back), datetime.min.time()) + timedelta(hours=hour)


def money(amount: float) -> Decimal:
    return Decimal(str(amount)).quantize(Decimal("0.0001"))
