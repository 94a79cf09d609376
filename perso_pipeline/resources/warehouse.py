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
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow as pa
from pydantic import PrivateAttr

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.warehouse import NO_TABLES, Value

Config = Mapping[str, str | bool | int | float | list[str]]  # DuckDB's settings


class WarehouseLock:
    """An advisory lock beside the warehouse file, held by one process and re-entered within it.

    DuckDB refuses a second process at once; with this a second run waits and can say for whom. Opening a file takes
    20 ms of processor, more than most queries of a night, so a database that was opened to be read (``reader``) stays
    open, and the lock held, for a moment after its block: a tenth of a second, or until this process wants the file
    for something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._depth = 0
        self._descriptor = -1
        self._kept: duckdb.DuckDBPyConnection | None = None
        self._leaving: threading.Timer | None = None

    @staticmethod
    @contextmanager
    def hold(warehouse_path: Path, *, purpose: str = "", timeout_seconds: float = 600.0) -> Iterator[None]:
        """Hold the lock for a block that opens the file by itself.

        Raises:
            PersoError: another process kept it longer than ``timeout_seconds``; names the process.
        """
        with _ONE_THREAD, WarehouseLock._of(warehouse_path).held(purpose, timeout_seconds, closes=True):
            yield

    @staticmethod
    @contextmanager
    def reader(warehouse_path: Path, config: Config, *, purpose: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
        """Hold the lock for a block that only reads; the database stays open for the next such block.

        Raises:
            PersoError: another process kept it longer than ten minutes; names the process.
        """
        with _ONE_THREAD, WarehouseLock._of(warehouse_path).opened(warehouse_path, config, purpose) as found:
            yield found

    @staticmethod
    def leave(warehouse_path: Path) -> None:
        """Close a database that was kept open and let go of its lock now."""
        with _ONE_THREAD:
            WarehouseLock._of(warehouse_path).let_go()

    @staticmethod
    def _of(warehouse_path: Path) -> "WarehouseLock":
        path = warehouse_path.with_suffix(".lock")
        return _LOCKS.setdefault(path, WarehouseLock(path))

    @contextmanager
    def held(self, purpose: str, timeout_seconds: float = 600.0, *, closes: bool = False) -> Iterator[None]:
        """The lock; where asked and not further in, without a database that is still open."""
        self.acquire(purpose, timeout_seconds)
        try:
            if closes and self._depth == 1:
                self._close()
            yield
        finally:
            self.release()

    @contextmanager
    def opened(self, path: Path, config: Config, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """The lock and a connection that reads; kept open but within a block that opens the file by itself."""
        is_kept = self._depth == 0 or self._kept is not None
        with self.held(purpose):
            if self._kept is None:
                self._kept = duckdb.connect(str(path), read_only=True, config=dict(config))
            connection = self._kept.cursor()
            try:
                yield connection
            finally:
                connection.close()
                if not is_kept:
                    self._close()

    def let_go(self) -> None:
        """Close and unlock, unless somebody is within."""
        if self._depth == 0 and self._descriptor >= 0:
            self._close()
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = -1

    def _close(self) -> None:
        if self._kept:
            self._kept.close()
            self._kept = None

    def _let_go_unless_wanted(self) -> None:
        with _ONE_THREAD:
            if self._leaving is threading.current_thread():
                self.let_go()

    def acquire(self, purpose: str, timeout_seconds: float) -> None:
        if self._leaving:
            self._leaving.cancel()
            self._leaving = None
        if self._depth == 0 and self._descriptor < 0:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            deadline = time.monotonic() + timeout_seconds
            while not self._try():
                if time.monotonic() > deadline:
                    os.close(self._descriptor)
                    self._descriptor = -1
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
        if self._depth == 0 and self._kept is None:
            self.let_go()
        elif self._depth == 0:
            self._leaving = threading.Timer(_KEPT_SECONDS, self._let_go_unless_wanted)
            self._leaving.daemon = True
            self._leaving.start()

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
_KEPT_SECONDS = 0.1


class DuckDBWarehouse:
    """``contracts.warehouse.Warehouse`` on one DuckDB file.

    No connection outlives its block: dbt and a second run can open the file in between. With ``keeps_open`` a
    database that was read stays open for a moment after it (``WarehouseLock``), for a night of many small queries.
    """

    def __init__(self, path: Path, *, memory_limit: str = "4GB", threads: int = 2, keeps_open: bool = False) -> None:
        self.path = path
        self._memory_limit = memory_limit
        self._threads = threads
        self._keeps_open = keeps_open
        self._writing: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def connect(self, *, read_only: bool = False, purpose: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection under the lock, closed at the end of the block whatever happens."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        config: Config = {
            "memory_limit": self._memory_limit,
            "threads": self._threads,
            "temp_directory": str(self.path.parent / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        with ExitStack() as block:
            if self._keeps_open and read_only:
                connection = block.enter_context(WarehouseLock.reader(self.path, config, purpose=purpose))
            else:
                block.enter_context(WarehouseLock.hold(self.path, purpose=purpose))
                connection = duckdb.connect(str(self.path), read_only=read_only, config=dict(config))
                block.callback(connection.close)
            connection.execute("set timezone = 'UTC'")
            yield connection

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

    def query(
        self,
        sql: str,
        parameters: Mapping[str, Value] | Sequence[Value] = (),
        tables: Mapping[str, pa.Table] = NO_TABLES,
    ) -> pa.Table:
        with ExitStack() as block:
            if self._writing is not None:  # another transaction of the same file: sees what was there before the write
                connection = block.enter_context(self._writing.cursor())
            else:
                connection = block.enter_context(self.connect(read_only=self.path.exists()))
            for name, rows in tables.items():  # copied: of a view of rows DuckDB would not know how many there are
                connection.register("given_rows", rows)
                connection.execute(f"create temp table {_in_quotes(name)} as from given_rows")
                connection.unregister("given_rows")
                block.callback(connection.execute, f"drop table temp.{_in_quotes(name)}")
            return connection.sql(sql, params=parameters or None).to_arrow_table()

    def export(self, sql: str, path: Path, parameters: Mapping[str, Value]) -> None:
        with self.connect(read_only=self.path.exists()) as connection:
            connection.sql(sql, params=dict(parameters)).write_parquet(str(path), compression="zstd")

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
        if instead_of is not None:
            # columns said outright: what "create table as ... limit 0" made is read as empty by DuckDB 2.0.0 after more
            # than a row group was inserted in the same transaction, until the next checkpoint
            incoming = connection.from_arrow(rows)
            columns = [(column, str(kind)) for column, kind in zip(incoming.columns, incoming.types, strict=True)]
            listed = ", ".join(f"{_in_quotes(column)} {kind}" for column, kind in columns)
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(f"create table if not exists {schema}.{name} ({listed})")
            where = " and ".join(f'"{column}" = ?' for column in instead_of)
            connection.execute(f"delete from {schema}.{name} where {where}", list(instead_of.values()))
            self._add_missing_columns(connection, table, columns)
        # "rows" is the argument, found by its name: a registered view would hold it in memory until the commit
        connection.execute(f"insert into {schema}.{name} by name from rows")

    @staticmethod
    def _add_missing_columns(
        connection: duckdb.DuckDBPyConnection, table: str, columns: Iterable[tuple[str, str]]
    ) -> None:
        """Columns that a newer version of the product writes and the stored table has not; null in older nights."""
        schema, name = _quoted(table)
        standing = {row[0] for row in connection.execute(f"describe {schema}.{name}").fetchall()}
        for column, kind in columns:
            if column not in standing:
                connection.execute(f"alter table {schema}.{name} add column {_in_quotes(column)} {kind}")

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
    return _in_quotes(schema), _in_quotes(name)


def _in_quotes(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class WarehouseResource(dg.ConfigurableResource):
    """Hands assets a ``DuckDBWarehouse``."""

    path: str
    memory_limit: str = "4GB"
    threads: int = 2
    _is_of_a_run: bool = PrivateAttr(default=False)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 -- Dagster's signature
        self._is_of_a_run = True

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 -- Dagster's signature
        WarehouseLock.leave(Path(self.path))

    def open(self) -> DuckDBWarehouse:
        return DuckDBWarehouse(
            Path(self.path), memory_limit=self.memory_limit, threads=self.threads, keeps_open=self._is_of_a_run
        )
