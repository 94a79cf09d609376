"""Who waits for whom at the warehouse's file, and how long a database that was read stays open."""

import multiprocessing
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.resources.warehouse_lock import WarehouseLock


def test_a_database_kept_open_shows_what_was_written_and_gives_way_to_who_opens_the_file_by_itself(
    tmp_path: Path,
) -> None:
    path = tmp_path / "perso.duckdb"
    kept = DuckDBWarehouse(path, threads=1, keeps_open=True)
    kept.write_partition("s.t", pa.table({"night": ["a"], "value": [1]}), {"night": "a"})
    assert kept.query("select value from s.t").to_pylist() == [{"value": 1}]
    with pytest.raises(duckdb.Error), duckdb.connect(str(path)):
        pass  # open in this process with other settings: so it is the same database still
    with WarehouseLock.hold(path), duckdb.connect(str(path)) as other:
        assert other.execute("select value from s.t").fetchall() == [(1,)]
        with pytest.raises(duckdb.Error):  # one file, one set of settings: refused as without keeping
            kept.query("select value from s.t")


def _hold(path: Path, ready: "multiprocessing.synchronize.Event", seconds: float) -> None:
    with WarehouseLock.hold(path, purpose="a night"):
        ready.set()
        time.sleep(seconds)


def test_a_database_kept_open_is_left_to_another_process_within_a_moment(tmp_path: Path) -> None:
    path = tmp_path / "perso.duckdb"
    kept = DuckDBWarehouse(path, threads=1, keeps_open=True)
    kept.write_partition("s.t", pa.table({"night": ["a"], "value": [1]}), {"night": "a"})
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    other = spawn.Process(target=_hold, args=(path, ready, 0.0))
    other.start()
    assert ready.wait(20)
    other.join()
    assert other.exitcode == 0
    assert kept.query("select value from s.t").to_pylist() == [{"value": 1}]


def test_a_second_process_waits_and_can_say_for_whom(tmp_path: Path) -> None:
    path = tmp_path / "perso.duckdb"
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    holder = spawn.Process(target=_hold, args=(path, ready, 3.0))
    holder.start()
    assert ready.wait(timeout=30)
    with pytest.raises(PersoError) as refusal, WarehouseLock.hold(path, timeout_seconds=0.2):
        pass
    assert f"process {holder.pid} (a night)" in str(refusal.value)
    with WarehouseLock.hold(path, timeout_seconds=30):  # waits until the other process has ended
        pass
    holder.join()
    assert holder.exitcode == 0
