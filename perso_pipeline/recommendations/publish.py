"""Publication: one folder per published night, and a link ``current`` that is swapped in one step.

``published/<night>-<content>/`` holds ``perso.duckdb``, Parquet per table, ``triggers.csv`` and
``manifest.json``; a reader resolves ``current`` once and reads below what it found. Killed anywhere, the old
or the new folder stands, never half of one. What may be published is the gate's business, not this module's.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from perso_pipeline.contracts.csv_files import write_csv
from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.recommendations.shelf import Shelf, sync_folder

CONTRACT = 1  # version of the folder's layout and of the tables' columns; readers refuse another
RECOMMENDATIONS = "recommendations.recommendations"
PUBLISH_LOG = "recommendations.publish_log"
TABLES = (
    RECOMMENDATIONS,
    "recommendations.recommendation_trace",
    "recommendations.category_ranking",
    "recommendations.personal_category_ranking",
    "recommendations.search_terms",
    "recommendations.search_affinity",
    "profiles.customer_profiles",
    "profiles.affinities",
    "profiles.item_profiles",
    "profiles.item_segments",
    "segments.segment_membership",
    "segments.segment_catalogue",
    "activation.triggers",
    "activation.navigation",
    "measurement.revenue_report",
    "measurement.lift",
    "measurement.lift_cells",
    "measurement.experiment_health",
    "measurement.self_tests",
    "measurement.experiments",
)
CSV_TABLES = ("activation.triggers",)  # what people load into other tools
_STANDING = "select table_schema || '.' || table_name as name from information_schema.tables"
_LOG = pa.schema(
    [
        ("night", pa.date32()),
        ("version", pa.string()),
        ("action", pa.string()),
        ("rows", pa.int64()),
        ("gate", pa.string()),
    ]
)


@dataclass(frozen=True)
class Published:
    """A published folder: its version (also the folder's name), night, place and rows per table."""

    version: str
    night: date
    folder: Path
    rows: dict[str, int]
    absent: tuple[str, ...]
    is_reused: bool


def publish(
    warehouse: Warehouse,
    *,
    night: date,
    published_dir: Path,
    tables: Sequence[str] = TABLES,
    keep: int = 14,
    gate: str = "passed",
) -> Published:
    """Publish the tables of one night and point ``current`` at them, unless it shows a later night.

    Args:
        warehouse: Where the tables stand; each has a column ``night``. Those that are not there are named in
            the manifest as absent.
        night: Night whose rows go out.
        published_dir: Folder of all published nights; made where missing.
        tables: ``schema.name`` of each table.
        keep: Published nights to keep on disk; the current and the one before always stay.
        gate: What the gate before said, for the log.

    Raises:
        PersoError: the night has no recommendations.
    """
    shelf = Shelf(published_dir)
    with shelf.lock():
        shelf.tidy()
        staging = shelf.new_staging()
        standing = set(warehouse.query(_STANDING)["name"].to_pylist())
        tables_there = [table for table in tables if table in standing]
        absent = tuple(table for table in tables if table not in tables_there)
        entries = {table: _write_table(warehouse, table, night=night, folder=staging) for table in tables_there}
        rows = {table: int(entry["rows"]) for table, entry in entries.items()}
        if RECOMMENDATIONS in tables and not rows.get(RECOMMENDATIONS):
            shutil.rmtree(staging)
            msg = f"There are no recommendations for the night of {night}; run that stage for it, then publish."
            raise PersoError(msg)
        version = f"{night}-{_content_hash(entries, absent)}"
        is_reused = shelf.is_whole(version)
        if is_reused:
            shutil.rmtree(staging)
        else:
            _write_database(staging, entries, night=night, version=version)
            _write_manifest(staging, entries, night=night, version=version, absent=absent)
            shelf.put(staging, version)
        action = "kept aside" if _is_later(shelf, night) else "publish"
        if action == "publish":
            shelf.point(version, action=action, gate=gate, rows=sum(rows.values()))
        shelf.retain(keep)
    _log(warehouse, night=night, version=version, action=action, rows=sum(rows.values()), gate=gate)
    return Published(version, night, shelf.folder(version), rows, absent, is_reused)


def _is_later(shelf: Shelf, night: date) -> bool:
    """Whether readers see a later night already; running an old night again must not take it from them."""
    current = shelf.current()
    return current is not None and date.fromisoformat(shelf.manifest(current)["night"]) > night


def rollback(published_dir: Path, *, to: str | None = None, warehouse: Warehouse | None = None) -> Published:
    """Point ``current`` back at an earlier folder: the one before, or the version or night ``to``.

    With a ``warehouse`` the swap is written to ``recommendations.publish_log`` too.

    Raises:
        PersoError: nothing is published, there is none before, or ``to`` is not among those kept.
    """
    shelf = Shelf(published_dir)
    with shelf.lock():
        version = shelf.find(to) if to is not None else shelf.previous()
        manifest = shelf.manifest(version)
        rows = _rows(manifest)
        shelf.point(version, action="rollback", gate="", rows=sum(rows.values()))
    night = date.fromisoformat(manifest["night"])
    if warehouse is not None:
        _log(warehouse, night=night, version=version, action="rollback", rows=sum(rows.values()), gate="")
    return Published(version, night, shelf.folder(version), rows, tuple(manifest["absent"]), is_reused=True)


@dataclass(frozen=True)
class Kept:
    """A publication that can be gone back to; ``rows`` per table."""

    version: str
    rows: dict[str, int]
    is_current: bool


def kept(published_dir: Path) -> list[Kept]:
    """What is on disk, oldest night first.

    Raises:
        PersoError: nothing was published.
    """
    shelf = Shelf(published_dir)
    versions = shelf.versions() if published_dir.is_dir() else []
    if not versions:
        msg = f"Nothing is published in {published_dir}; run a night to its end first."
        raise PersoError(msg)
    current = shelf.current()
    return [Kept(version, _rows(shelf.manifest(version)), is_current=version == current) for version in versions]


def _rows(manifest: dict[str, Any]) -> dict[str, int]:
    return {table: int(entry["rows"]) for table, entry in manifest["tables"].items()}


def rewrite(
    published_dir: Path, keep: Callable[[pa.Table], pa.Table], on_renamed: Callable[[str, str, int], None]
) -> None:
    """Write every kept publication anew with the rows that ``keep`` leaves.

    ``on_renamed`` is told old version, new version and rows gone, before the new one takes the place of the old.

    A version names its content, so that what lost rows gets another name; ``current`` and the log follow. Killed
    anywhere and called again, it ends the same.
    """
    shelf = Shelf(published_dir)
    with shelf.lock():
        shelf.tidy()
        for version in shelf.versions():
            manifest = shelf.manifest(version)
            staging = shelf.new_staging()
            entries: dict[str, dict[str, Any]] = {}
            gone = 0
            for table, entry in manifest["tables"].items():
                rows = pq.read_table(shelf.folder(version) / entry["file"])
                left = keep(rows)
                gone += rows.num_rows - left.num_rows
                entries[table] = _put_rows(left, table, folder=staging)
            if not gone:
                shutil.rmtree(staging)
                continue
            night = date.fromisoformat(manifest["night"])
            new = f"{night}-{_content_hash(entries, manifest['absent'])}"
            _write_database(staging, entries, night=night, version=new)
            _write_manifest(staging, entries, night=night, version=new, absent=manifest["absent"])
            on_renamed(version, new, gone)
            shelf.replace(version, staging, new)


def _write_table(warehouse: Warehouse, table: str, *, night: date, folder: Path) -> dict[str, Any]:
    schema, name = table.split(".")
    rows = warehouse.query(f'select * from "{schema}"."{name}" where night = $night order by all', {"night": night})
    return _put_rows(rows, table, folder=folder)


def _put_rows(rows: pa.Table, table: str, *, folder: Path) -> dict[str, Any]:
    name = table.split(".")[1]
    path = folder / f"{name}.parquet"
    pq.write_table(rows, path, compression="zstd")
    if table in CSV_TABLES:
        write_csv(rows, folder / f"{name}.csv")
    return {"rows": rows.num_rows, "file": path.name, "sha256": _sha256(path)}


def _content_hash(entries: dict[str, dict[str, Any]], absent: Sequence[str]) -> str:
    whole = json.dumps([CONTRACT, sorted((t, e["sha256"]) for t, e in entries.items()), sorted(absent)])
    return hashlib.sha256(whole.encode()).hexdigest()[:12]


def _write_database(folder: Path, entries: dict[str, dict[str, Any]], *, night: date, version: str) -> None:
    """The same tables, each under its name without schema, and ``manifest(night, version, table_name, rows)``."""
    with duckdb.connect(str(folder / "perso.duckdb"), config={"autoinstall_known_extensions": False}) as connection:
        connection.execute("create table manifest (night date, version varchar, table_name varchar, rows bigint)")
        for table, entry in entries.items():
            name = table.split(".")[1]
            source = str(folder / entry["file"])
            connection.execute(f'create table "{name}" as from read_parquet($source)', {"source": source})
            connection.execute("insert into manifest values (?, ?, ?, ?)", [night, version, table, entry["rows"]])


def _write_manifest(
    folder: Path, entries: dict[str, dict[str, Any]], *, night: date, version: str, absent: Sequence[str]
) -> None:
    others = [path for path in sorted(folder.iterdir()) if path.suffix != ".parquet"]
    manifest = {
        "contract": CONTRACT,
        "night": night.isoformat(),
        "version": version,
        "tables": entries,
        "files": {path.name: _sha256(path) for path in others},
        "absent": list(absent),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    for path in folder.iterdir():
        path.chmod(0o444)
        with path.open("rb") as file:
            os.fsync(file.fileno())
    sync_folder(folder)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _log(warehouse: Warehouse, *, night: date, version: str, action: str, rows: int, gate: str) -> None:
    """Add one line to the night's log; the same line twice stays one, so that a night run again is no change."""
    line = {"night": night, "version": version, "action": action, "rows": rows, "gate": gate}
    before: list[dict[str, Any]] = []
    if warehouse.exists(PUBLISH_LOG):
        before = warehouse.query(f"from {PUBLISH_LOG} where night = $night", {"night": night}).to_pylist()
    lines = [entry for entry in before if entry != line] + [line]
    warehouse.write_partition(PUBLISH_LOG, pa.Table.from_pylist(lines, schema=_LOG), {"night": night})
