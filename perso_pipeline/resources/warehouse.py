"""The DuckDB warehouse: one file, one writer at a time, waiting instead of failing.

Everything that opens the working file goes through ``DuckDBWarehouse`` or holds ``WarehouseLock`` (dbt
does). Keep SQL of the stages out.
"""

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow as pa

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.warehouse import Value


class WarehouseLock:
    """An advisory lock beside the warehouse file, held by one process and re-entered within it.

    DuckDB refuses a second process at once; with this a second run waits and can say for whom.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._depth = 0
        self._descriptor = -1

    @staticmethod
    @contextmanager
    def hold(warehouse_path: Path, *, purpose: str = "", timeout_seconds: float = 600.0) -> Iterator[None]:
        """Hold the lock for a block.

        Raises:
            PersoError: another process kept it longer than ``timeout_seconds``; names the process.
        """
        path = warehouse_path.with_suffix(".lock")
        with _ONE_THREAD:
            lock = _LOCKS.setdefault(path, WarehouseLock(path))
            lock.acquire(purpose, timeout_seconds)
            try:
                yield
            finally:
                lock.release()

    def acquire(self, purpose: str, timeout_seconds: float) -> None:
        if self._depth == 0:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            deadline = time.monotonic() + timeout_seconds
            while not self._try():
                if time.monotonic() > deadline:
                    os.close(self._descriptor)
                    msg = (
                        f"The warehouse is in use by {self._holder()}; wait for it to end or stop it, "
                        f"then start again (waited {timeout_seconds:.0f} s)."
                    )
                    raise PersoError(msg)
                time.sleep(_POLL_SECONDS)
            note = json.dumps({"process": os.getpid(), "purpose": purpose}).encode()
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, note, 0)
        self._depth += 1

    def release(self) -> None:
        self._depth -= 1
        if self._depth == 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> str:
        try:
            note = json.loads(self._path.read_text(encoding="utf-8"))
        except ValueError:
            return "another process"
        return f"process {note['process']}" + (f" ({note['purpose']})" if note["purpose"] else "")


_LOCKS: dict[Path, WarehouseLock] = {}  # one a file in this process, so that holding it again only counts
_ONE_THREAD = threading.RLock()
_POLL_SECONDS = 0.05


class DuckDBWarehouse:
    """``contracts.warehouse.Warehouse`` on one DuckDB file.

    No connection outlives its block: dbt and a second run can open the file in between.
    """

    def __init__(self, path: Path, *, memory_limit: str = "4GB", threads: int = 2) -> None:
        self.path = path
        self._memory_limit = memory_limit
        self._threads = threads
        self._writing: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def connect(self, *, read_only: bool = False, purpose: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection under the lock, closed at the end of the block whatever happens."""
        with WarehouseLock.hold(self.path, purpose=purpose):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = duckdb.connect(
                str(self.path),
                read_only=read_only,
                config={
                    "memory_limit": self._memory_limit,
                    "threads": self._threads,
                    "temp_directory": str(self.path.parent / "spill"),
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                },
            )
            try:
                connection.execute("set timezone = 'UTC'")
                yield connection
            finally:
                connection.close()

    @contextmanager
    def transaction(self, *, purpose: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection in which all or nothing of the block is kept."""
        with self.connect(purpose=purpose) as connection:
            connection.execute("begin transaction")
            try:
                yield connection
            except BaseException:
                connection.execute("rollback")
                raise
            connection.execute("commit")

    def query(self, sql: str, parameters: Mapping[str, Value] | Sequence[Value] = ()) -> pa.Table:
        if self._writing is not None:  # another transaction of the same file: sees what was there before the write
            with self._writing.cursor() as cursor:
                return cursor.sql(sql, params=parameters or None).to_arrow_table()
        with self.connect(read_only=self.path.exists()) as connection:
            return connection.sql(sql, params=parameters or None).to_arrow_table()

    def write_partition(self, table: str, rows: pa.Table, partition: Mapping[str, Value]) -> int:
        return self.write_partitions([{table: rows}], partition)[table]

    def write_partitions(
        self, parts: Iterable[Mapping[str, pa.Table]], partition: Mapping[str, Value]
    ) -> dict[str, int]:
        """Replace the rows of ``partition`` in each table by those of all parts, in one transaction.

        A part has rows for any of the tables, which share the partition's columns. Parts may be made as they are asked
        for, so that what is larger than memory can be written; what they query is the state before the write.
        Returns the number of rows written to each table.
        """
        written: dict[str, int] = {}
        with self.transaction(purpose=f"writing {', '.join(map(str, partition.values()))}") as connection:
            self._writing = connection
            try:
                for part in parts:
                    for table, rows in part.items():
                        self._append(connection, table, rows, partition if table not in written else None)
                        written[table] = written.get(table, 0) + rows.num_rows
            finally:
                self._writing = None
        return written

    def _append(
        self, connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table, instead_of: Mapping[str, Value] | None
    ) -> None:
        """Put rows into a table, made where it is missing; where said, in place of a partition."""
        schema, name = _quoted(table)
        connection.register("incoming_rows", rows)
        if instead_of is not None:
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(f"create table if not exists {schema}.{name} as from incoming_rows limit 0")
            where = " and ".join(f'"{column}" = ?' for column in instead_of)
            connection.execute(f"delete from {schema}.{name} where {where}", list(instead_of.values()))
            self._add_missing_columns(connection, table)
        connection.execute(f"insert into {schema}.{name} by name from incoming_rows")
        connection.unregister("incoming_rows")

    @staticmethod
    def _add_missing_columns(connection: duckdb.DuckDBPyConnection, table: str) -> None:
        """Columns that a newer version of the product writes and the stored table has not; null in older nights."""
        schema, name = _quoted(table)
        standing = {row[0] for row in connection.execute(f"describe {schema}.{name}").fetchall()}
        for column, kind, *_ in connection.execute("describe incoming_rows").fetchall():
            if column not in standing:
                quoted = column.replace('"', '""')
                connection.execute(f'alter table {schema}.{name} add column "{quoted}" {kind}')

    def exists(self, table: str) -> bool:
        if not self.path.exists():
            return False
        schema, name = table.split(".")
        found = self.query(
            "select 1 from information_schema.tables where table_schema = ? and table_name = ?", [schema, name]
        )
        return found.num_rows > 0


def _quoted(table: str) -> tuple[str, str]:
    schema, name = table.split(".")
    return '"' + schema.replace('"', '""') + '"', '"' + name.replace('"', '""') + '"'


class WarehouseResource(dg.ConfigurableResource):
    """Hands assets a ``DuckDBWarehouse``."""

    path: str
    memory_limit: str = "4GB"
    threads: int = 2

    def open(self) -> DuckDBWarehouse:
        return DuckDBWarehouse(Path(self.path), memory_limit=self.memory_limit, threads=self.threads)
