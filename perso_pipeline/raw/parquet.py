"""Parquet files before they are queried: footers, groups of one schema, slices of bounded size.

A footer gives the number of rows delivered, independent of the SQL that reads them. Keep the contract out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from perso_pipeline.raw.landing import LandingFile


@dataclass(frozen=True)
class Footer:
    """What a readable file says of itself."""

    file: LandingFile
    index: int
    rows: int
    schema: str


@dataclass(frozen=True)
class Slice:
    """Rows ``first_row`` to ``last_row`` (0-based, included) of each of some files of one schema."""

    footers: tuple[Footer, ...]
    first_row: int
    last_row: int

    @property
    def paths(self) -> list[str]:
        return [escape_glob(str(footer.file.path)) for footer in self.footers]


def read_footers(files: Iterable[tuple[int, LandingFile]]) -> tuple[list[Footer], dict[int, str]]:
    """Return the footers of readable files, and the cause per index of the others."""
    footers, failed = [], {}
    for index, file in files:
        try:
            metadata = pq.read_metadata(file.path)
            schema = metadata.schema.to_arrow_schema()
            names = [name.lower() for name in schema.names]
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            failed[index] = str(error).splitlines()[0].split(" '/")[0][:200]
            continue
        if len(set(names)) < len(names) or any("\0" in name for name in names):
            failed[index] = "two of its columns have one name, or a name holds NUL"
            continue
        footers.append(Footer(file, index, metadata.num_rows, schema.remove_metadata().to_string()))
    return footers, failed


def slices(footers: Iterable[Footer], rows: int) -> Iterator[Slice]:
    """Cut into pieces of about ``rows`` rows: small files of one schema together, large ones by row number."""
    groups: dict[str, list[Footer]] = {}
    for footer in footers:
        if footer.rows:
            groups.setdefault(footer.schema, []).append(footer)
    for group in groups.values():
        gathered: list[Footer] = []
        for footer in group:
            if footer.rows > rows:
                for start in range(0, footer.rows, rows):
                    yield Slice((footer,), start, min(start + rows, footer.rows) - 1)
                continue
            if sum(f.rows for f in gathered) + footer.rows > rows:
                yield Slice(tuple(gathered), 0, rows - 1)
                gathered = []
            gathered.append(footer)
        if gathered:
            yield Slice(tuple(gathered), 0, rows - 1)


def columns(connection: duckdb.DuckDBPyConnection, footer: Footer) -> dict[str, str]:
    """DuckDB's column names and types of a file."""
    path = escape_glob(str(footer.file.path))
    rows = connection.execute("describe select * from read_parquet(?, hive_partitioning = false)", [path]).fetchall()
    return {row[0]: row[1] for row in rows}


def probe(files: Iterable[tuple[int, LandingFile]]) -> dict[int, str]:
    """Read every page of each file in a database of its own; return the cause per index of those that fail.

    A damaged page shows only while it is read, and then ends the whole transaction.
    """
    failed = {}
    for index, file in files:
        with duckdb.connect(":memory:", config={"autoinstall_known_extensions": False}) as connection:
            try:
                connection.execute(
                    "select max(hash(columns(*))) from read_parquet(?, hive_partitioning = false)",
                    [escape_glob(str(file.path))],
                ).fetchall()
            except duckdb.Error as error:
                failed[index] = str(error).splitlines()[0].replace(str(file.path), file.path.name)[:200]
    return failed


def escape_glob(path: str) -> str:
    """A path that DuckDB takes literally."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in path)
