from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.conftest import MadeOnce
from tests.dbt_builds import build, run
from tests.open_warehouse import OpenWarehouse

MEASUREMENT = "path:models/measurement"


@pytest.fixture(scope="session")
def measured_file(made_once: MadeOnce) -> Path:
    """The hand-made shop with the measurement tables of the nights 10, 4, 9 and 10 again: order and repetition tell nothing."""

    def fill(folder: Path) -> None:
        path = folder / "perso.duckdb"
        with duckdb.connect(str(path)) as connection:
            for script in ("hand_made_shop.sql", "hand_made_beside.sql"):
                connection.execute((Path(__file__).parent / script).read_text(encoding="utf-8"))
        run(path, MEASUREMENT, night="2026-01-10")
        for night in ("2026-01-04", "2026-01-09"):
            build(path, MEASUREMENT, night=night)
        build(path, MEASUREMENT, night="2026-01-10", unit_tests=True)

    return made_once("measured", fill) / "perso.duckdb"


@pytest.fixture
def measured(measured_file, tmp_path) -> Iterator[OpenWarehouse]:
    """A copy that a test may spoil."""
    copy = tmp_path / "perso.duckdb"
    copy.write_bytes(measured_file.read_bytes())
    warehouse = OpenWarehouse(copy)
    yield warehouse
    warehouse.close()
