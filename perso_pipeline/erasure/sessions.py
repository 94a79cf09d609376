"""Facts of devices that an erased person used together with others, made anew without them.

A session may hold events of both: what is left of it is the others'. Their records are taken out into a small
warehouse of their own, where the fact models run; so the cost follows these people and not the days they came on, each
of which holds everybody. Keep finding and deleting people out.
"""

import shutil
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.streams import STREAMS
from perso_pipeline.interactions.channels import read_channels
from perso_pipeline.resources.dbt import DbtResource
from perso_pipeline.resources.dbt_results import failed_sentence
from perso_pipeline.resources.warehouse import DuckDBWarehouse, WarehouseResource
from perso_pipeline.resources.warehouse_lock import WarehouseLock
from perso_pipeline.settings import Settings

_STAGE = "interactions"
_MODELS = ("path:models/staging", f"path:models/{_STAGE}")
_FOLDER = "shared_devices"


def renew(settings: Settings, store: DuckDBWarehouse, devices: Sequence[str]) -> None:
    """Make the facts of some devices, and of the customers known on them, anew; a second call changes nothing.

    Args:
        settings: Of the installation.
        store: Held by the caller.
        devices: Visitor ids.

    Raises:
        PersoError: a model or a test of one failed; says which and why.
    """
    if not store.exists(f"{_STAGE}.sessions"):
        return
    folder = store.path.parent / _FOLDER
    shutil.rmtree(folder, ignore_errors=True)  # of a renewal that was killed
    folder.mkdir()
    part = folder / store.path.name  # the name of the file is that of the database in the models
    first, last = _take_out(store, part, devices)
    results = DbtResource().build(
        WarehouseResource(path=str(part), memory_limit=settings.memory_limit, threads=settings.threads),
        select=_MODELS,
        variables={
            "from_night": first.isoformat(),
            "to_night": last.isoformat(),
            "channels": read_channels(settings.config_dir).variable(),
        },
    )
    WarehouseLock.leave(part)
    failed = failed_sentence(results)
    if failed:
        raise PersoError(failed)
    _put_back(store, part)
    shutil.rmtree(folder)


def _take_out(store: DuckDBWarehouse, part: Path, devices: Sequence[str]) -> tuple[date, date]:
    """Copy what the facts of the devices are made of; returns the first and the last night loaded.

    Sessions count for customers, orders and served lists: of each customer known on a device, and of each order and
    list of theirs, all devices come along.
    """
    with store.connect(purpose="erasing people") as connection:
        connection.execute("attach $path as part", {"path": str(part)})
        connection.execute("create schema part.raw")
        connection.execute("create schema part.given")
        connection.register("given_devices", pa.table({"visitor_id": pa.array(devices, pa.string())}))
        connection.execute("create table part.given.devices as from given_devices")
        connection.unregister("given_devices")
        for given, column, those in _STEPS:
            found = " union ".join(
                f"select {column} from raw.{stream.name} where {named}"
                for stream in STREAMS.values()
                if (named := _named(stream.columns, those)) and column in stream.columns
            )
            connection.execute(f"create table part.given.{given} as {found}")
        for (table,) in connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'raw' and database_name = current_database()"
        ).fetchall():
            named = _named(STREAMS[table].columns, _GIVEN) if table in STREAMS else "true"
            wanted = "false" if table == "rejected_records" else named or "true"
            connection.execute(f'create table part.raw."{table}" as from raw."{table}" where {wanted}')
        nights = connection.execute("select min(load_date), max(load_date) from raw.loaded_days").fetchall()[0]
        connection.execute("detach part")
    return nights[0], nights[1]


_GIVEN = {
    "devices": "visitor_id",
    "customers": "customer_id",
    "orders": "order_id",
    "requests": "request_id",
    "visitors": "visitor_id",
}
_STEPS = (
    ("customers", "customer_id", ("devices",)),
    ("orders", "order_id", ("devices", "customers")),
    ("requests", "request_id", ("devices",)),
    ("visitors", "visitor_id", ("devices", "customers", "orders", "requests")),
)


def _named(columns: frozenset[str], given: Iterable[str]) -> str:
    """SQL that is true for records that name one of these; empty for a stream that cannot.

    By one column each: of another site with the same number comes more than is needed, which changes no fact of theirs.
    """
    parts = [(_GIVEN[name], name) for name in given if _GIVEN[name] in columns]
    return " or ".join(f"coalesce({column} in (from part.given.{name}), false)" for column, name in parts)


def _put_back(store: DuckDBWarehouse, part: Path) -> None:
    """Replace the rows of the devices and of the customers known on them; sums over everybody stay as they are."""
    with store.connect(purpose="erasing people") as connection:
        connection.execute("attach $path as part (read_only)", {"path": str(part)})
        connection.execute("begin transaction")
        for table, columns in connection.execute(
            "select table_name, list(column_name) from duckdb_columns() inner join duckdb_tables()"
            " using (database_name, schema_name, table_name)"
            " where schema_name = ? and database_name = current_database() group by all order by all",
            [_STAGE],
        ).fetchall():
            theirs = _theirs(set(columns))
            if theirs:
                name = f'"{_STAGE}"."{table}"'
                # a checkpoint that this warehouse has not taken yet will be taken of everybody
                if "checkpoint_date" in columns:
                    theirs += f" and checkpoint_date in (select checkpoint_date from {name})"
                connection.execute(f"create or replace temp table renewed as from part.{name} where {theirs}")
                connection.execute(f"delete from {name} where {theirs}")
                connection.execute(f"insert into {name} by name from renewed")
        connection.execute("commit")


def _theirs(columns: set[str]) -> str:
    parts = []
    if "visitor_id" in columns:
        parts.append("visitor_id in (from part.given.devices)")
    if "identifier" in columns:
        parts.append("identifier in (select 'visitor:' || visitor_id from part.given.devices)")
        parts.append("identifier in (select 'customer:' || customer_id from part.given.customers)")
    return f"({' or '.join(f'coalesce({part}, false)' for part in parts)})" if parts else ""
