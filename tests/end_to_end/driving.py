"""A whole installation in a temporary folder, driven through the command a user types."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
from warm_start import Command, WarmStart

PERSO = Path(sys.executable).with_name("perso")
_COMMANDS = WarmStart()
STAGES = (
    "staging",
    "identity",
    "interactions",
    "profiles",
    "segments",
    "models",
    "recommendations",
    "activation",
    "measurement",
)
# Differ between two equally right runs: names that MLflow draws by chance, and the log of publications.
BY_CHANCE = {"mlflow_run_id"}
LOGS = {"recommendations.publish_log"}
# Names the delivered copies (file and line) that a view leaves out: other files, other names.
NAMES_FILES = {"staging.superseded_storefront_events", "staging.superseded_recommendation_events"}


@dataclass(frozen=True)
class Installation:
    home: Path
    config: Path | None = None
    is_gated: bool = (
        True  # the gates in expectations/ are a third of a small night: without them where they are not the matter
    )

    def environment(self) -> dict[str, str]:
        # one thread: two workers of the tests share two cores
        own = {"PERSO_HOME": str(self.home), "PERSO_HASH_KEY": "only for tests", "COLUMNS": "200", "PERSO_THREADS": "1"}
        if self.config:
            own["PERSO_CONFIG_DIR"] = str(self.config)
        if not self.is_gated:
            none = self.home.with_name("no-expectations")
            none.mkdir(parents=True, exist_ok=True)
            own["PERSO_EXPECTATIONS_DIR"] = str(none)
        return os.environ | own

    def perso(self, *arguments: str, expect: int = 0) -> str:
        with tempfile.NamedTemporaryFile() as printed:
            code = _COMMANDS.start(arguments, self.environment(), Path(printed.name)).wait()
            output = printed.read().decode()
        assert code == expect, output[-4000:]
        return output

    def perso_in_a_new_process(self, *arguments: str) -> str:
        """The same through the executable, as a shell starts it."""
        done = subprocess.run(
            [str(PERSO), *arguments], env=self.environment(), capture_output=True, text=True, check=False, timeout=900
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        return done.stdout + done.stderr

    def start(self, *arguments: str) -> Command:
        return _COMMANDS.start(arguments, self.environment(), self.home / "started.log")

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse" / "perso.duckdb"

    def rows(self, sql: str) -> list[tuple]:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def fingerprints(self, *stages: str) -> dict[str, tuple]:
        """Rows and order-free hash of every table of the stages."""
        found = {}
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            tables = connection.execute(
                "select table_schema, table_name from information_schema.tables "
                "where list_contains(?, table_schema) order by all",
                [list(stages or STAGES)],
            ).fetchall()
            for schema, name in tables:
                if f"{schema}.{name}" in LOGS | NAMES_FILES:
                    continue
                columns = [
                    column
                    for (column,) in connection.execute(
                        "select column_name from information_schema.columns where table_schema = ? and table_name = ? order by column_name",
                        [schema, name],
                    ).fetchall()
                    if column not in BY_CHANCE
                ]
                listed = ", ".join(f'"{c}"' for c in columns)
                found[f"{schema}.{name}"] = connection.execute(
                    f'select count(*), sum(hash({listed})::hugeint) from "{schema}"."{name}"'
                ).fetchone()
        return found

    def landing_days(self) -> list[date]:
        return sorted({date.fromisoformat(p.name) for p in (self.home / "landing").glob("*/*")})
