import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import duckdb
import pytest

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.profiles.config import ProfilesConfig
from perso_pipeline.profiles.settings_table import settings_table
from perso_pipeline.resources.warehouse import DuckDBWarehouse

PROJECT = Path(__file__).resolve().parents[2]
FACTS = ["active_days", "visit_days", "site_amounts", "person_totals", "visit_totals", "statement_totals"]
PROFILES = ["path:models/profiles"]


def build(path: Path, steps: Sequence[tuple[list[str], Mapping[str, str]]]) -> None:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "tests/profiles/dbt_steps.py"), str(path.parent), json.dumps(steps)],
        env={**os.environ, "PERSO_WAREHOUSE": str(path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def write_settings(path: Path, *nights: str) -> None:
    config = read_config(PROJECT / "config/profiles.yml", ProfilesConfig)
    for night in map(date.fromisoformat, nights):
        DuckDBWarehouse(path).write_partition("profiles.settings", settings_table(config, night), {"night": night})


@pytest.fixture(scope="session")
def profiled(tmp_path_factory) -> DuckDBWarehouse:
    """The hand-made shop of tests/measurement with the profile tables of the nights 10 and then 4. Read only."""
    path = tmp_path_factory.mktemp("profiles") / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        for script in ("tests/measurement/hand_made_shop.sql", "tests/profiles/hand_made_additions.sql"):
            connection.execute((PROJECT / script).read_text(encoding="utf-8"))
    write_settings(path, "2026-01-10", "2026-01-04")
    build(path, [(FACTS, {}), (PROFILES, {"night": "2026-01-10"}), (PROFILES, {"night": "2026-01-04"})])
    return DuckDBWarehouse(path)
