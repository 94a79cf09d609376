"""CSV for people: opened in a spreadsheet, no value becomes a formula.

Used for what marketers load elsewhere. Machines read the Parquet beside it.
"""

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
LIST_SEPARATOR = "|"


def guarded(value: Any) -> str:
    """The cell's text; text that a spreadsheet would run gets an apostrophe before it. Numbers stay as they are."""
    if value is None:
        return ""
    if isinstance(value, list):
        value = LIST_SEPARATOR.join(map(str, value))
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA_STARTS) else text


def write_csv(rows: pa.Table, path: Path) -> None:
    """Write header and rows, UTF-8, every cell quoted, lines ended by CR LF (RFC 4180)."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow([guarded(name) for name in rows.column_names])
        for batch in rows.to_batches(max_chunksize=10_000):
            writer.writerows([guarded(value) for value in row.values()] for row in batch.to_pylist())
