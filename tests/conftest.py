"""What every test shares: what is made once, the session's memory and exit."""

import fcntl
import gc
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# threads of OpenMP that wait spin otherwise: with two workers on two cores a test of LightGBM took 28 s instead of 2
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

MadeOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """A folder that a function fills, made once for all workers of a run; nobody may write to it."""

    def made(name: str, fill: Callable[[Path], None]) -> Path:
        own = tmp_path_factory.getbasetemp()
        folder = (own.parent if own.name.startswith("popen-") else own) / f"made_once_{name}"
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                making = folder.with_suffix(".making")
                shutil.rmtree(making, ignore_errors=True)  # of a worker that failed at it
                making.mkdir()
                fill(making)
                making.rename(folder)
        return folder

    return made


@pytest.fixture
def tried_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that failed is tried once more, after three seconds; not in tests."""
    import dagster as dg  # a second that most tests need not wait for

    monkeypatch.setattr(dg.RetryPolicy, "calculate_delay", lambda policy, attempt: 0)


@pytest.fixture(scope="module")
def mlflow_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


def pytest_collection_finish() -> None:
    """What was imported stays: the garbage collector need not go through it again; a copy of dbt's manifest took 0.3 s, now 0.05 s."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave without the interpreter's tear-down, at which DuckDB 2.0 prints pages of "leaked instance"."""
    if _STATUS in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[_STATUS])


_STATUS = pytest.StashKey[int]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes go first, so that both cores are busy to the end."""
    # the second has a shop of its own, so that it need not wait for the one that the first makes for all
    longest = (
        "test_killed.py", "test_online_retail.py", "test_gates.py", "test_shop.py", "test_unmerge.py",
        "test_deleted_accounts.py", "test_erasure.py",
    )  # fmt: skip
    items.sort(key=lambda item: longest.index(item.path.name) if item.path.name in longest else len(longest))
