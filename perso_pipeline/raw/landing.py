"""What lies in the landing folders: files to load, and things that are in the wrong place.

``landing/<stream>/<YYYY-MM-DD>/<file>``. Only names and sizes are looked at here; keep reading out.

Ignored without a word, because tools leave them beside their data: names that start with ``.`` or ``_``
(``_SUCCESS``, ``.part.crc``) or end in ``.tmp`` (an upload under way). Anything else that is not a file
of a known format under a safe name becomes one rejected record.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path

from perso_pipeline.contracts.streams import STREAMS

_SUFFIXES = re.compile(
    r"\.(?P<format>parquet|jsonl|ndjson|json|csv)(?:\.(?P<compression>gz|zst|zstd))?$", re.IGNORECASE
)
_SAFE_NAME = re.compile(r"[\w.=,() -]+")  # no quotes, globs, control characters, slashes, '@' or '+'
_FORMATS = "Parquet, or JSON Lines (.jsonl, .ndjson, .json) and CSV, each plain, .gz or .zst"


class Format(Enum):
    """How the records of a file are written."""

    PARQUET = "parquet"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True)
class LandingFile:
    """One delivered file that can be read."""

    stream: str
    load_date: date
    path: Path
    name: str  # path below landing/, with '/'
    format: Format
    compression: str | None  # 'gzip' or 'zstd'
    bytes: int


@dataclass(frozen=True)
class Refusal:
    """Something in the landing folder that cannot be loaded: one delivered, rejected record."""

    stream: str
    load_date: date | None  # None where the folder's name tells no date
    name: str
    bytes: int
    reason: str


@dataclass(frozen=True)
class Delivery:
    """All that a stream's folders hold for a range of nights, in order of date and name."""

    files: tuple[LandingFile, ...]
    refusals: tuple[Refusal, ...]


def scan(landing_dir: Path, stream: str, first: date, last: date) -> Delivery:
    """List the files of ``stream`` that arrived from ``first`` to ``last``, both included."""
    files: list[LandingFile] = []
    refusals: list[Refusal] = []
    for folder in _entries(landing_dir / stream):
        load_date = _day(folder.name)
        if load_date is None or not folder.is_dir() or not first <= load_date <= last:
            continue
        for path in _entries(folder):
            found = _judge(landing_dir, stream, load_date, path)
            if isinstance(found, LandingFile):
                files.append(found)
            else:
                refusals.append(found)
    return Delivery(tuple(files), tuple(refusals))


def scan_misplaced(landing_dir: Path) -> tuple[Refusal, ...]:
    """List what no night will ever pick up: unknown streams, folders that are no dates, stray files."""
    return tuple(_misplaced(landing_dir))


def _misplaced(landing_dir: Path) -> Iterator[Refusal]:
    for top in _entries(landing_dir):
        if not top.is_dir() or top.name not in STREAMS:
            streams = ", ".join(sorted(STREAMS))
            yield _refusal(landing_dir, top.name, None, top, f"this is no stream; the streams are {streams}")
            continue
        for folder in _entries(top):
            if not folder.is_dir() or _day(folder.name) is None:
                reason = "this is not in a folder of its day of arrival; name the folder like 2026-01-31"
                yield _refusal(landing_dir, top.name, None, folder, reason)


def _judge(landing_dir: Path, stream: str, load_date: date, path: Path) -> LandingFile | Refusal:
    if not path.is_file():
        return _refusal(
            landing_dir, stream, load_date, path, "this is not a file; put files directly into the day's folder"
        )
    if not _SAFE_NAME.fullmatch(path.name):
        reason = "the file's name may only hold letters, digits, spaces and . _ - = , ( ); rename it"
        return _refusal(landing_dir, stream, load_date, path, reason)
    suffixes = _SUFFIXES.search(path.name)
    if suffixes is None or (suffixes["compression"] and suffixes["format"].lower() == "parquet"):
        return _refusal(landing_dir, stream, load_date, path, f"the file's format is not known; deliver {_FORMATS}")
    kind = suffixes["format"].lower()
    compression = {None: None, "gz": "gzip"}.get(suffixes["compression"] and suffixes["compression"].lower(), "zstd")
    return LandingFile(
        stream=stream,
        load_date=load_date,
        path=path,
        name=path.relative_to(landing_dir).as_posix(),
        format=Format.JSON if kind in ("jsonl", "ndjson", "json") else Format(kind),
        compression=compression,
        bytes=path.stat().st_size,
    )


def _refusal(landing_dir: Path, stream: str, load_date: date | None, path: Path, reason: str) -> Refusal:
    size = path.stat().st_size if path.is_file() else 0
    name = path.relative_to(landing_dir).as_posix()
    return Refusal(_printable(stream), load_date, _printable(name), size, reason)


def _printable(name: str) -> str:
    """A hostile name made fit for tables and terminals: no control characters, no broken UTF-8."""
    text = name.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)[:500]


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name) if re.fullmatch(r"\d{4}-\d\d-\d\d", name, re.ASCII) else None
    except ValueError:
        return None


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if not p.name.startswith((".", "_")) and not p.name.endswith(".tmp"))
