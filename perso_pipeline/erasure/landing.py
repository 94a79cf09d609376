"""The landing files: which records are of the people, and each file written anew without them.

A text file keeps its line numbers: a record that goes leaves a blank line, which no reader counts. Rows of a Parquet
file move up. Format, compression and name stay.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from perso_pipeline.contracts.streams import STREAMS, Stream
from perso_pipeline.raw import privacy, suppression
from perso_pipeline.raw.landing import Delivery, Format, LandingFile, scan
from perso_pipeline.raw.sources import Source
from perso_pipeline.raw.stream_load import StreamLoad


@dataclass(frozen=True)
class FilePlan:
    """What goes from one file: numbers of its lines (Parquet: rows), from 1, in order."""

    stream: str
    load_date: str
    name: str
    rows: int  # records before
    bytes: int  # size before
    lines: tuple[int, ...]


@dataclass(frozen=True)
class Search:
    """The files that lose records, and the names of those that could not be read."""

    files: tuple[FilePlan, ...]
    unreadable: tuple[str, ...]


def search(
    landing_dir: Path,
    hmacs: frozenset[str],
    key: bytes,
    *,
    memory_limit: str,
    threads: int,
    only: set[tuple[str, date]] | None = None,
) -> Search:
    """Look through every landing file, or those of some streams and nights, for records of the people."""
    plans: list[FilePlan] = []
    unreadable: list[str] = []
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "threads": threads,
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(":memory:", config=config) as connection:
        connection.execute("set timezone = 'UTC'")
        privacy.install(connection, key)
        suppression.give_list(connection, hmacs)
        for stream in STREAMS.values():
            if not suppression.names_people(stream):
                continue
            delivery = scan(landing_dir, stream.name, date.min, date.max)
            if only is not None:
                chosen = tuple(file for file in delivery.files if (file.stream, file.load_date) in only)
                delivery = Delivery(chosen, ())
            connection.execute("create or replace temp table found (file integer, line bigint)")
            load = StreamLoad(connection, stream, delivery, {}, lambda _: None, judge=_note)
            load.read()
            unreadable += [delivery.files[index].name for index in load.failed]
            unreadable += [refusal.name for refusal in delivery.refusals]
            for index, lines in connection.execute(
                "select file, list(distinct line order by line) from found group by file order by file"
            ).fetchall():
                file = delivery.files[index]
                rows = load.delivered.get(index, len(lines))
                plans.append(
                    FilePlan(stream.name, file.load_date.isoformat(), file.name, rows, file.bytes, tuple(lines))
                )
    return Search(tuple(plans), tuple(unreadable))


def _note(connection: duckdb.DuckDBPyConnection, stream: Stream, source: Source) -> dict[int, int]:
    found = suppression.find_erased(
        connection, stream, source.sql, parameters=source.parameters, has_lines=source.is_parsed_once
    )
    connection.execute(f"insert into found from {suppression.ERASED_TABLE}")
    return found


def rewrite_all(landing_dir: Path, plans: Sequence[FilePlan], *, threads: int) -> dict[str, int]:
    """``rewrite`` each file, several at a time; sizes by name."""
    with ThreadPoolExecutor(threads) as pool:
        sizes = pool.map(lambda plan: rewrite(landing_dir, plan), plans)
        return dict(zip((plan.name for plan in plans), sizes, strict=True))


def rewrite(landing_dir: Path, plan: FilePlan) -> int:
    """Write one file anew without the plan's records, in one step; returns its size. A second call changes nothing.

    It keeps its time of change: nothing was delivered, and who waits for deliveries need not run its night again.
    """
    day = date.fromisoformat(plan.load_date)
    file = next(f for f in scan(landing_dir, plan.stream, day, day).files if f.name == plan.name)
    draft = file.path.with_name(f".{file.path.name}.erasing")
    if file.format is Format.PARQUET:
        if pq.read_metadata(file.path).num_rows == plan.rows:
            _without_rows(file, draft, plan.lines)
    else:
        _without_lines(file, draft, set(plan.lines))
    if draft.exists():
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        before = file.path.stat()
        draft.chmod(before.st_mode)
        os.utime(draft, ns=(before.st_atime_ns, before.st_mtime_ns))
        draft.replace(file.path)
    return file.path.stat().st_size


def _without_lines(file: LandingFile, draft: Path, lines: set[int]) -> None:
    with (
        pa.input_stream(str(file.path), compression=file.compression) as source,
        pa.output_stream(str(draft), compression=file.compression) as target,
    ):
        for number, line in enumerate(_lines(source), start=1):
            target.write(b"\n" if number in lines else line)


def _lines(source: pa.NativeFile) -> Iterator[bytes]:
    carry = b""
    while chunk := source.read(4 << 20):
        *whole, carry = (carry + chunk).split(b"\n")
        yield from (line + b"\n" for line in whole)
    if carry:
        yield carry


def _without_rows(file: LandingFile, draft: Path, rows: Sequence[int]) -> None:
    with pq.ParquetFile(file.path) as source:
        stays = np.ones(source.metadata.num_rows, dtype=bool)
        stays[np.asarray(rows) - 1] = False
        groups = source.metadata.num_row_groups
        codec = source.metadata.row_group(0).column(0).compression if groups else "SNAPPY"
        with pq.ParquetWriter(draft, source.schema_arrow, compression=codec.replace("UNCOMPRESSED", "NONE")) as target:
            first = 0
            for group in range(groups):
                table = source.read_row_group(group)
                target.write_table(table.filter(pa.array(stays[first : first + table.num_rows])))
                first += table.num_rows
