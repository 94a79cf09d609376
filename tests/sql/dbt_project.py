"""Running the dbt project on a warehouse file, in this process, with the project parsed once."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest

from perso_pipeline.identity.config import read_identity_rules
from perso_pipeline.identity.resolve import resolve
from perso_pipeline.interactions.channels import read_channels

SQL_DIR = Path(__file__).resolve().parents[2] / "sql"
CHANNELS = read_channels(SQL_DIR.parent / "config").variable()
FACTS = ("staging", "identity", "interactions")
RULES = read_identity_rules(SQL_DIR.parent / "config")
_ALL_NIGHTS = {"from_night": "0001-01-01", "to_night": "9999-12-31"}


@dataclass(frozen=True)
class Project:
    """The parsed project; ``run`` builds fact models of one warehouse file, and the identity map from them."""

    manifest: Manifest
    folder: Path

    def invoke(self, warehouse: Path, *arguments: str, **variables: str) -> dbtRunnerResult:
        os.environ["PERSO_WAREHOUSE"] = str(warehouse)
        options = [
            "--project-dir", str(SQL_DIR), "--profiles-dir", str(SQL_DIR), "--target-path", str(self.folder / "target"),
            "--log-path", str(self.folder / "logs"), "--log-level-file", "none", "--quiet", "--vars", json.dumps(variables | {"channels": CHANNELS}), "--no-write-json",
        ]  # fmt: skip
        try:
            return dbtRunner(manifest=self.manifest).invoke([*arguments, *options])
        finally:
            DuckDBConnectionManager.close_all_connections()

    def run(self, warehouse: Path, *arguments: str, **variables: str) -> None:
        result = self.invoke(warehouse, "run", "--select", *FACTS, *arguments, **variables)
        failed = [f"{r.node.name}: {r.message}" for r in result.result or () if r.status not in ("success", "pass")]
        assert result.success, failed or result.exception
        nights = [date.fromisoformat(variables.get(name, default)) for name, default in _ALL_NIGHTS.items()]
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("begin")
            resolve(connection, RULES, first=nights[0], last=nights[1])
            connection.execute("commit")


def parse(folder: Path) -> Project:
    """Parse without a warehouse file, as CI and Dagster do."""
    os.environ["PERSO_WAREHOUSE"] = str(folder / "perso.duckdb")
    result = dbtRunner().invoke(
        ["parse", "--project-dir", str(SQL_DIR), "--profiles-dir", str(SQL_DIR),
         "--target-path", str(folder / "target"), "--log-path", str(folder / "logs"), "--log-level-file", "none", "--quiet"]
    )  # fmt: skip
    DuckDBConnectionManager.close_all_connections()
    assert result.success, result.exception
    return Project(result.result, folder)


def contents(warehouse: Path, schemas: tuple[str, ...] = FACTS) -> Mapping[str, tuple[int, str]]:
    """Rows and md5 of the sorted rows of every table."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = connection.execute(
            "select table_schema, table_name from information_schema.tables where table_schema in ? order by all",
            [list(schemas)],
        ).fetchall()
        found = {}
        for schema, table in tables:
            columns = sorted(
                name
                for (name,) in connection.execute(
                    "select column_name from information_schema.columns where table_schema = ? and table_name = ?",
                    [schema, table],
                ).fetchall()
            )
            listed = ", ".join(columns)
            row = connection.execute(
                f"select count(*), md5(string_agg(line, chr(10) order by line)) "
                f"from (select row({listed})::varchar as line from {schema}.{table})"
            ).fetchone()
            found[f"{schema}.{table}"] = row
        return found
