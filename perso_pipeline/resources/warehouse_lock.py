"""Who may open the warehouse's file: one process at a time, and the others wait instead of failing."""

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from perso_pipeline.contracts.errors import PersoError

Config = Mapping[str, str | bool | int | float | list[str]]  # DuckDB's settings


class WarehouseLock:
    """An advisory lock beside the warehouse file, held by one process and re-entered within it.

    DuckDB refuses a second process at once; with this a second run waits and can say for whom. Opening a file takes
    20 ms of processor, more than most queries of a night, so a database that was opened to be read (``reader``) stays
    open, and the lock held, for a moment after its block: a tenth of a second, or until this process wants the file
    for something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._depth = 0
        self._descriptor = -1
        self._kept: duckdb.DuckDBPyConnection | None = None
        self._leaving: threading.Timer | None = None

    @staticmethod
    @contextmanager
    def hold(warehouse_path: Path, *, purpose: str = "", timeout_seconds: float = 600.0) -> Iterator[None]:
        """Hold the lock for a block that opens the file by itself.

        Raises:
            PersoError: another process kept it longer than ``timeout_seconds``; names the process.
        """
        with _ONE_THREAD, WarehouseLock._of(warehouse_path).held(purpose, timeout_seconds, closes=True):
            yield

    @staticmethod
    @contextmanager
    def reader(warehouse_path: Path, config: Config, *, purpose: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
        """Hold the lock for a block that only reads; the database stays open for the next such block.

        Raises:
            PersoError: another process kept it longer than ten minutes; names the process.
        """
        with _ONE_THREAD, WarehouseLock._of(warehouse_path).opened(warehouse_path, config, purpose) as found:
            yield found

    @staticmethod
    def leave(warehouse_path: Path) -> None:
        """Close a database that was kept open and let go of its lock now."""
        with _ONE_THREAD:
            WarehouseLock._of(warehouse_path).let_go()

    @staticmethod
    def _of(warehouse_path: Path) -> "WarehouseLock":
        path = warehouse_path.with_suffix(".lock")
        return _LOCKS.setdefault(path, WarehouseLock(path))

    @contextmanager
    def held(self, purpose: str, timeout_seconds: float = 600.0, *, closes: bool = False) -> Iterator[None]:
        """The lock; where asked and not further in, without a database that is still open."""
        self.acquire(purpose, timeout_seconds)
        try:
            if closes and self._depth == 1:
                self._close()
            yield
        finally:
            self.release()

    @contextmanager
    def opened(self, path: Path, config: Config, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """The lock and a connection that reads; kept open but within a block that opens the file by itself."""
        is_kept = self._depth == 0 or self._kept is not None
        with self.held(purpose):
            if self._kept is None:
                self._kept = duckdb.connect(str(path), read_only=True, config=dict(config))
            connection = self._kept.cursor()
            try:
                yield connection
            finally:
                connection.close()
                if not is_kept:
                    self._close()

    def let_go(self) -> None:
        """Close and unlock, unless somebody is within."""
        if self._depth == 0 and self._descriptor >= 0:
            self._close()
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = -1

    def _close(self) -> None:
        if self._kept:
            self._kept.close()
            self._kept = None

    def _let_go_unless_wanted(self) -> None:
        with _ONE_THREAD:
            if self._leaving is threading.current_thread():
                self.let_go()

    def acquire(self, purpose: str, timeout_seconds: float) -> None:
        if self._leaving:
            self._leaving.cancel()
            self._leaving = None
        if self._depth == 0 and self._descriptor < 0:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            deadline = time.monotonic() + timeout_seconds
            while not self._try():
                if time.monotonic() > deadline:
                    os.close(self._descriptor)
                    self._descriptor = -1
                    msg = (
                        f"The warehouse is in use by {self._holder()}; wait for it to end or stop it, "
                        f"then start again (waited {timeout_seconds:.0f} s)."
                    )
                    raise PersoError(msg)
                time.sleep(_POLL_SECONDS)
            note = json.dumps({"process": os.getpid(), "purpose": purpose}).encode()
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, note, 0)
        self._depth += 1

    def release(self) -> None:
        self._depth -= 1
        if self._depth == 0 and self._kept is None:
            self.let_go()
        elif self._depth == 0:
            self._leaving = threading.Timer(_KEPT_SECONDS, self._let_go_unless_wanted)
            self._leaving.daemon = True
            self._leaving.start()

    def _try(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> str:
        try:
            note = json.loads(self._path.read_text(encoding="utf-8"))
        except ValueError:
            return "another process"
        return f"process {note['process']}" + (f" ({note['purpose']})" if note["purpose"] else "")


_LOCKS: dict[Path, WarehouseLock] = {}  # one a file in this process, so that holding it again only counts
_ONE_THREAD = threading.RLock()
_POLL_SECONDS = 0.05
_KEPT_SECONDS = 0.1
