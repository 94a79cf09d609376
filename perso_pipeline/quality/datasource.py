"""Great Expectations on DuckDB, inside the database.

GX 1.24 has no DuckDB datasource, and its SQLAlchemy engine closes a connection before the rows are
fetched, so this keeps one. Drop it when GX ships its own (great_expectations#12084). Keep thresholds and
Dagster out. Importing this module imports Great Expectations, which takes seconds: do so inside a step.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from great_expectations.compatibility.sqlalchemy import sqlalchemy
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine

from perso_pipeline.quality.short_ways import install


class KeptConnectionEngine(SqlAlchemyExecutionEngine):
    """A SQLAlchemy execution engine with one connection for its whole life."""

    _connection: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.answered: dict[tuple[str, ...], Any] = {}  # for the shorter ways

    @contextmanager
    def get_connection(self) -> Iterator[Any]:
        if not self._connection:
            self._connection = self.engine.connect()
        yield self._connection

    def dispose(self) -> None:
        if self._connection:
            self._connection.close()
        self.engine.dispose()


install(KeptConnectionEngine)

EngineClass = type[SqlAlchemyExecutionEngine]  # the class below has a field called type


class DuckDBDatasource(SQLDatasource):
    """A DuckDB file, opened read-only; reflection shares the one connection."""

    type: Literal["duckdb"] = "duckdb"

    @property
    def execution_engine_type(self) -> EngineClass:
        return KeptConnectionEngine

    def _execution_engine_type(self) -> EngineClass:
        return KeptConnectionEngine

    def test_connection(self, test_assets: bool = True) -> None:  # noqa: FBT001, FBT002 -- GX's signature
        """Nothing to try: the query of each asset is its own test."""


def add_warehouse(context: Any, path: str, limits: Mapping[str, str | int]) -> Any:
    """Add the DuckDB file to a GX context as datasource ``warehouse`` (GX names ``add_duckdb`` after the type).

    Args:
        context: Of GX.
        path: The file; its lock is held by the caller.
        limits: DuckDB's ``memory_limit`` and ``threads``.
    """
    return context.data_sources.add_duckdb(
        name="warehouse",
        connection_string=f"duckdb:///{path}",
        create_temp_table=False,
        kwargs={"connect_args": {"read_only": True, "config": dict(limits)}, "poolclass": sqlalchemy.pool.StaticPool},
    )
