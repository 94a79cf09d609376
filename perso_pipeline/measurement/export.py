"""The figures of a night as files for the owner's own tools, and the report's cells as CSV text.

A table whose rows name people stays in the warehouse: add none to ``EXPORTED``.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from perso_pipeline.contracts.csv_files import write_csv
from perso_pipeline.contracts.warehouse import Warehouse

_RECENT = "report_date > $night - interval 7 day"
EXPORTED: Mapping[str, str | None] = {
    "revenue_report": None,
    "segment_revenue": None,
    "attributed_revenue": None,
    "attribution_overlap": None,
    "recommendation_funnel": _RECENT,  # by slot and level it is long; the files of seven nights overlap
    "funnel_rates": None,
    "business_days": None,
    "customer_cells": None,
    "cohort_values": None,
    "repeat_purchases": None,
    "churn_months": None,
    "promotion_effect": None,
    "seasonality": None,
    "product_performance": None,
    "restatement_log": None,
    "lift": None,
    "lift_moments": None,
    "experiments": None,
    "readiness": None,
}
"""Tables of ``measurement`` that hold figures and no people, with the rows that go out where not all do."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def export_figures(warehouse: Warehouse, night: date, folder: Path) -> dict[str, int]:
    """Write each table's rows of the night as ``<table>.parquet`` and ``<table>.csv``; returns rows by table.

    Rows are in the order of all columns, so that the same night gives the same files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for table, condition in EXPORTED.items():
        where = f"night = $night and {condition}" if condition else "night = $night"
        rows = warehouse.query(f"select * from measurement.{table} where {where} order by all", {"night": night})
        pq.write_table(rows, folder / f"{table}.parquet", compression="zstd")
        write_csv(rows, folder / f"{table}.csv")
        written[table] = rows.num_rows
    return written


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV with a header line; no rows, no text.

    Text that a spreadsheet would take for a formula gets a leading apostrophe (OWASP, CSV injection);
    numbers keep their minus.
    """
    buffer = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(buffer, fieldnames=list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow({name: _guarded(value) for name, value in row.items()})
    return buffer.getvalue()


def _guarded(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
