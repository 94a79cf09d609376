"""A warehouse whose file stays open, for tests that ask it many small questions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakValueDictionary

import duckdb

from perso_pipeline.resources.warehouse import DuckDBWarehouse, WarehouseResource


class OpenWarehouse(DuckDBWarehouse):
    """Opens its file once, for writing too: that costs 12 ms, more than most queries of a test.

    Nobody else in this process can open the file before ``close``. What the product's own would refuse, to open for reading
    while the file is open for writing or the other way round, is refused here too.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, threads=1)
        self._open: duckdb.DuckDBPyConnection | None = None
        self._standing: list[bool] = []  # of each block that stands whether it is for reading only
        _HELD[str(path)] = self

    @contextmanager
    def connect(self, *, read_only: bool = False, purpose: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
        if self._open is None:
            self._open = duckdb.connect(str(self.path), config={"threads": 1})
        assert (not read_only) not in self._standing
        self._standing.append(read_only)
        try:
            with self._open.cursor() as connection:
                connection.execute("set timezone = 'UTC'")
                yield connection
        finally:
            self._standing.remove(read_only)

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


_HELD: WeakValueDictionary[str, OpenWarehouse] = WeakValueDictionary()


class OpenWarehouseResource(WarehouseResource):
    """Hands steps the warehouse that the test itself holds open."""

    def open(self) -> DuckDBWarehouse:
        return _HELD[self.path]
