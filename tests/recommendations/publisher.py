"""Publishes night after night from a warehouse in memory: run as ``publisher.py HOME NIGHTS``, to be watched or killed."""

import sys
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from perso_pipeline.contracts.warehouse import Value
from perso_pipeline.recommendations.publish import publish

TABLES = ("recommendations.recommendations", "profiles.item_profiles")


class MemoryWarehouse:
    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": 1})
        for schema in ("recommendations", "profiles"):
            self._connection.execute(f"create schema {schema}")
        self._connection.execute(
            "create table recommendations.recommendations as "
            "select date '2026-03-10' + n::integer as night, 'item of ' || n as item_id from range(60) as t(n), range(5);"
            "create table profiles.item_profiles as "
            "select date '2026-03-10' + n::integer as night, 'i' || n as item_id from range(60) as t(n)"
        )

    def query(self, sql: str, parameters: Mapping[str, Value] | Sequence[Value] = ()) -> pa.Table:
        return self._connection.sql(sql, params=parameters or None).to_arrow_table()

    def export(self, sql: str, path: Path, parameters: Mapping[str, Value]) -> None:
        self._connection.sql(sql, params=dict(parameters)).write_parquet(str(path))

    def write_partition(self, table: str, rows: pa.Table, partition: Mapping[str, Value]) -> int:
        self._connection.register("incoming_rows", rows)
        self._connection.execute(f"create table if not exists {table} as from incoming_rows limit 0")
        self._connection.execute(f"delete from {table} where night = ?", [partition["night"]])
        self._connection.execute(f"insert into {table} by name from incoming_rows")
        return rows.num_rows

    def exists(self, table: str) -> bool:
        found = "select 1 from information_schema.tables where table_schema || '.' || table_name = ?"
        return self.query(found, [table]).num_rows > 0


if __name__ == "__main__":
    home, nights = Path(sys.argv[1]), int(sys.argv[2])
    warehouse = MemoryWarehouse()
    print("ready", flush=True)
    for n in range(nights):
        night = date(2026, 3, 10) + timedelta(days=n % 60)
        publish(warehouse, night=night, published_dir=home, tables=TABLES, keep=3)
