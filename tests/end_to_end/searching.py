"""Search every file below a home for names, through compression, Parquet, DuckDB, SQLite and NumPy archives."""

import io
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def places(home: Path, names: Iterable[str], *, outside: Iterable[str] = ()) -> list[str]:
    """Where any of the names stands: 'file: name', the folders ``outside`` left aside."""
    wanted = [(name, name.encode()) for name in sorted(names)]
    found = []
    for path in sorted(home.rglob("*")):
        if not path.is_file() or path.is_symlink() or path.relative_to(home).parts[0] in set(outside):
            continue
        for content in _contents(path):
            found += [f"{path.relative_to(home)}: {name}" for name, body in wanted if body in content]
    return found


def _contents(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    if path.suffix in {".gz", ".zst"}:
        with pa.input_stream(str(path), compression={".gz": "gzip", ".zst": "zstd"}[path.suffix]) as stream:
            yield stream.read()
    elif path.suffix == ".parquet":
        yield _text(pq.read_table(path))
    elif path.suffix == ".duckdb":
        yield from _duckdb(path)
    elif path.suffix == ".db":
        yield from _sqlite(path)
    elif path.suffix == ".npz":
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            for name in arrays.files:
                if arrays[name].dtype.kind == "U":
                    yield "\n".join(arrays[name].ravel().tolist()).encode()


def _text(table: pa.Table) -> bytes:
    return "\n".join(str(column.to_pylist()) for column in table.columns).encode()


def _duckdb(path: Path) -> Iterator[bytes]:
    with duckdb.connect(str(path), read_only=True) as connection:
        for schema, name in connection.execute(
            "select schema_name, table_name from duckdb_tables() where not temporary"
        ).fetchall():
            yield _text(connection.sql(f'select * from "{schema}"."{name}"').to_arrow_table())


def _sqlite(path: Path) -> Iterator[bytes]:
    with closing(sqlite3.connect(path)) as connection:
        for (name,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
            yield str(connection.execute(f'select * from "{name}"').fetchall()).encode()
