"""The view of entries and exits on a real warehouse, nights in the wrong order, and its own dbt unit test."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from perso_pipeline.resources.warehouse import DuckDBWarehouse

PROJECT = Path(__file__).resolve().parents[2]
FIRST, SECOND = date(2026, 6, 1), date(2026, 6, 3)
_DBT = "import sys; from dbt.cli.main import dbtRunner; r = dbtRunner().invoke(sys.argv[1:]); print(r.exception); sys.exit(not r.success)"


def write(warehouse, night, people):
    catalogue = pa.table({"night": [night], "segment_id": ["vip"], "rule": ["orders at least 1"]})
    rows = {
        "night": [night] * len(people),
        "site_id": ["uk"] * len(people),
        "person_id": people,
        "segment_id": ["vip"] * len(people),
    }
    warehouse.write_partition("segments.segment_catalogue", catalogue, {"night": night})
    warehouse.write_partition("segments.segment_membership", pa.table(rows), {"night": night})


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    folder = tmp_path_factory.mktemp("changes")
    store = DuckDBWarehouse(folder / "shop.duckdb")
    write(store, SECOND, ["a", "c"])
    arguments = ["build", "--select", "segment_changes", "--indirect-selection", "buildable", "--vars", "{night: '2026-06-03'}",
                 "--project-dir", str(PROJECT / "sql"), "--profiles-dir", str(PROJECT / "sql"),
                 "--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]  # fmt: skip
    environment = os.environ | {"PERSO_WAREHOUSE": str(store.path), "PERSO_MEMORY_LIMIT": "1GB", "PERSO_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _DBT, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "who_entered_and_who_left_is_told_night_by_night" in done.stdout
    return store


def test_an_earlier_night_that_is_run_later_is_compared_with_all_the_same(warehouse):
    assert warehouse.query("select * from segments.segment_changes").num_rows == 0
    write(warehouse, FIRST, ["a", "b"])
    rows = warehouse.query("select * from segments.segment_changes order by person_id").to_pylist()
    assert [(r["night"], r["previous_night"], r["person_id"], r["change"]) for r in rows] == [
        (SECOND, FIRST, "b", "left"), (SECOND, FIRST, "c", "entered"),
    ]  # fmt: skip
