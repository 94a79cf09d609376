"""One warehouse built whole, shared by the tests of this folder."""

import sys
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # import-mode importlib leaves it out

import dbt_project
import generated_raw


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with every night loaded and built in one go; read only."""
    path = tmp_path_factory.mktemp("whole") / "perso.duckdb"
    with duckdb.connect(str(path)) as connection:
        generated_raw.fill_raw(connection, generated_raw.Size())
    dbt_project.run(path)
    return path
