"""Publications written anew without some rows: new names, `current` and rollback follow."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from perso_pipeline.recommendations.publish import publish, rewrite, rollback
from perso_pipeline.recommendations.shelf import Shelf
from perso_pipeline.resources.warehouse import DuckDBWarehouse

TABLES = ("recommendations.recommendations", "profiles.customer_profiles")


def rewrite_without_ann(folder: Path, on_renamed: Callable[[str, str, int], None]) -> None:
    with duckdb.connect() as connection:
        rewrite(folder, connection, lambda columns: "person_id = 'ann'" if "person_id" in columns else None, on_renamed)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    warehouse = DuckDBWarehouse(tmp_path / "perso.duckdb")
    folder = tmp_path / "published"
    with warehouse.connect() as connection:
        connection.execute("create schema if not exists recommendations; create schema profiles")
        connection.execute("create table recommendations.recommendations (night date, item_id varchar)")
        connection.execute("create table profiles.customer_profiles (night date, person_id varchar)")
        for day in (1, 2):
            connection.execute("insert into recommendations.recommendations values (?, 'i')", [date(2026, 1, day)])
            for person in ("ann", "bob"):
                connection.execute("insert into profiles.customer_profiles values (?, ?)", [date(2026, 1, day), person])
    for day in (1, 2):
        publish(warehouse, night=date(2026, 1, day), published_dir=folder, tables=TABLES)
    return folder


def test_every_night_is_written_anew_and_current_and_rollback_follow(published: Path) -> None:
    before = Shelf(published).versions()
    renamed: list[tuple[str, str, int]] = []

    rewrite_without_ann(published, lambda *told: renamed.append(told))

    shelf = Shelf(published)
    assert [(old, gone) for old, _, gone in renamed] == [(version, 1) for version in before]
    assert shelf.versions() == [new for _, new, _ in renamed]
    assert shelf.current() == renamed[1][1]
    assert all(shelf.is_whole(version) for version in shelf.versions())
    with duckdb.connect(str(published / "current" / "perso.duckdb"), read_only=True) as connection:
        assert connection.execute("select person_id from customer_profiles").fetchall() == [("bob",)]
    assert rollback(published).version == renamed[0][1]


def test_a_publication_that_loses_nothing_keeps_its_name(published: Path) -> None:
    rewrite_without_ann(published, lambda *_: None)
    after = Shelf(published).versions()
    rewrite_without_ann(published, lambda *_: pytest.fail("nothing was to be renamed"))
    assert Shelf(published).versions() == after


def test_killed_before_the_old_folder_is_gone_it_ends_the_same(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr(Shelf, "current", lambda _: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            rewrite_without_ann(published, lambda _, new, __: whole.append(new))
    rewrite_without_ann(published, lambda _, new, __: whole.append(new))
    shelf = Shelf(published)
    assert set(shelf.versions()) == set(whole)
    assert len(shelf.versions()) == 2
    assert not list(published.glob(".staging*"))
