import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from perso_pipeline.resources.warehouse import DuckDBWarehouse

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def profiled(tmp_path_factory) -> DuckDBWarehouse:
    """The hand-made shop of tests/measurement with the profile tables of the nights 10 and then 4. Read only."""
    folder = tmp_path_factory.mktemp("profiles")
    path = folder / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute((PROJECT / "tests/measurement/hand_made_shop.sql").read_text(encoding="utf-8"))
    command = [sys.executable, str(PROJECT / "tests/measurement/dbt_build.py"), str(folder), "profiles"]
    done = subprocess.run(
        [*command, "2026-01-10", "2026-01-04"],
        env={**os.environ, "PERSO_WAREHOUSE": str(path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return DuckDBWarehouse(path)
