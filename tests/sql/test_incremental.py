"""Fact tables are a function of the records, not of the order in which nights were loaded and run."""

import random
import shutil
from datetime import date
from pathlib import Path

import dbt_project
import duckdb
import generated_raw
import pytest

from perso_pipeline.contracts.streams import STREAMS
from tests.dbt_builds import succeeded


def nights_of(warehouse: Path) -> list[date]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute("select distinct load_date from raw.loaded_days order by all").fetchall()
    return [night for (night,) in rows]


def load_night(source: Path, target: Path, night: date, seed: int) -> None:
    """Replace one night's raw rows by the source's, in another order and under other file names and lines."""
    with duckdb.connect(str(target)) as connection:
        connection.execute(f"attach '{source}' as source (read_only)")
        for stream in STREAMS:
            connection.execute(f"delete from raw.{stream} where load_date = ?", [night])
            connection.execute(
                f"insert into raw.{stream} by name select * replace ("
                f"  'split-' || hash(event_id, {seed}) % 3 as file, row_number() over (order by hash(event_id, {seed})) as line"
                f") from source.raw.{stream} where load_date = ? order by line",
                [night],
            )
        generated_raw.note_loaded_days(connection)


def facts(warehouse: Path) -> dict[str, tuple[int, str]]:
    """Contents without the lists of copies left out, which name files and lines."""
    found = dict(dbt_project.contents(warehouse))
    return {name: content for name, content in found.items() if not name.startswith("staging.superseded_")}


@pytest.mark.parametrize("seed", [1, 2])
def test_nights_in_another_order_twice_and_in_other_files_give_the_tables_of_one_full_load(
    whole: Path, tmp_path: Path, seed: int
) -> None:
    nights = nights_of(whole)
    runs = [nights[start : start + 4] for start in range(0, len(nights), 4)]
    random.Random(seed).shuffle(runs)
    stepwise = tmp_path / "perso.duckdb"
    with duckdb.connect(str(stepwise)) as connection:
        generated_raw.create_raw(connection)
        generated_raw.fill_sites(connection)
    for run in [*runs, runs[0]]:
        for night in run:
            load_night(whole, stepwise, night, seed)
        dbt_project.run(stepwise, from_night=str(run[0]), to_night=str(run[-1]))
    assert facts(stepwise) == facts(whole)


def test_a_night_loaded_again_with_fewer_records_gives_the_tables_of_a_full_load(whole: Path, tmp_path: Path) -> None:
    stepwise, rebuilt = tmp_path / "a" / "perso.duckdb", tmp_path / "b" / "perso.duckdb"
    night = nights_of(whole)[6]
    for folder in (stepwise.parent, rebuilt.parent):
        folder.mkdir()
    shutil.copy(whole, stepwise)
    with duckdb.connect(str(stepwise)) as connection:
        for stream in ("storefront_events", "recommendation_events", "order_events"):
            connection.execute(f"delete from raw.{stream} where load_date = ? and hash(event_id) % 3 = 0", [night])
    shutil.copy(stepwise, rebuilt)
    dbt_project.run(stepwise, from_night=str(night), to_night=str(night))
    dbt_project.run(rebuilt, "--full-refresh")
    after, before = facts(stepwise), facts(whole)
    assert after["interactions.session_events"] != before["interactions.session_events"]
    expected = facts(rebuilt)
    # identity keeps the night on which somebody was first seen, even if that record is withdrawn (documented there)
    differing = {name for name in expected if after[name] != expected[name]}
    assert differing <= {"identity.identifiers", "identity.identity_map"}


def test_a_late_event_in_a_visit_of_three_days_leaves_the_next_visit_of_its_last_day_alone(
    whole: Path, tmp_path: Path
) -> None:
    # the endless visitor's first visit ends on 22 March at 04:05, its next begins that day at 06:10
    stepwise, rebuilt = tmp_path / "a" / "perso.duckdb", tmp_path / "b" / "perso.duckdb"
    for folder in (stepwise.parent, rebuilt.parent):
        folder.mkdir()
    shutil.copy(whole, stepwise)
    with duckdb.connect(str(stepwise)) as connection:
        connection.execute(
            "insert into raw.storefront_events by name select * replace ('late' as event_id, load_date + 30 as load_date, "
            "occurred_at - interval 10 minute as occurred_at, event_date - 1 as event_date) "
            "from raw.storefront_events where event_id = 'z0'"
        )
        generated_raw.note_loaded_days(connection)
        (night,) = connection.execute("select max(load_date) from raw.loaded_days").fetchone() or ()
    shutil.copy(stepwise, rebuilt)
    dbt_project.run(stepwise, from_night=str(night), to_night=str(night))
    dbt_project.run(rebuilt, "--full-refresh")
    assert facts(stepwise) == facts(rebuilt)
    with duckdb.connect(str(stepwise), read_only=True) as connection:
        # the late event now begins the first visit and renames its sessions up to the first campaign
        rows = connection.execute(
            "select count(*) from interactions.session_events where session_id = "
            "(select session_id from interactions.session_events where event_id = 'late')"
        ).fetchone()
    assert rows is not None
    assert rows[0] > 1


def test_a_replacement_that_fails_half_way_leaves_the_rows_as_they_were(tmp_path: Path) -> None:
    warehouse = tmp_path / "perso.duckdb"
    rate = (
        "insert into raw.exchange_rates by name select ? as event_id, 'rate_published' as event_type, "
        "timestamp '2026-03-01' as occurred_at, 's' as site_id, 'EUR' as from_currency, 'GBP' as to_currency, "
        "?::decimal(18, 4) as rate, date '2026-03-01' as event_date, date '2026-03-01' as load_date, 'f' as file, ? as line"
    )
    with duckdb.connect(str(warehouse)) as connection:
        generated_raw.create_raw(connection)
        connection.execute(rate, ["first", 1, 1])
        generated_raw.note_loaded_days(connection)
    succeeded(dbt_project.invoke(warehouse, "run", "--select", "stg_exchange_rates"))
    with duckdb.connect(str(warehouse)) as connection:
        # the insert of a rate above 100 now fails after the day has been deleted
        columns = connection.execute(
            "select column_name, data_type from duckdb_columns() where table_name = 'stg_exchange_rates' and schema_name = 'staging' order by column_index"
        ).fetchall()
        connection.execute("create table kept as from staging.stg_exchange_rates")
        connection.execute("drop table staging.stg_exchange_rates")
        listed = ", ".join(f"{name} {kind}" for name, kind in columns)
        connection.execute(f"create table staging.stg_exchange_rates ({listed}, check (rate < 100))")
        connection.execute("insert into staging.stg_exchange_rates by name from kept")
        connection.execute(rate, ["second", 500, 2])
    result = dbt_project.invoke(
        warehouse, "run", "--select", "stg_exchange_rates", from_night="2026-03-01", to_night="2026-03-01"
    )
    assert not result.success
    assert "CHECK constraint failed" in result.result[0].message
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert connection.execute("select event_id from staging.stg_exchange_rates").fetchall() == [("first",)]
