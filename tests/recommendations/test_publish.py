import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perso_pipeline.contracts.csv_files import write_csv
from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.recommendations.publish import kept, publish, rollback
from perso_pipeline.recommendations.published_files import CONTRACT
from perso_pipeline.recommendations.shelf import Shelf

NIGHT = date(2026, 3, 10)
ROOT = Path(__file__).parents[2]
TABLES = ("recommendations.recommendations", "profiles.item_profiles")


def _nights(shop) -> None:
    shop.run("create table recommendations.recommendations (night date, item_id varchar)")
    shop.run(
        "insert into recommendations.recommendations "
        "select date '2026-03-10' + n::integer, 'item of ' || n from range(60) as t(n), range(5)"
    )
    shop.run(
        "insert into profiles.item_profiles by name select date '2026-03-10' + n::integer as night, 'i' || n as item_id from range(60) as t(n)"
    )


@pytest.fixture
def shop(copy_of):
    return copy_of("nights", _nights)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "published"


def _publish(shop, home: Path, day: int = 0, **more):
    return publish(shop, night=NIGHT + timedelta(days=day), published_dir=home, tables=TABLES, **more)


def _read(folder: Path) -> tuple[str, set[str]]:
    with duckdb.connect(str(folder / "perso.duckdb"), read_only=True) as connection:
        (version,) = connection.execute("select distinct version from manifest").fetchone()
        nights = connection.execute(
            "select night from recommendations union select night from item_profiles union select night from manifest"
        ).fetchall()
    return version, {night.isoformat() for (night,) in nights}


def test_a_published_folder_holds_the_nights_rows_and_says_what_is_in_it(shop, home) -> None:
    published = publish(shop, night=NIGHT, published_dir=home)
    assert (home / "current").readlink() == Path(published.version)
    assert published.version.startswith("2026-03-10-")
    assert published.rows["recommendations.recommendations"] == 5
    manifest = json.loads((home / "current/manifest.json").read_text())
    assert manifest["contract"] == CONTRACT
    assert manifest["tables"]["profiles.item_profiles"]["rows"] == 1
    assert "measurement.lift" in manifest["absent"]
    assert _read(home / "current") == (published.version, {"2026-03-10"})
    assert pq.read_table(home / "current/recommendations.parquet").num_rows == 5
    assert Shelf(home).is_whole(published.version)
    log = shop.rows("select night, version, action, rows, gate from recommendations.publish_log")
    assert log == [(NIGHT, published.version, "publish", sum(published.rows.values()), "passed")]


def test_the_same_night_with_the_same_content_is_the_same_folder_and_one_line_in_the_log(shop, home) -> None:
    first, second = _publish(shop, home), _publish(shop, home)
    assert (first.version, first.is_reused, second.is_reused) == (second.version, False, True)
    assert Shelf(home).versions() == [first.version]
    assert len(shop.rows("from recommendations.publish_log")) == 1


def test_the_same_night_with_other_content_is_another_folder(shop, home) -> None:
    first = _publish(shop, home)
    shop.run("update profiles.item_profiles set name = 'new'")
    second = _publish(shop, home)
    assert first.version != second.version
    assert Shelf(home).current() == second.version


def test_a_damaged_folder_is_made_again_and_not_reused(shop, home) -> None:
    first = _publish(shop, home)
    damaged = home / first.version / "recommendations.parquet"
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:-9])
    second = _publish(shop, home)
    assert second.version == first.version
    assert not second.is_reused
    assert Shelf(home).is_whole(second.version)


def test_a_night_without_recommendations_is_refused_and_current_stays(shop, home) -> None:
    first = _publish(shop, home)
    with pytest.raises(PersoError, match=r"There are no recommendations for the night of 2027-01-04; run"):
        _publish(shop, home, 300)
    assert Shelf(home).current() == first.version
    assert not list(home.glob(".staging-*"))


def test_rollback_swaps_back_and_back_again_and_every_swap_is_logged(shop, home) -> None:
    first, second = _publish(shop, home), _publish(shop, home, 1)
    assert rollback(home, warehouse=shop).version == first.version
    assert Shelf(home).current() == first.version
    with pytest.raises(PersoError, match="no earlier published night"):
        rollback(home)
    assert rollback(home, to="2026-03-11").version == second.version
    assert [(e["action"], e["version"]) for e in Shelf(home).log()] == [
        ("publish", first.version), ("publish", second.version), ("rollback", first.version), ("rollback", second.version),
    ]  # fmt: skip
    assert ("rollback", first.version) in shop.rows("select action, version from recommendations.publish_log")


def test_running_an_older_night_again_does_not_take_the_newest_from_readers(shop, home) -> None:
    older, newest = _publish(shop, home), _publish(shop, home, 1)
    again = _publish(shop, home)
    assert again.version == older.version
    assert Shelf(home).current() == newest.version
    assert ("kept aside", older.version) in shop.rows("select action, version from recommendations.publish_log")


