"""Building parts of the real dbt project on a warehouse file, in this process and parsed once for all of a process's tests.

A dbt of its own costs 5 s before its first model. Keep what one folder's tests select and assert in that folder.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.artifacts.schemas.results import NodeStatus
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest

from perso_pipeline.resources import dbt
from perso_pipeline.settings import Settings

SQL_DIR = Path(__file__).resolve().parents[1] / "sql"


@cache
def manifest() -> Manifest:
    """The parsed project; read only, dbt marks in a copy what it has compiled."""
    return dbt._parsed()


def invoke(warehouse: Path, *arguments: str, **variables: object) -> dbtRunnerResult:
    """Run a dbt command whatever comes of it; no connection to the warehouse outlives it.

    The file's name is its database's in what was parsed, so that it is the product's.
    """
    assert warehouse.name == Settings().warehouse_path.name
    parsed = manifest().deepcopy()
    with TemporaryDirectory() as folder, _environment(warehouse):
        try:
            return dbtRunner(manifest=parsed).invoke([
                *arguments, "--vars", json.dumps(variables), "--project-dir", str(SQL_DIR), "--profiles-dir", str(SQL_DIR),
                "--target-path", folder, "--log-path", folder, "--log-level", "none", "--log-level-file", "none", "--no-write-json",
            ])  # fmt: skip
        finally:
            DuckDBConnectionManager.close_all_connections()


def build(
    warehouse: Path, *select: str, unit_tests: bool = False, indirect_selection: str = "eager", **variables: object
) -> frozenset[str]:
    """Build models with their data tests, all of which must pass; the names of what was run.

    Unit tests say the same of every warehouse, so that one build with them is enough.
    """
    how = [
        "--indirect-selection",
        indirect_selection,
        *([] if unit_tests else ["--exclude-resource-type", "unit_test"]),
    ]
    return succeeded(invoke(warehouse, "build", "--select", *select, *how, **variables))


def run(warehouse: Path, *select: str, **variables: object) -> None:
    """Run models without their tests: of what is held against tables that ``build`` made."""
    succeeded(invoke(warehouse, "run", "--select", *select, **variables))


def statuses(result: dbtRunnerResult) -> dict[str, str]:
    """Of each node that was run its status, by name."""
    return {node.node.name: str(node.status) for node in result.result or ()}


def succeeded(result: dbtRunnerResult) -> frozenset[str]:
    """The names of what was run, of which nothing failed."""
    passed = (NodeStatus.Success, NodeStatus.Pass)
    failed = [f"{node.node.name}: {node.message}" for node in result.result or () if node.status not in passed]
    assert result.success, failed or result.exception
    return frozenset(statuses(result))


@contextmanager
def _environment(warehouse: Path) -> Iterator[None]:
    """What sql/profiles.yml reads; one thread: a second brings nothing on a few rows."""
    given = {"PERSO_WAREHOUSE": str(warehouse), "PERSO_MEMORY_LIMIT": "1GB", "PERSO_THREADS": "1"}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
