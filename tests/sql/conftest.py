"""One parsed project and one warehouse built whole, shared by the tests of this folder."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # import-mode importlib leaves it out

import dbt_project
import generated_raw


@pytest.fixture(scope="session", autouse=True)
def environment() -> Iterator[None]:
    """dbt reads the warehouse's path from the environment; leave that as it was."""
    names = ("PERSO_WAREHOUSE", "PERSO_MEMORY_LIMIT", "PERSO_THREADS")
    before = {name: os.environ.get(name) for name in names}
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> dbt_project.Project:
    return dbt_project.parse(tmp_path_factory.mktemp("dbt"))


@pytest.fixture(scope="session")
def whole(project: dbt_project.Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with every night loaded and built in one go; read only."""
    path = tmp_path_factory.mktemp("whole") / "perso.duckdb"
    with duckdb.connect(str(path)) as connection:
        generated_raw.fill_raw(connection, generated_raw.Size())
    project.run(path)
    return path
