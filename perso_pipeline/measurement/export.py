"""The report's cells as CSV that a spreadsheet opens without running anything in it."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


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
