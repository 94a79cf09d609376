"""Publication: one folder per published night, and a link ``current`` that is swapped in one step.

What is in ``published/<night>-<content>/`` is ``published_files``' matter; a reader resolves ``current`` once and
reads below what it found. Killed anywhere, the old or the new folder stands, never half of one. What may be
published is the gate's business, not this module's.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.recommendations.published_files import add_database, add_manifest, add_table, table_path
from perso_pipeline.recommendations.shelf import Shelf
from perso_pipeline.resources.in_turn import in_turn

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
_STANDING = "select table_schema || '.' || table_name as name from information_schema.tables"
_OF_A_NIGHT = "select * from {table} where night = $night"
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

        def exported() -> Iterator[str]:
            for table in tables_there:
                warehouse.export(_OF_A_NIGHT.format(table=table), table_path(staging, table), {"night": night})
                yield table

        # a file is hashed while the next one is written
        added = in_turn(lambda table: add_table(staging, table), exported())
        entries = dict(zip(tables_there, added, strict=True))
        rows = {table: int(entry["rows"]) for table, entry in entries.items()}
        if RECOMMENDATIONS in tables and not rows.get(RECOMMENDATIONS):
            shutil.rmtree(staging)
            msg = f"There are no recommendations for the night of {night}; run that stage for it, then publish."
            raise PersoError(msg)
        version = _version(night, add_database(staging, entries))
        is_reused = shelf.is_whole(version)
        if is_reused:
            shutil.rmtree(staging)
        else:
            add_manifest(staging, entries, night=night, version=version, absent=absent)
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
    published_dir: Path,
    connection: duckdb.DuckDBPyConnection,
    goes: Callable[[frozenset[str]], str | None],
    on_renamed: Callable[[str, str, int], None],
) -> None:
    """Write every kept publication anew without the rows that are to go.

    Args:
        published_dir: Folder of all published nights.
        connection: Knows the tables that ``goes`` speaks of.
        goes: SQL that is true of a row that goes, from the columns of its table; None where all stay.
        on_renamed: Told old version, new version and rows gone, before the new one takes the place of the old.

    A version names its content, so that what lost rows gets another name; ``current`` and the log follow. Killed
    anywhere and called again, it ends the same.
    """
    shelf = Shelf(published_dir)
    with shelf.lock():
        shelf.tidy()
        for version in shelf.versions():
            manifest, folder = shelf.manifest(version), shelf.folder(version)
            files = {table: entry["file"] for table, entry in manifest["tables"].items()}
            going = {file: _what_goes(connection, folder / file, goes) for file in files.values()}
            gone = sum(rows for _, rows in going.values())
            if not gone:
                continue
            staging = shelf.new_staging()
            for file, (theirs, rows) in going.items():
                if rows:
                    left = f"from read_parquet($source) where not ({theirs})"
                    stay = connection.sql(left, params={"source": str(folder / file)})
                    stay.write_parquet(str(staging / file), compression="zstd")
                else:
                    shutil.copyfile(folder / file, staging / file)
            entries = {table: add_table(staging, table) for table in files}
            night = date.fromisoformat(manifest["night"])
            new = _version(night, add_database(staging, entries))
            add_manifest(staging, entries, night=night, version=new, absent=manifest["absent"])
            on_renamed(version, new, gone)
            shelf.replace(version, staging, new)


def _what_goes(
    connection: duckdb.DuckDBPyConnection, path: Path, goes: Callable[[frozenset[str]], str | None]
) -> tuple[str | None, int]:
    """SQL that is true of the rows of a Parquet file that go, and how many they are."""
    source = {"source": str(path)}
    columns = connection.execute("describe from read_parquet($source)", source).fetchall()
    theirs = goes(frozenset(column[0] for column in columns))
    if theirs is None:
        return None, 0
    counted = connection.execute(f"select count(*) from read_parquet($source) where {theirs}", source).fetchall()
    return theirs, int(counted[0][0])


def _version(night: date, content: str) -> str:
    return f"{night}-{content[:12]}"


def _log(warehouse: Warehouse, *, night: date, version: str, action: str, rows: int, gate: str) -> None:
    """Add one line to the night's log; the same line twice stays one, so that a night run again is no change."""
    line = {"night": night, "version": version, "action": action, "rows": rows, "gate": gate}
    before: list[dict[str, Any]] = []
    if warehouse.exists(PUBLISH_LOG):
        before = warehouse.query(f"from {PUBLISH_LOG} where night = $night", {"night": night}).to_pylist()
    lines = [entry for entry in before if entry != line] + [line]
    warehouse.write_partition(PUBLISH_LOG, pa.Table.from_pylist(lines, schema=_LOG), {"night": night})
