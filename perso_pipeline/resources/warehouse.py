"""The DuckDB warehouse: one file, one writer at a time.

Everything that opens the working file goes through ``DuckDBWarehouse`` or holds ``WarehouseLock`` (dbt
does). Keep SQL of the stages out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow as pa
from pydantic import PrivateAttr

from perso_pipeline.contracts.warehouse import NO_TABLES, Value
from perso_pipeline.resources.warehouse_lock import Config, WarehouseLock


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

    @property
    def config(self) -> Config:
        """DuckDB's settings for this file, or for what is made beside it."""
        return {
            "memory_limit": self._memory_limit,
            "threads": self._threads,
            "temp_directory": str(self.path.parent / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }

    @contextmanager
    def connect(self, *, read_only: bool = False, purpose: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection under the lock, closed at the end of the block whatever happens."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as block:
            if self._keeps_open and read_only:
                connection = block.enter_context(WarehouseLock.reader(self.path, self.config, purpose=purpose))
            else:
                block.enter_context(WarehouseLock.hold(self.path, purpose=purpose))
                connection = duckdb.connect(str(self.path), read_only=read_only, config=dict(self.config))
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
        purpose = f"writing {', '.join(map(str, partition.values()))}"
        with self.transaction(purpose=purpose) as connection, ThreadPoolExecutor(1) as writer:
            self._writing = connection.cursor()
            try:
                before: Future[None] | None = None  # a part is written while the next one is made
                for part in parts:
                    if before:
                        before.result()
                    before = writer.submit(self._append_all, connection, part, partition, written)
                if before:
                    before.result()
            finally:
                self._writing.close()
                self._writing = None
        return written

    def _append_all(
        self,
        connection: duckdb.DuckDBPyConnection,
        part: Mapping[str, pa.Table],
        partition: Mapping[str, Value],
        written: dict[str, int],
    ) -> None:
        for table, rows in part.items():
            self._append(connection, table, rows, partition if table not in written else None)
            written[table] = written.get(table, 0) + rows.num_rows

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
