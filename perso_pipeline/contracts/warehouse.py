"""What a Python stage may ask of the warehouse.

Stages take this protocol, never DuckDB: a Spark implementation can stand in its place. Keep engines out.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import pyarrow as pa

Value = str | int | float | bool | date | None
NO_TABLES: Mapping[str, pa.Table] = MappingProxyType({})


class Warehouse(Protocol):
    """Query to Arrow or Parquet, Arrow to table partition."""

    def query(
        self,
        sql: str,
        parameters: Mapping[str, Value] | Sequence[Value] = (),
        tables: Mapping[str, pa.Table] = NO_TABLES,
    ) -> pa.Table:
        """Run one read-only statement; values go in as ``$name`` or ``?``, never into the text.

        ``tables`` are rows that the statement reads under their names beside the warehouse's own.
        """
        ...

    def export(self, sql: str, path: Path, parameters: Mapping[str, Value]) -> None:
        """Write the rows of one statement to a Parquet file (zstd), in their order and without holding them all."""
        ...

    def write_partition(self, table: str, rows: pa.Table, partition: Mapping[str, Value]) -> int:
        """Replace the rows of ``partition`` (column = value, ...) by ``rows`` in one transaction.

        The table (``schema.name``) is made with the rows' types where it is missing. Returns the number
        of rows written.
        """
        ...

    def exists(self, table: str) -> bool:
        """Whether ``schema.name`` is there."""
        ...
