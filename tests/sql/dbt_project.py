"""The fact models of one warehouse file, the identity map made from them, and what tables hold."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb
from dbt.cli.main import dbtRunnerResult

from perso_pipeline.identity.config import read_identity_rules
from perso_pipeline.identity.resolve import resolve
from perso_pipeline.interactions.channels import read_channels
from tests import dbt_builds

_CONFIG = dbt_builds.SQL_DIR.parent / "config"
CHANNELS = read_channels(_CONFIG).variable()
FACTS = ("staging", "identity", "interactions")
RULES = read_identity_rules(_CONFIG)
_ALL_NIGHTS = {"from_night": "0001-01-01", "to_night": "9999-12-31"}


def invoke(warehouse: Path, *arguments: str, **variables: str) -> dbtRunnerResult:
    return dbt_builds.invoke(warehouse, *arguments, **variables, channels=CHANNELS)


def run(warehouse: Path, *arguments: str, **variables: str) -> None:
    """Make the facts of all nights, or of those from ``from_night`` to ``to_night``, and who is who from them."""
    dbt_builds.succeeded(invoke(warehouse, "run", "--select", *FACTS, *arguments, **variables))
    nights = [date.fromisoformat(variables.get(name, default)) for name, default in _ALL_NIGHTS.items()]
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("begin")
        resolve(connection, RULES, first=nights[0], last=nights[1])
        connection.execute("commit")


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
