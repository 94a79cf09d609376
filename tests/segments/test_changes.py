"""The view of entries and exits on a real warehouse, nights in the wrong order, and its own dbt unit test."""

from datetime import date

import pyarrow as pa
import pytest

from perso_pipeline.resources.warehouse import DuckDBWarehouse
from tests.dbt_builds import build

FIRST, SECOND = date(2026, 6, 1), date(2026, 6, 3)


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
    store = DuckDBWarehouse(folder / "perso.duckdb")
    write(store, SECOND, ["a", "c"])
    assert "who_entered_and_who_left_is_told_night_by_night" in build(
        store.path, "segment_changes", indirect_selection="buildable", unit_tests=True, night=SECOND.isoformat()
    )
    return store


def test_an_earlier_night_that_is_run_later_is_compared_with_all_the_same(warehouse):
    assert warehouse.query("select * from segments.segment_changes").num_rows == 0
    write(warehouse, FIRST, ["a", "b"])
    rows = warehouse.query("select * from segments.segment_changes order by person_id").to_pylist()
    assert [(r["night"], r["previous_night"], r["person_id"], r["change"]) for r in rows] == [
        (SECOND, FIRST, "b", "left"), (SECOND, FIRST, "c", "entered"),
    ]  # fmt: skip
