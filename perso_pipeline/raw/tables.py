"""The tables of schema ``raw``: columns in the contract's order, made or widened where they differ.

Keep rows out: that is ``load``'s.
"""

import duckdb

from perso_pipeline.contracts.streams import LANDING_COLUMNS, STREAMS, Privacy, Stream

ROBOT_STREAMS = frozenset({"storefront_events", "recommendation_events"})

LEDGERS: dict[str, dict[str, str]] = {
    "rejected_records": {
        "load_date": "DATE",  # NULL where the folder's name tells none
        "stream": "VARCHAR",
        "file": "VARCHAR",
        "line": "BIGINT",  # NULL where the file as a whole was rejected
        "reason": "VARCHAR",
        "text": "VARCHAR",
    },
    "delivered_files": {
        "load_date": "DATE",
        "stream": "VARCHAR",
        "file": "VARCHAR",
        "format": "VARCHAR",
        "bytes": "BIGINT",
        "delivered": "BIGINT",
        "accepted": "BIGINT",
        "rejected": "BIGINT",
        "erased": "BIGINT",  # of people who were erased: taken out of the file, or left out when it was read
    },
    "erased_records": {  # records taken out of a landing file; they count while the file is as it was left
        "load_date": "DATE",
        "stream": "VARCHAR",
        "file": "VARCHAR",
        "bytes": "BIGINT",  # size of the file without them
        "records": "BIGINT",
    },
    "loaded_days": {"load_date": "DATE", "stream": "VARCHAR", "event_date": "DATE"},
    "schema_drift": {"load_date": "DATE", "stream": "VARCHAR", "field": "VARCHAR", "records": "BIGINT"},
    "sites": {
        "site_id": "VARCHAR",
        "name": "VARCHAR",
        "timezone": "VARCHAR",
        "currency": "VARCHAR",
        "country": "VARCHAR",
    },
    "user_agents": {"user_agent": "VARCHAR", "device_type": "VARCHAR", "browser": "VARCHAR", "os": "VARCHAR"},
}


def stream_columns(stream: Stream) -> dict[str, str]:
    """Columns of ``raw.<stream>`` with their DuckDB types, in order."""
    columns = {f.column: "VARCHAR" if f.privacy is Privacy.HASHED else f.type.value for f in stream.fields}
    columns |= LANDING_COLUMNS
    if stream.name in ROBOT_STREAMS:
        columns["is_robot"] = "BOOLEAN"
    return columns


def ensure_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make every raw table; one whose columns are no longer the contract's is rebuilt with its rows kept."""
    connection.execute("create schema if not exists raw")
    tables = {name: stream_columns(stream) for name, stream in STREAMS.items()} | LEDGERS
    existing: dict[str, dict[str, str]] = {}
    for table, column, type_ in connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'raw'"
        " and database_name = current_database() order by table_name, column_index"
    ).fetchall():
        existing.setdefault(table, {})[column] = type_
    for name, columns in tables.items():
        found = existing.get(name, {})
        if list(found.items()) == list(columns.items()):
            continue
        definition = ", ".join(f'"{column}" {type_}' for column, type_ in columns.items())
        if not found:
            connection.execute(f"create table raw.{name} ({definition})")
            continue
        shared = {column: type_ for column, type_ in columns.items() if column in found}
        kept = ", ".join(f'try_cast("{column}" as {type_}) as "{column}"' for column, type_ in shared.items())
        connection.execute(f"create table raw.{name}_rebuilt ({definition})")
        connection.execute(f"insert into raw.{name}_rebuilt by name select {kept} from raw.{name}")
        connection.execute(f"drop table raw.{name}")
        connection.execute(f"alter table raw.{name}_rebuilt rename to {name}")
