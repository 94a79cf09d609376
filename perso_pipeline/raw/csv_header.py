"""CSV files by their header: which can be read by one query, and which cannot be read at all.

Keep the records out: they are split in SQL.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field

from perso_pipeline.contracts.streams import Stream
from perso_pipeline.raw.landing import LandingFile
from perso_pipeline.raw.lines import UnreadableFileError, first_line

DELIMITERS = (",", ";", "\t")


@dataclass
class CsvGroups:
    """Files with one delimiter and header together; indices as given."""

    files: dict[tuple[str, tuple[str, ...]], list[tuple[int, LandingFile]]] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    without_records: list[int] = field(default_factory=list)


def csv_groups(stream: Stream, files: Iterable[tuple[int, LandingFile]]) -> CsvGroups:
    """Read the header of each file; the delimiter is the one of ``,``, ``;``, tab that finds most fields."""
    groups = CsvGroups()
    for index, file in files:
        try:
            line = first_line(file)
            if line is None:
                groups.without_records.append(index)
                continue
            groups.files.setdefault(_header(stream, line), []).append((index, file))
        except UnreadableFileError as error:
            groups.failed[index] = str(error)
    return groups


def _header(stream: Stream, line: str) -> tuple[str, tuple[str, ...]]:
    if "\0" in line or len(line) > csv.field_size_limit():
        raise UnreadableFileError("the header holds NUL or is longer than 128 KiB")  # noqa: EM101
    candidates = [(d, tuple(n.strip() for n in next(csv.reader([line], delimiter=d)))) for d in DELIMITERS]
    delimiter, header = max(candidates, key=lambda c: len(set(c[1]) & set(stream.field_names)))
    if stream.key not in header:
        msg = f"the first line is no header: it has no column {stream.key}"
        raise UnreadableFileError(msg)
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        msg = f"the header has the column '{twice[0]}' twice"
        raise UnreadableFileError(msg)
    return delimiter, header
