"""The warehouse file written anew, so that nothing of deleted rows is left in it.

A deleted row stays in a DuckDB file until its block is used again: only a copy of what is left is clean. The same
pass numbers the rows of Parquet files anew wherever they are named; an update would rewrite those tables once more.
Keep deleting out.
"""

import os
from pathlib import Path

import duckdb

from perso_pipeline.contracts.streams import STREAMS
from perso_pipeline.resources.warehouse import DuckDBWarehouse

# (stream, file, line, records of the file) of rows gone from Parquet files; stands until the file is written anew
GONE_LINES = "raw.lines_to_move_up"
_BLOCK = 1024  # lines that share a row of the table of moves


def compact(warehouse: DuckDBWarehouse) -> None:
    """Write the warehouse, which the caller holds, into a new file and swap it in; no log or spill is left.

    A second call changes nothing.
    """
    path = warehouse.path
    is_waiting = warehouse.exists(GONE_LINES)
    if is_waiting:
        with warehouse.connect(purpose="erasing people") as connection:
            connection.execute("force checkpoint")
        draft = path.with_name(f"{path.name}.erasing")
        draft.unlink(missing_ok=True)
        with duckdb.connect(":memory:", config=dict(warehouse.config)) as connection:
            _copy(connection, path, draft)
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.chmod(path.stat().st_mode)
        draft.replace(path)
    _remove_logs(path)


def stream_of(table: str) -> str:
    """The stream whose records a table of one stream holds."""
    return next((name for name in STREAMS if table.endswith(name)), table)


def _copy(connection: duckdb.DuckDBPyConnection, path: Path, draft: Path) -> None:
    connection.execute("attach $path as before (read_only)", {"path": str(path)})
    connection.execute("attach $path as after", {"path": str(draft)})
    connection.execute("copy from database before to after (schema)")
    connection.execute(f"drop table after.{GONE_LINES}")
    _give_moves(connection)
    tables = connection.execute(
        "select schema_name, table_name, list(column_name) from duckdb_columns()"
        " where (schema_name, table_name) in (select schema_name, table_name from duckdb_tables()"
        " where database_name = 'after') and database_name = 'after' group by all order by all"
    ).fetchall()
    for schema, table, columns in tables:
        name = f'"{schema}"."{table}"'
        rows = f"before.{name}"
        if {"file", "line"} <= set(columns):
            rows = _with_lines_moved(rows, "t.stream" if "stream" in columns else f"'{stream_of(table)}'")
        connection.execute(f"insert into after.{name} from {rows}")
    connection.execute("detach after")


def _give_moves(connection: duckdb.DuckDBPyConnection) -> None:
    """``moves``: by file and block of lines, how many went before the block and which went within it."""
    connection.execute(f"""
        create table moves as
        with blocks as (
            select stream, file, unnest(range(0, max(records) // {_BLOCK} + 1)) as block
            from before.{GONE_LINES} group by stream, file
        ),
        gone as (
            select stream, file, line // {_BLOCK} as block, list(line) as lines
            from before.{GONE_LINES} group by all
        )
        select stream, file, block, coalesce(lines, []) as gone_within,
            coalesce(sum(len(lines)) over (
                partition by stream, file order by block rows between unbounded preceding and 1 preceding
            ), 0)::bigint as gone_before
        from blocks left join gone using (stream, file, block)""")


def _with_lines_moved(rows: str, stream: str) -> str:
    """As a hash join, which keeps the order of the rows and with it how well they compress."""
    return f"""(
        select t.* replace (
            case when m.file is null then t.line
                else t.line - m.gone_before - len(list_filter(m.gone_within, lambda gone: gone < t.line))
            end as line)
        from {rows} as t
        left join moves as m on m.stream = {stream} and m.file = t.file and m.block = t.line // {_BLOCK})"""


def _remove_logs(path: Path) -> None:
    for left in (*path.parent.glob(f"{path.name}*.wal"), *path.parent.glob("spill/*")):
        if left.is_file():
            left.unlink()
