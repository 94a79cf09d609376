from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from perso_pipeline.measurement.export import EXPORTED, LEFT_OUT, export_tables
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.settings import PROJECT_ROOT

NIGHT = date(2026, 1, 10)
MODELS = PROJECT_ROOT / "sql" / "models"


def test_every_measurement_table_is_written_or_left_out_for_a_reason():
    built = {path.stem for path in (MODELS / "measurement").glob("*.sql")}
    sources = yaml.safe_load((MODELS / "sources" / "measurement.yml").read_text(encoding="utf-8"))["sources"]
    made = {table["name"] for source in sources for table in source["tables"]}
    assert built | made == {*EXPORTED, *LEFT_OUT}
    assert not set(EXPORTED) & set(LEFT_OUT)


def test_no_written_table_names_a_person():
    for name in EXPORTED:
        for path in (MODELS / "measurement" / f"{name}.yml",):
            if path.exists():
                columns = {column["name"] for column in yaml.safe_load(path.read_text())["models"][0]["columns"]}
                assert not columns & {"person_id", "visitor_id", "unit_id", "customer_id", "identifier", "order_id"}


def test_both_files_hold_the_night_and_nothing_a_spreadsheet_would_run(tmp_path):
    store = DuckDBWarehouse(tmp_path / "shop.duckdb")
    rows = [
        {"night": NIGHT, "name": "=1+1", "net": Decimal("-4.50"), "cells": ["a", "b"]},
        {"night": NIGHT, "name": "@x", "net": None, "cells": None},
        {"night": NIGHT, "name": "a-b", "net": Decimal("0.00"), "cells": []},
    ]
    schema = pa.schema(
        [("night", pa.date32()), ("name", pa.string()), ("net", pa.decimal128(18, 2)), ("cells", pa.list_(pa.string()))]
    )
    store.write_partition("measurement.small", pa.Table.from_pylist(rows, schema=schema), {"night": NIGHT})
    earlier = pa.Table.from_pylist([{**rows[0], "night": date(2026, 1, 9)}], schema=schema)
    store.write_partition("measurement.small", earlier, {"night": date(2026, 1, 9)})

    assert export_tables(store, NIGHT, tmp_path / "tables", ["small"]) == ("small.csv", "small.parquet")
    assert (tmp_path / "tables" / "small.csv").read_text(encoding="utf-8") == (
        '"night","name","net","cells"\n2026-01-10,"\'=1+1",-4.50,"a|b"\n2026-01-10,"\'@x",,\n2026-01-10,"a-b",0.00,""\n'
    )
    kept = pq.read_table(tmp_path / "tables" / "small.parquet")
    assert kept.column("name").to_pylist() == ["=1+1", "@x", "a-b"]
    assert kept.column("net").to_pylist() == [Decimal("-4.50"), None, Decimal("0.00")]
