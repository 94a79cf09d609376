"""The files of one publication: Parquet per table, ``triggers.csv``, ``perso.duckdb`` and ``manifest.json``.

Rows go from file to file in DuckDB, a table at a time and in the order in which they stand, so that memory does not
grow with them. Names of folders and which one readers see are the shelf's.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from perso_pipeline.contracts.csv_files import write_csv
from perso_pipeline.recommendations.shelf import file_hash, sync_folder

CONTRACT = 1  # version of the folder's layout and of the tables' columns, for readers to hold against theirs
DATABASE = "perso.duckdb"
_CSV_TABLES = ("activation.triggers",)  # what people load into other tools

Entries = Mapping[str, Mapping[str, Any]]  # of the manifest, by table: rows, file, sha256


def table_path(folder: Path, table: str) -> Path:
    return folder / f"{table.split('.')[1]}.parquet"


def add_table(folder: Path, table: str) -> dict[str, Any]:
    """The manifest's entry of a table whose Parquet file is in ``folder``; with a CSV where people want one."""
    path = table_path(folder, table)
    if table in _CSV_TABLES:
        write_csv(pq.read_table(path), path.with_suffix(".csv"))
    return {"rows": pq.read_metadata(path).num_rows, "file": path.name, "sha256": file_hash(path)}


def _opened(folder: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(folder / DATABASE), config={"autoinstall_known_extensions": False})


def add_database(folder: Path, entries: Entries) -> str:
    """``perso.duckdb`` with the same tables, each under its name without schema; returns a hash of all they hold.

    The hash is of the rows whatever their order, so that a night that was run again is known by it.
    """
    contents: list[list[Any]] = []
    with _opened(folder) as connection:
        for table, entry in sorted(entries.items()):
            name = table.split(".")[1]
            source = {"source": str(folder / entry["file"])}
            connection.execute(f'create table "{name}" as from read_parquet($source)', source)
            columns = connection.execute(f'describe "{name}"').fetchall()
            rows = connection.execute(f'select count(*), sum(hash(r)) from "{name}" as r').fetchall()
            contents.append([table, [column[:2] for column in columns], *map(str, rows[0])])
    return hashlib.sha256(json.dumps([CONTRACT, contents]).encode()).hexdigest()


def add_manifest(folder: Path, entries: Entries, *, night: date, version: str, absent: Sequence[str]) -> None:
    """The table ``manifest(night, version, table_name, rows)`` and ``manifest.json``; then files are read-only."""
    with _opened(folder) as connection:
        connection.execute("create table manifest (night date, version varchar, table_name varchar, rows bigint)")
        for table, entry in entries.items():
            connection.execute("insert into manifest values (?, ?, ?, ?)", [night, version, table, entry["rows"]])
    others = [path for path in sorted(folder.iterdir()) if path.suffix != ".parquet"]
    manifest = {
        "contract": CONTRACT,
        "night": night.isoformat(),
        "version": version,
        "tables": entries,
        "files": {path.name: file_hash(path) for path in others},
        "absent": list(absent),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    for path in folder.iterdir():
        path.chmod(0o444)
        with path.open("rb") as file:
            os.fsync(file.fileno())
    sync_folder(folder)
