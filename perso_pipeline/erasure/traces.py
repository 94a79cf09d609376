"""What was written about the people beside the tables: event logs, run logs, previews, documents, reports.

There a name is blotted out, letter by letter, and the rest stays; lengths do not change, so that no format breaks.
"""

import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from perso_pipeline.erasure.people import People
from perso_pipeline.models.artifacts import ARRAYS

_BLOT = b"x"
_SHORTEST = 5
_PAGE_ROWS = 1_000  # of an event log, a few megabytes
_DATABASES = {".db", ".sqlite"}
_KEPT = {"landing", "truth", "published", "warehouse", "erasures"}


def pattern(people: People) -> re.Pattern[bytes]:
    """Every name of the people as bytes; one that is a mere number only where its kind or quotes stand around it."""
    names: set[str] = {*people.person_ids, *people.own, *people.carts}
    for identifier in people.own:
        value = identifier.split(":", 1)[1]
        if value.isdigit() or len(value) < _SHORTEST:
            names |= {f'"{value}"', f"'{value}'", f"| {value} |"}
        else:
            names.add(value)
    return re.compile(rb"(?<![0-9A-Za-z_-])(?:" + any_of({name.encode() for name in names}) + rb")(?![0-9A-Za-z_-])")


def any_of(names: set[bytes]) -> bytes:
    """An expression for any of ``names``, the longest that fits, which tries a common beginning once.

    One after the other, hundreds of names take a minute for the logs of two nights; this way a second.
    """
    endings: dict[int, set[bytes]] = {}
    for name in names - {b""}:
        endings.setdefault(name[0], set()).add(name[1:])
    branches = [re.escape(bytes([first])) + any_of(rest) for first, rest in sorted(endings.items())]
    if not branches:
        return b""
    if b"" in names:
        return b"(?:" + b"|".join(branches) + b")?"
    return branches[0] if len(branches) == 1 else b"(?:" + b"|".join(branches) + b")"


def blot_out(home: Path, wanted: re.Pattern[bytes], on_file: Callable[[str, int], None]) -> None:
    """Blot the names out of every file below ``home`` that is not a table of ours; ``on_file`` is told each."""
    for path in _files(home):
        blot = _blot_database if path.suffix in _DATABASES else _blot_file
        places = blot(path, wanted)
        if places:
            on_file(path.relative_to(home).as_posix(), places)


def _files(home: Path) -> Iterator[Path]:
    """Without arrays of models: text stands there by four bytes a letter, and ``artefacts`` takes their rows out."""
    for path in sorted(home.rglob("*")):
        is_ours = path.relative_to(home).parts[0] in _KEPT or path.name == ARRAYS
        if path.is_file() and not path.is_symlink() and not is_ours:
            yield path


def _blot(body: bytes, wanted: re.Pattern[bytes]) -> tuple[bytes, int]:
    return wanted.subn(lambda match: _BLOT * len(match[0]), body)


def _blot_file(path: Path, wanted: re.Pattern[bytes]) -> int:
    body, places = _blot(path.read_bytes(), wanted)
    if places:
        draft = path.with_name(f".{path.name}.erasing")
        draft.write_bytes(body)
        draft.chmod(path.stat().st_mode)
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(path)
    return places


def _blot_database(path: Path, wanted: re.Pattern[bytes]) -> int:
    places = 0
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as connection:
        connection.execute("pragma secure_delete = on")
        connection.execute("begin immediate")
        for table, columns in _columns(connection):
            places += _blot_table(connection, table, columns, wanted)
        connection.execute("commit")
        if places:
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(truncate)")
    return places


def _blot_table(connection: sqlite3.Connection, table: str, columns: str, wanted: re.Pattern[bytes]) -> int:
    places, last = 0, 0
    page = f'select rowid, {columns} from "{table}" where rowid > ? order by rowid limit {_PAGE_ROWS}'
    while rows := connection.execute(page, [last]).fetchall():
        last = rows[-1][0]
        for row in rows:
            for column, value in zip(columns.split(", "), row[1:], strict=True):
                if isinstance(value, str | bytes):
                    body, count = _blot(value.encode() if isinstance(value, str) else value, wanted)
                    if count:
                        given = body.decode() if isinstance(value, str) else body
                        connection.execute(f'update "{table}" set {column} = ? where rowid = ?', [given, row[0]])
                        places += count
    return places


def _columns(connection: sqlite3.Connection) -> Iterable[tuple[str, str]]:
    tables = connection.execute(
        "select name from sqlite_master"
        " where type = 'table' and name not like 'sqlite_%' and lower(sql) not like '%without rowid%'"
    ).fetchall()
    for (table,) in tables:
        columns = [row[1] for row in connection.execute(f'pragma table_info("{table}")')]
        yield table, ", ".join(f'"{column}"' for column in columns)
