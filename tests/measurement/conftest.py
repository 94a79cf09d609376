from pathlib import Path

import duckdb
import pytest

from perso_pipeline.resources.warehouse import DuckDBWarehouse
from tests.dbt_builds import build

MEASUREMENT = "path:models/measurement"


@pytest.fixture(scope="session")
def measured_file(tmp_path_factory) -> Path:
    """The hand-made shop with the measurement tables of the nights 10, 4, 9 and 10 again: order and repetition tell nothing."""
    path = tmp_path_factory.mktemp("warehouse") / "perso.duckdb"
    with duckdb.connect(str(path)) as connection:
        for script in ("hand_made_shop.sql", "hand_made_beside.sql"):
            connection.execute((Path(__file__).parent / script).read_text(encoding="utf-8"))
    build(path, MEASUREMENT, night="2026-01-10", unit_tests=True)
    for night in ("2026-01-04", "2026-01-09", "2026-01-10"):
        build(path, MEASUREMENT, night=night)
    return path


@pytest.fixture
def measured(measured_file, tmp_path) -> DuckDBWarehouse:
    """A copy that a test may spoil."""
    copy = tmp_path / "perso.duckdb"
    copy.write_bytes(measured_file.read_bytes())
    return DuckDBWarehouse(copy)
