"""Reading ``published/current`` while it may be swapped at any moment.

The link is resolved once per question and a folder's file is opened once; nothing here opens the working
warehouse.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from perso_pipeline.contracts.errors import PersoError

_ATTEMPTS = 3  # a folder can go between the reading of the link and the opening of its file


@dataclass(frozen=True)
class Answer:
    """Rows of one query and the version they came from."""

    version: str
    rows: list[dict[str, Any]]


class PublishedStore:
    """One read-only connection to the current folder's ``perso.duckdb``, opened anew when the link moves."""

    def __init__(self, published_dir: Path, *, memory_limit: str = "1GB", threads: int = 1) -> None:
        self._link = published_dir / "current"
        self._config: dict[str, Any] = {
            "memory_limit": memory_limit,
            "threads": threads,
            "enable_external_access": False,
            "autoinstall_known_extensions": False,
        }
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    def ask(self, sql: str, parameters: Sequence[str | int] = ()) -> Answer:
        """Run one statement with bound values against the current version.

        Raises:
            PersoError: nothing is published yet.
        """
        with self._lock:
            connection, version = self._open()
            cursor = connection.cursor()
        try:
            result = cursor.execute(sql, list(parameters))
            names = [column[0] for column in result.description or []]
            return Answer(version, [dict(zip(names, row, strict=True)) for row in result.fetchall()])
        finally:
            cursor.close()

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection, self._folder = None, None

    def _open(self) -> tuple[duckdb.DuckDBPyConnection, str]:
        fault: Exception | None = None
        for _ in range(_ATTEMPTS):
            try:
                folder = self._link.resolve(strict=True)
                if self._connection is not None and folder == self._folder:
                    return self._connection, folder.name
                opened = duckdb.connect(str(folder / "perso.duckdb"), read_only=True, config=self._config)
            except (FileNotFoundError, duckdb.IOException) as error:
                fault = error
                continue
            # the old connection is left to its last cursor; DuckDB closes the file with it
            self._connection, self._folder = opened, folder
            return opened, folder.name
        msg = f"Nothing is published in {self._link.parent} yet; run a night with 'perso run' first."
        raise PersoError(msg) from fault
