"""The project's own tests pass on good data, fail on bad data, and its variables take dates only."""

import shutil
from pathlib import Path

import dbt_project
import duckdb
import pytest

from perso_pipeline.identity.tables import TABLES
from tests.dbt_builds import manifest, statuses


def test_unit_tests_and_data_tests_pass_on_a_built_warehouse(whole: Path, tmp_path: Path) -> None:
    warehouse = Path(shutil.copy(whole, tmp_path / "perso.duckdb"))
    result = dbt_project.invoke(warehouse, "test", "--select", *(f"path:models/{stage}" for stage in dbt_project.FACTS))
    found = statuses(result)
    assert {name for name, status in found.items() if status != "pass"} == set()
    assert "movements_carry_their_signs_and_the_day_and_cost_of_the_sale" in found
    assert "order_lines_sum_to_the_movements" in found


@pytest.mark.parametrize(
    ("spoil", "test"),
    [
        (
            "update interactions.order_movements set net = net + 0.01 where movement_id = (select min(movement_id) from interactions.order_movements)",
            "order_lines_sum_to_the_movements",
        ),
        (
            "delete from interactions.order_movements where movement_date = (select min(movement_date) from interactions.order_movements)",
            "order_movements_sum_to_the_orders",
        ),
        (
            "delete from interactions.session_days where session_id = (select min(session_id) from interactions.session_days)",
            "every_event_stands_in_one_session",
        ),
        (  # an event too much in one session and one too few in another
            (
                "update interactions.sessions as s set events = events + case when s.session_id = ends.least then 1 else -1 end "
                "from (select min(session_id) as least, max(session_id) as greatest from interactions.sessions) as ends "
                "where s.session_id in (ends.least, ends.greatest)"
            ),
            "every_event_stands_in_one_session",
        ),
        (
            "insert into staging.superseded_storefront_events select * from staging.superseded_storefront_events limit 1",
            "staged_and_superseded_sum_to_the_delivered",
        ),
        (
            "delete from identity.identifiers where identifier = (select min(identifier) from interactions.person_days)",
            "everybody_is_among_the_identifiers",
        ),
        (
            "update interactions.person_days set net = net + 0.01 where identifier = (select min(identifier) from interactions.person_days where net > 0)",
            "person_days_sum_to_the_movements",
        ),
    ],
    ids=lambda value: value if " " not in value else "",
)
def test_an_invariant_fails_on_spoilt_rows(whole: Path, tmp_path: Path, spoil: str, test: str) -> None:
    warehouse = Path(shutil.copy(whole, tmp_path / "perso.duckdb"))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(spoil)
    assert statuses(dbt_project.invoke(warehouse, "test", "--select", test)) == {test: "fail"}


@pytest.mark.parametrize("value", ["yesterday", "2026-3-1", "2026-13-01", "2026-03-01'; drop schema raw; --"])
def test_a_night_that_is_no_date_stops_the_run(whole: Path, tmp_path: Path, value: str) -> None:
    warehouse = Path(shutil.copy(whole, tmp_path / "perso.duckdb"))
    result = dbt_project.invoke(
        warehouse, "run", "--select", "stg_exchange_rates", from_night=value, to_night="2026-03-01"
    )
    assert not result.success
    assert "give nights as YYYY-MM-DD" in result.result[0].message
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert connection.execute("select count(*) > 0 from raw.storefront_events").fetchone() == (True,)


def test_every_column_of_every_fact_model_is_described(whole: Path) -> None:
    with duckdb.connect(str(whole), read_only=True) as connection:
        built = connection.execute(
            "select table_schema, table_name, column_name from information_schema.columns where table_schema in ?",
            [list(dbt_project.FACTS)],
        ).fetchall()
    described = {
        (node.schema, node.name, name)
        for node in manifest().nodes.values()
        if node.resource_type == "model" and node.schema in dbt_project.FACTS
        for name, column in node.columns.items()
        if column.description
    }
    in_python = {("identity", name, column) for name, columns in TABLES.items() for column in columns}
    assert set(built) == described | in_python
