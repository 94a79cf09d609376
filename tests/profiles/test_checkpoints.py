"""Checkpoints decide what a night costs and never what it says: five months drawn by hashes, with and without them."""

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.dbt_builds import build, run
from tests.profiles.conftest import FACTS, PROFILES, PROJECT, write_settings

NIGHTS = ["2026-05-20", "2026-03-31", "2026-04-02"]  # in no order; on a checkpoint, just after one, late
TOTALS = ("person_totals", "visit_totals", "statement_totals", "catalog_checkpoints")


def made(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(str(path), read_only=True) as shop:
        return {
            table: shop.execute(f"select * from profiles.{table} order by all").fetchall()
            for table in ("customer_profiles", "affinities", "item_profiles", "item_segments")
        }


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    """Facts of five months with their checkpoints and the profiles of three nights."""
    path = tmp_path_factory.mktemp("checkpoints") / "perso.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute((PROJECT / "tests/profiles/five_months.sql").read_text(encoding="utf-8"))
    write_settings(path, *NIGHTS)
    build(path, *FACTS)
    for night in NIGHTS:
        build(path, PROFILES, night=night)
    return path


def test_checkpoints_are_month_ends_a_fortnight_old(shop):
    with duckdb.connect(str(shop), read_only=True) as connection:
        for table in TOTALS:
            days = connection.execute(
                f"select distinct checkpoint_date from interactions.{table} order by 1"
            ).fetchall()
            assert [day for (day,) in days] == [
                date(2026, 1, 31),
                date(2026, 2, 28),
                date(2026, 3, 31),
                date(2026, 4, 30),
            ]


def test_a_night_without_any_checkpoint_says_the_same(shop, tmp_path):
    copy = tmp_path / "perso.duckdb"
    shutil.copy(shop, copy)
    with duckdb.connect(str(copy)) as connection:
        for table in TOTALS:
            connection.execute(f"delete from interactions.{table}")
    for night in reversed(NIGHTS):
        run(copy, PROFILES, night=night)
    with_checkpoints, without = made(shop), made(copy)
    assert len(with_checkpoints["customer_profiles"]) > 60
    assert len(with_checkpoints["item_profiles"]) == 3 * 12
    assert with_checkpoints == without


def test_a_record_that_touches_an_old_day_takes_the_checkpoints_since_again(shop, tmp_path):
    copy, again = tmp_path / "copy" / "perso.duckdb", tmp_path / "again" / "perso.duckdb"
    for path in (copy, again):
        path.parent.mkdir()
    shutil.copy(shop, copy)
    with duckdb.connect(str(copy)) as connection:
        # a file of 10 February is delivered again with one order less
        connection.execute(
            """
            create temp table gone as
            select * from interactions.order_movements
            where movement_date between '2026-02-01' and '2026-02-28' and known_on < '2026-02-28' and movement = 'sale' limit 1;
            delete from interactions.order_movements where movement_id in (select movement_id from gone);
            update interactions.person_days as d set orders = d.orders - 1, units = d.units - 1, gross = d.gross - g.gross,
                net = d.net - g.net, cost = d.cost - g.cost
            from gone as g
            where d.identifier = g.identifier and d.event_date = g.movement_date and d.known_on = g.known_on;
            """
        )
        (night,) = connection.execute("select known_on from gone").fetchone()
        connection.execute(
            "insert into raw.loaded_days select g.known_on, 'order_events', g.movement_date from gone as g"
        )
    shutil.copy(copy, again)
    with duckdb.connect(str(again)) as connection:
        for table in (*FACTS[:2], *TOTALS):
            connection.execute(f"drop table interactions.{table}")
    build(copy, *FACTS, from_night=night.isoformat(), to_night=night.isoformat())
    build(copy, PROFILES, night=NIGHTS[0])
    run(again, *FACTS)
    run(again, PROFILES, night=NIGHTS[0])
    assert made(copy) == made(again)
    assert made(copy) != made(shop)
    with duckdb.connect(str(copy)) as connection:
        connection.execute(f"attach '{again}' as whole (read_only)")
        for table in TOTALS:
            differing = connection.execute(
                f"select count(*) from (from interactions.{table} except all from whole.interactions.{table})"
            ).fetchone()
            assert differing == (0,)


CATALOGUE_NIGHTS = [f"2026-{month:02}-{day:02}" for month, day in ((3, 13), (3, 14), (4, 28), (5, 14))]


def test_a_night_reads_the_catalogue_from_a_checkpoint_as_from_all_its_history(shop, tmp_path):
    with_checkpoints, without = tmp_path / "with" / "perso.duckdb", tmp_path / "without" / "perso.duckdb"
    for copy in (with_checkpoints, without):
        copy.parent.mkdir()
        shutil.copy(shop, copy)
        write_settings(copy, *CATALOGUE_NIGHTS)
    with duckdb.connect(str(without)) as connection:
        connection.execute("delete from interactions.catalog_checkpoints")
    for night in CATALOGUE_NIGHTS:
        build(with_checkpoints, "item_profiles", night=night)
        run(without, "item_profiles", night=night)
    with duckdb.connect(str(with_checkpoints), read_only=True) as connection:
        connection.execute(f"attach '{without}' as whole (read_only)")
        sums = "select night, count(*), sum(hash(p)::hugeint) from {} as p group by all order by all"
        found = connection.execute(sums.format("profiles.item_profiles")).fetchall()
        assert found == connection.execute(sums.format("whole.profiles.item_profiles")).fetchall()
        changes = connection.execute("select count(distinct price_changed_on) from profiles.item_profiles").fetchone()
        kept = connection.execute(
            "select max(n) from (select count(*) as n from interactions.catalog_checkpoints group by checkpoint_date, item_id)"
        ).fetchone()
    assert len(found) == len({*CATALOGUE_NIGHTS, *NIGHTS})
    assert changes[0] > 15
    assert 2 < kept[0] <= 6


def test_checkpoints_of_the_catalogue_taken_one_upon_another_are_those_of_all_history(shop, tmp_path):
    grown = tmp_path / "perso.duckdb"
    shutil.copy(shop, grown)
    with duckdb.connect(str(grown)) as connection:
        connection.execute("delete from interactions.catalog_checkpoints where checkpoint_date > '2026-01-31'")
        connection.execute("delete from raw.loaded_days where stream = 'catalog_items'")
    build(grown, "catalog_checkpoints", from_night="2026-05-29", to_night="2026-05-29")
    with duckdb.connect(str(grown), read_only=True) as connection:
        connection.execute(f"attach '{shop}' as whole (read_only)")
        both = "from {}.interactions.catalog_checkpoints order by all"
        name = connection.execute("select current_database()").fetchone()[0]
        assert connection.execute(both.format(name)).fetchall() == connection.execute(both.format("whole")).fetchall()
