import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from perso_pipeline.resources.warehouse import DuckDBWarehouse


@pytest.fixture(scope="session")
def build(tmp_path_factory) -> Callable[..., None]:
    """Run one stage of the real dbt project on a warehouse file, for nights in the order given."""
    target = tmp_path_factory.mktemp("dbt")
    script = str(Path(__file__).with_name("dbt_build.py"))

    def run(path: Path, stage: str, *nights: str) -> None:
        command = [sys.executable, script, str(target), stage, *nights]
        environment = {**os.environ, "PERSO_WAREHOUSE": str(path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


@pytest.fixture(scope="session")
def measured_file(tmp_path_factory, build) -> Path:
    """The hand-made shop with the measurement tables of the nights 10, 4, 9 and 10 again: order and repetition tell nothing."""
    path = tmp_path_factory.mktemp("warehouse") / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        for script in ("hand_made_shop.sql", "hand_made_beside.sql"):
            connection.execute((Path(__file__).parent / script).read_text(encoding="utf-8"))
    build(path, "measurement", "2026-01-10", "2026-01-04", "2026-01-09", "2026-01-10")
    return path


@pytest.fixture
def measured(measured_file, tmp_path) -> DuckDBWarehouse:
    """A copy that a test may spoil."""
    copy = tmp_path / "shop.duckdb"
    copy.write_bytes(measured_file.read_bytes())
    return DuckDBWarehouse(copy)
