"""The warehouse without the people: their rows deleted in one transaction, the books and ledgers set right.

Keep writing the file anew out (``compaction``).
"""

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from perso_pipeline.erasure.compaction import GONE_LINES, stream_of
from perso_pipeline.erasure.landing import FilePlan
from perso_pipeline.erasure.people import People
from perso_pipeline.erasure.rows import condition, give_people
from perso_pipeline.identity.config import IdentityRules
from perso_pipeline.identity.resolve import resolve
from perso_pipeline.raw.tables import ensure_tables
from perso_pipeline.resources.warehouse import DuckDBWarehouse

_DONE = "raw.erasures"


def delete(
    warehouse: DuckDBWarehouse,
    people: People,
    plans: Sequence[FilePlan],
    sizes: Mapping[str, int],
    artefacts: Mapping[str, tuple[str, int]],
    renamed: Mapping[str, str],
    rules: IdentityRules,
    *,
    erasure_id: str,
) -> dict[str, int]:
    """Delete every row of the people in one transaction; rows gone by table, also where it was done already.

    Args:
        warehouse: Held by the caller.
        people: Who goes.
        plans: Records taken out of landing files.
        sizes: Size of each of these files by name.
        artefacts: Hash before -> (hash, bytes) of a model file written anew.
        renamed: Version of a publication before -> now.
        rules: Of identity, to decide anew on what the people shared with others.
        erasure_id: Marks in the warehouse that this was done.
    """
    gone: dict[str, int] = {}
    with warehouse.transaction(purpose="erasing people") as connection:
        ensure_tables(connection)
        connection.execute(f"create table if not exists {_DONE} (erasure_id varchar, table_name varchar, rows bigint)")
        before = connection.execute(
            f"select table_name, rows from {_DONE} where erasure_id = ?", [erasure_id]
        ).fetchall()
        if before:  # done, and killed before the journal said so
            return {table: rows for table, rows in before if table}
        give_people(connection, people)
        loaded = _loaded(connection, plans)
        _give_records(connection, loaded)
        for schema, table, columns in _tables(connection):
            name = f'"{schema}"."{table}"'
            parts = [condition(columns, is_identity=schema == "identity")]
            parts.append(_by_line(columns, table) if {"file", "line"} <= columns else None)
            given = [part for part in parts if part]
            if given:
                count = connection.execute(f"delete from {name} where {' or '.join(given)}").fetchall()[0][0]
                if count:
                    gone[f"{schema}.{table}"] = int(count)
        _note_gone_lines(connection, loaded)
        _renew_books(connection, plans, sizes)
        connection.execute(
            "delete from raw.user_agents where user_agent not in"
            " (select user_agent from raw.storefront_events where user_agent is not null)"
        )
        _rename(connection, artefacts, renamed)
        if people.shared or people.stretches:
            connection.execute("delete from identity.identity_rules")  # decides anew on everybody
            nights = connection.execute("select min(load_date), max(load_date) from raw.loaded_days").fetchall()[0]
            resolve(connection, rules, first=nights[0], last=nights[1])
        for table, rows in {"": 0, **gone}.items():
            connection.execute(f"insert into {_DONE} values (?, ?, ?)", [erasure_id, table, rows])
    return gone


def _tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, frozenset[str]]]:
    rows = connection.execute(
        "select t.schema_name, t.table_name, list(c.column_name)"
        " from duckdb_tables() as t inner join duckdb_columns() as c using (database_name, schema_name, table_name)"
        " where t.database_name = current_database() and not t.temporary"
        " group by all order by all"
    ).fetchall()
    return [(schema, table, frozenset(columns)) for schema, table, columns in rows]


def _give_records(connection: duckdb.DuckDBPyConnection, plans: Sequence[FilePlan]) -> None:
    lines = [(plan.stream, plan.name, line) for plan in plans for line in plan.lines]
    table = pa.table(
        {
            "stream": pa.array([stream for stream, _, _ in lines], pa.string()),
            "file": pa.array([file for _, file, _ in lines], pa.string()),
            "line": pa.array([line for _, _, line in lines], pa.int64()),
        }
    )
    connection.register("given_records", table)
    connection.execute("create or replace temp table erasing_records as from given_records")
    connection.unregister("given_records")


def _by_line(columns: frozenset[str], table: str) -> str:
    stream = "stream" if "stream" in columns else f"'{stream_of(table)}'"
    return f"({stream}, file, line) in (select (stream, file, line) from erasing_records)"


def _note_gone_lines(connection: duckdb.DuckDBPyConnection, plans: Sequence[FilePlan]) -> None:
    """Rows of a Parquet file move up: those after the gone ones are numbered anew when the file is written anew."""
    of_parquet = [plan for plan in plans if plan.name.lower().endswith(".parquet")]
    records = pa.table(
        {
            "stream": pa.array([plan.stream for plan in of_parquet], pa.string()),
            "file": pa.array([plan.name for plan in of_parquet], pa.string()),
            "records": pa.array([plan.rows for plan in of_parquet], pa.int64()),
        }
    )
    connection.register("parquet_files", records)
    connection.execute(
        f"create or replace table {GONE_LINES} as"
        " select stream, file, line, records from erasing_records inner join parquet_files using (stream, file)"
    )
    connection.unregister("parquet_files")


def _loaded(connection: duckdb.DuckDBPyConnection, plans: Sequence[FilePlan]) -> list[FilePlan]:
    """The files that stand in the tables as they were; another delivery is read anew by the next run."""
    books = set(connection.execute("select stream, file, bytes from raw.delivered_files").fetchall())
    return [plan for plan in plans if (plan.stream, plan.name, plan.bytes) in books]


def _renew_books(connection: duckdb.DuckDBPyConnection, plans: Sequence[FilePlan], sizes: Mapping[str, int]) -> None:
    """Delivered stays; what was taken out of a file now or earlier is erased."""
    loaded = set(_loaded(connection, plans))
    for plan in plans:
        key = [plan.load_date, plan.stream, plan.name]
        where = "load_date = ? and stream = ? and file = ?"
        earlier = connection.execute(
            f"select coalesce(sum(records), 0)::bigint from raw.erased_records where {where} and bytes = ?",
            [*key, plan.bytes],
        ).fetchall()[0][0]
        connection.execute(f"delete from raw.erased_records where {where}", key)
        erased = len(plan.lines) + earlier
        connection.execute("insert into raw.erased_records values (?, ?, ?, ?, ?)", [*key, sizes[plan.name], erased])
        if plan in loaded:
            connection.execute(
                f"""
                update raw.delivered_files as d set bytes = ?, erased = ?,
                    accepted = (select count(*) from raw.{plan.stream} as t
                        where t.load_date = d.load_date and t.file = d.file),
                    rejected = (select count(*) from raw.rejected_records as r
                        where r.load_date = d.load_date and r.stream = d.stream and r.file = d.file)
                where {where}""",
                [sizes[plan.name], erased, *key],
            )


def _rename(
    connection: duckdb.DuckDBPyConnection, artefacts: Mapping[str, tuple[str, int]], renamed: Mapping[str, str]
) -> None:
    standing = {f"{schema}.{table}" for schema, table, _ in _tables(connection)}
    if "models.model_artifacts" in standing:
        for before, (sha256, size) in artefacts.items():
            connection.execute(
                "update models.model_artifacts set sha256 = ?, bytes = ? where sha256 = ?", [sha256, size, before]
            )
    if "recommendations.publish_log" in standing:
        for before, now in renamed.items():
            connection.execute("update recommendations.publish_log set version = ? where version = ?", [now, before])
