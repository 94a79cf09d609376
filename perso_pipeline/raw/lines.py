"""Text files as Arrow batches of lines, without a loop over records.

Counts what was delivered from the bytes, so that the count does not depend on the SQL that judges the
lines. Keep the meaning of a line (JSON, CSV) out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from perso_pipeline.raw.landing import LandingFile

CHUNK_BYTES = 4 << 20
LINE_LIMIT_BYTES = 8 << 20
_KEPT_OF_LONG_LINE_BYTES = 4096
SEPARATOR = "\x1f"  # stands between the values of a CSV line once it is split
_NEWLINE, _RETURN, _QUOTE, _UNIT, _RECORD = 10, 13, 34, 31, 30
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")

LINE_SCHEMA = pa.schema([("file", pa.int32()), ("line", pa.int64()), ("size", pa.int64()), ("body", pa.binary())])


class UnreadableFileError(Exception):
    """A file whose bytes cannot be turned into lines; the message says why."""


class CurrentLines:
    """The lines that a load is at, for a connection to read under one name, chunk after chunk.

    A transaction keeps every table that was ever registered in it; of this one it keeps the lines that it has now.
    """

    def __init__(self) -> None:
        self.table = LINE_SCHEMA.empty_table()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


@dataclass
class LineReader:
    """Streams the lines of many files; ``file`` in the batches is the index given with each.

    ``delivered`` and ``failed`` fill while reading. A file that fails half-way is in ``failed`` and not in
    ``delivered``; lines of it that were already handed out must be thrown away by the caller.
    """

    files: Sequence[tuple[int, LandingFile]]
    delimiter: str | None = None  # of CSV: the header is left out, and ``SEPARATOR`` put between values
    delivered: dict[int, int] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    bytes_done: int = 0

    def __post_init__(self) -> None:
        self._batches = self._read_all()
        self._next: pa.RecordBatch | None = next(self._batches, None)

    @property
    def is_exhausted(self) -> bool:
        return self._next is None

    def chunk(self, rows: int) -> pa.Table:
        """The next batches, until at least ``rows`` lines or the end; columns as in ``LINE_SCHEMA``."""
        return pa.Table.from_batches(self._take(rows), schema=LINE_SCHEMA)

    def _take(self, rows: int) -> Iterator[pa.RecordBatch]:
        taken = 0
        while self._next is not None and taken < rows:
            batch, self._next = self._next, next(self._batches, None)
            taken += batch.num_rows
            yield batch

    def _read_all(self) -> Iterator[pa.RecordBatch]:
        for index, file in self.files:
            count = 0
            skip_header = self.delimiter is not None
            try:
                for lines, sizes, body, first_line in _split(file):
                    content = _separated(body, lines, self.delimiter) if self.delimiter else body
                    batch = _batch(index, lines, sizes, content, first_line)
                    if skip_header and batch.num_rows:
                        batch, skip_header = batch.slice(1), False
                    if batch.num_rows:
                        count += batch.num_rows
                        yield batch
            except UnreadableFileError as error:
                self.failed[index] = str(error)
            else:
                self.delivered[index] = count
            self.bytes_done += file.bytes


def first_line(file: LandingFile) -> str | None:
    """The first line that is not blank, without its end; None for a file without one.

    Raises:
        UnreadableFileError: as when reading the whole file, or when the line is not UTF-8.
    """
    for lines, sizes, body, number in _split(file):
        batch = _batch(0, lines, sizes, body, number)
        if batch.num_rows:
            try:
                return str(batch["body"][0].as_py().decode("utf-8")).rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise UnreadableFileError("the header is not UTF-8 text") from error  # noqa: EM101
    return None


def _batch(index: int, offsets: np.ndarray, sizes: np.ndarray, body: bytes | np.ndarray, first: int) -> pa.RecordBatch:
    rows = len(sizes)
    array = pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(body)])
    columns = [
        pa.array(np.full(rows, index, dtype=np.int32)),
        pa.array(np.arange(first, first + rows, dtype=np.int64)),
        pa.array(sizes),
        array,
    ]
    batch = pa.RecordBatch.from_arrays(columns, schema=LINE_SCHEMA)
    data = np.frombuffer(body, dtype=np.uint8)
    starts = data[offsets[:-1]]
    blank = (sizes == 1) & ((starts == _NEWLINE) | (starts == _RETURN))
    blank |= (sizes == 2) & (starts == _RETURN) & (data[offsets[1:] - 1] == _NEWLINE)
    return batch.filter(pa.array(~blank)) if blank.any() else batch


def _separated(body: bytes, offsets: np.ndarray, delimiter: str) -> np.ndarray:
    """Put ``SEPARATOR`` for each delimiter with an even number of quotes before it in its line."""
    data = np.frombuffer(body, dtype=np.uint8).copy()
    data[data == _UNIT] = _RECORD  # stays a control character, cannot pass for ours
    places = np.flatnonzero(data == ord(delimiter))
    quotes = np.flatnonzero(data == _QUOTE)
    if len(quotes):
        starts = np.searchsorted(quotes, offsets[:-1])
        lines = np.searchsorted(offsets, places, side="right") - 1
        places = places[(np.searchsorted(quotes, places) - starts[lines]) % 2 == 0]
    data[places] = _UNIT
    return data


def _split(file: LandingFile) -> Iterator[tuple[np.ndarray, np.ndarray, bytes, int]]:
    """Yield (int32 offsets of n + 1, int64 sizes of n in bytes, bytes, number of the first line), ends included."""
    number, carry, dropped = 1, b"", 0
    for chunk in _chunks(file):
        data = carry + chunk
        ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == _NEWLINE) + 1
        if not len(ends):
            carry = data
            if len(carry) > LINE_LIMIT_BYTES:
                dropped += len(carry) - _KEPT_OF_LONG_LINE_BYTES
                carry = carry[:_KEPT_OF_LONG_LINE_BYTES]
            continue
        offsets = np.concatenate(([0], ends)).astype(np.int32)
        sizes = np.diff(offsets).astype(np.int64)
        sizes[0] += dropped
        yield offsets, sizes, data[: ends[-1]], number
        number, carry, dropped = number + len(ends), data[ends[-1] :], 0
    if carry:
        yield np.array([0, len(carry)], dtype=np.int32), np.array([len(carry) + dropped]), carry, number


def _chunks(file: LandingFile) -> Iterator[bytes]:
    if file.compression and not file.bytes:
        raise UnreadableFileError("the file is empty, which no compressed file is")  # noqa: EM101
    try:
        with pa.input_stream(str(file.path), compression=file.compression) as stream:
            head = stream.read(CHUNK_BYTES)
            if head.startswith(_UTF16):
                raise UnreadableFileError("the text is UTF-16; deliver UTF-8")  # noqa: EM101
            yield head.removeprefix(_BOM)
            while data := stream.read(CHUNK_BYTES):
                yield data
    except OSError as error:
        raise UnreadableFileError(_cause(error)) from error


def _cause(error: OSError) -> str:
    """What the library says, without the local path that may stand in it."""
    text = error.strerror or str(error).splitlines()[0]
    return text.split(": Detail")[0].split(" '/")[0][:200]
