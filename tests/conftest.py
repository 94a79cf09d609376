"""What every test shares: the session's memory and exit."""

import gc
import os
import sys

import pytest


def pytest_collection_finish() -> None:
    """What was imported stays: the garbage collector need not go through it again, which took a tenth of the time."""
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
        "test_killed.py", "test_online_retail.py", "test_shop.py", "test_gates.py", "test_promises.py",
        "test_deleted_accounts.py", "test_erasure.py", "test_unmerge.py",
    )  # fmt: skip
    items.sort(key=lambda item: longest.index(item.path.name) if item.path.name in longest else len(longest))
