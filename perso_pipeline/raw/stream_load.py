"""One stream's files into ``raw.<stream>`` and ``raw.rejected_records``, inside the caller's transaction.

Chunks bound the memory: lines are held while they are judged, Parquet is not.
Keep counting and bookkeeping out (``ledgers``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import duckdb
import pyarrow as pa

from perso_pipeline.contracts.streams import Stream
from perso_pipeline.raw import parquet
from perso_pipeline.raw.csv_header import csv_groups
from perso_pipeline.raw.judge import keep
from perso_pipeline.raw.landing import Delivery, Format, LandingFile
from perso_pipeline.raw.lines import CurrentLines, LineReader
from perso_pipeline.raw.local_days import note_local_days
from perso_pipeline.raw.sources import FILES_TABLE, LINES_TABLE, Source, csv_lines, json_lines, parquet_rows

LINES_CHUNK = 500_000  # records
PARQUET_CHUNK = 16_000_000  # a thread reads a file: the fewer pieces, the fewer waits for the last file of one


class StreamLoad:
    """Reads every file of a delivery; afterwards ``delivered`` holds the records of each file by its index."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        stream: Stream,
        delivery: Delivery,
        broken: Mapping[int, str],
        progress: Callable[[int], None],
        *,
        judge: Callable[[duckdb.DuckDBPyConnection, Stream, Source], dict[int, int]] = keep,
    ) -> None:
        self._judge = judge
        self._connection = connection
        self._stream = stream
        self._files = delivery.files
        self._failed = dict(broken)
        self._progress = progress
        self._done_bytes = 0
        self.delivered: dict[int, int] = {}
        self.erased: dict[int, int] = {}

    @property
    def failed(self) -> dict[int, str]:
        """Why a file could not be read, by its index."""
        return self._failed

    def run(self) -> None:
        """Load JSON Lines, CSV and Parquet; a file that cannot be read becomes one rejected record."""
        self._register_files()
        note_local_days(self._connection)
        self._hand_over_all()
        self._reject_failed()

    def read(self) -> None:
        """Hand every record to the judge; needs no table of the warehouse."""
        self._register_files()
        self._hand_over_all()

    def _hand_over_all(self) -> None:
        files = self._of(Format.JSON)
        if files:
            self._load_lines(files, json_lines(self._stream))
        self._load_csv()
        self._load_parquet()

    def _of(self, kind: Format) -> list[tuple[int, LandingFile]]:
        return [(i, f) for i, f in enumerate(self._files) if f.format is kind and i not in self._failed]

    def _register_files(self) -> None:
        table = pa.table(
            {
                "file": pa.array(range(len(self._files)), pa.int32()),
                "load_date": pa.array([f.load_date for f in self._files], pa.date32()),
                "name": pa.array([f.name for f in self._files], pa.string()),
                "path": pa.array([str(f.path) for f in self._files], pa.string()),
                "format": pa.array([f.format.value for f in self._files], pa.string()),
                "bytes": pa.array([f.bytes for f in self._files], pa.int64()),
            }
        )
        self._connection.register("files_to_load", table)
        self._connection.execute(f"create or replace temp table {FILES_TABLE} as from files_to_load")
        self._connection.unregister("files_to_load")

    def _load_csv(self) -> None:
        groups = csv_groups(self._stream, self._of(Format.CSV))
        self._failed |= groups.failed
        self.delivered |= dict.fromkeys(groups.without_records, 0)
        for (delimiter, header), files in groups.files.items():
            self._load_lines(files, csv_lines(self._stream, delimiter, header), delimiter)

    def _load_lines(
        self, files: Sequence[tuple[int, LandingFile]], source: Source, delimiter: str | None = None
    ) -> None:
        reader, lines = LineReader(files, delimiter=delimiter), CurrentLines()
        self._connection.register(LINES_TABLE, lines)
        before = self._done_bytes
        while not reader.is_exhausted:
            lines.table = reader.chunk(LINES_CHUNK)
            self._hand_over(source)
            self._done_bytes = before + reader.bytes_done
            self._progress(self._done_bytes)
        self._connection.unregister(LINES_TABLE)
        self._done_bytes = before + reader.bytes_done
        self.delivered |= reader.delivered
        self._failed |= reader.failed

    def _hand_over(self, source: Source) -> None:
        for index, records in self._judge(self._connection, self._stream, source).items():
            self.erased[index] = self.erased.get(index, 0) + records

    def _load_parquet(self) -> None:
        footers, failed = parquet.read_footers(self._of(Format.PARQUET))
        self._failed |= failed
        self.delivered |= {footer.index: footer.rows for footer in footers}
        sources: dict[str, Source] = {}
        for piece in parquet.slices(footers, PARQUET_CHUNK):
            schema = piece.footers[0].schema
            if schema not in sources:
                sources[schema] = parquet_rows(self._stream, parquet.columns(self._connection, piece.footers[0]))
            bounds = {"paths": piece.paths, "first_row": piece.first_row, "last_row": piece.last_row}
            self._hand_over(replace(sources[schema], parameters=bounds))
            if piece.last_row + 1 >= piece.footers[-1].rows:
                self._done_bytes += sum(footer.file.bytes for footer in piece.footers)
            self._progress(self._done_bytes)

    def _reject_failed(self) -> None:
        """Replace whatever was read of a file before it broke by one rejected record."""
        for index, cause in self._failed.items():
            file = self._files[index]
            stream, key = self._stream.name, [file.load_date, file.name]
            self._connection.execute(f"delete from raw.{stream} where load_date = ? and file = ?", key)
            self._connection.execute(
                "delete from raw.rejected_records where stream = ? and load_date = ? and file = ?", [stream, *key]
            )
            self._connection.execute(
                "insert into raw.rejected_records values (?, ?, ?, null, perso_mask_open(?), null)",
                [file.load_date, stream, file.name, f"unreadable file: {cause}"],
            )
            self.delivered[index] = 1
            self.erased.pop(index, None)