def test_what_can_be_gone_back_to_is_listed_with_what_readers_see(shop, home) -> None:
    with pytest.raises(PersoError, match="Nothing is published"):
        kept(home)
    first, second = _publish(shop, home), _publish(shop, home, 1)
    rollback(home)
    assert [(one.version, one.is_current) for one in kept(home)] == [(first.version, True), (second.version, False)]
    assert kept(home)[0].rows == first.rows


@pytest.mark.parametrize("to", ["2026-01-01", "../../etc", "", "2026-03-1"])
def test_rollback_to_what_is_not_there_is_refused_with_a_list_of_what_is(shop, home, to: str) -> None:
    first = _publish(shop, home)
    with pytest.raises(PersoError, match=f"there are: {first.version}"):
        rollback(home, to=to)
    assert Shelf(home).current() == first.version


def test_the_oldest_go_but_never_the_current_nor_the_one_before_it(shop, home) -> None:
    versions = [_publish(shop, home, day, keep=3).version for day in range(4)]
    assert Shelf(home).versions() == versions[1:]
    rollback(home, to=versions[1])
    newest = _publish(shop, home, 4, keep=2).version
    # versions[1] was current before, and stays although it is the oldest
    assert set(Shelf(home).versions()) == {versions[1], newest}


def test_what_a_killed_publisher_left_is_removed_and_its_swap_is_logged(shop, home) -> None:
    first = _publish(shop, home)
    second = _publish(shop, home, 1)
    log = home / "log.jsonl"
    lines = log.read_text().splitlines()
    log.write_text(lines[0] + "\n" + lines[1][:20])  # killed while it wrote the second line
    (home / ".staging-999").mkdir()
    (home / ".staging-999" / "half").write_text("x")
    (home / ".current-999").symlink_to("nowhere")
    third = _publish(shop, home, 2)
    assert [e["version"] for e in Shelf(home).log()] == [first.version, second.version, third.version]
    assert not list(home.glob(".staging-*")) + list(home.glob(".current-*"))


def _publisher(home: Path, nights: int) -> subprocess.Popen[str]:
    script = Path(__file__).with_name("publisher.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(home), str(nights)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_reader_never_fails_nor_sees_two_nights_at_once_while_fifty_are_published(shop, home) -> None:
    _publish(shop, home)
    publisher = _publisher(home, 50)
    seen = []
    while publisher.poll() is None:
        folder = (home / "current").resolve()
        version, nights = _read(folder)
        manifest = json.loads((folder / "manifest.json").read_text())
        assert version == manifest["version"] == folder.name
        assert nights == {version[:10]}
        assert pq.read_table(folder / "recommendations.parquet").num_rows == 5
        seen.append(version)
    _, error = publisher.communicate()
    assert publisher.returncode == 0, error
    assert len(seen) > 10
    assert len(set(seen)) > 5
    assert Shelf(home).current()[:10] == "2026-04-28"


def test_a_publisher_killed_at_any_moment_leaves_a_whole_night_and_the_next_one_tidies_up(shop, home) -> None:
    _publish(shop, home)
    rng = random.Random(7)
    for _ in range(8):
        publisher = _publisher(home, 1000)
        time.sleep(rng.uniform(0.01, 0.3))
        os.kill(publisher.pid, signal.SIGKILL)
        publisher.communicate()
        current = Shelf(home).current()
        assert current is not None
        version, nights = _read(home / current)
        assert version == current
        assert nights == {current[:10]}
        assert Shelf(home).is_whole(current)
    last = _publish(shop, home, 55, keep=3)
    assert Shelf(home).current() == last.version
    assert not list(home.glob(".staging-*")) + list(home.glob(".current-*"))
    assert len(Shelf(home).versions()) <= 4
    assert all(Shelf(home).is_whole(version) for version in Shelf(home).versions())


def test_hostile_values_survive_in_the_tables_and_are_no_formula_in_the_csv(shop, home, tmp_path) -> None:
    evil = ["=cmd|' /C calc'!A0", "+1", "-1", "@x", "\tx", "\rx", "'; drop table x; --", 'a"b', "../x", "plain"]
    rows = pa.table({"night": [NIGHT] * len(evil), "item_id": evil})
    shop.write_partition("recommendations.recommendations", rows, {"night": NIGHT})
    published = _publish(shop, home)
    assert sorted(pq.read_table(published.folder / "recommendations.parquet")["item_id"].to_pylist()) == sorted(evil)
    write_csv(rows.append_column("stock", pa.array(range(-5, 5))), tmp_path / "out.csv")
    text = (tmp_path / "out.csv").read_text(encoding="utf-8")
    assert "\"'=cmd|' /C calc'!A0\"" in text
    assert '"a""b"' in text
    assert '"-5"' in text  # a number is no formula
    for start in ("=", "+", "@", "\t", "\r"):
        assert f'"{start}' not in text.replace('"-5"', "")
