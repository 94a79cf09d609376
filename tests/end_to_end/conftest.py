"""One small shop for all end-to-end tests."""

import fcntl
import shutil
from pathlib import Path

import pytest
from driving import Installation

SHOP = ("--people", "600", "--items", "150", "--days", "18", "--last-day", "2026-10-31", "--seed", "11")


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A small shop whose 18 nights of facts and last two whole nights have been run; made once for all workers.

    Who deleted the account is erased before the whole nights, and facts made anew: sums of a night keep whom they
    counted until it is run again, and tests hold nights against nights. Its gates stand in test_gates.py.
    """
    mine = Installation(tmp_path_factory.mktemp("shop") / "home")
    made = _shared(tmp_path_factory) / "end_to_end_shop"
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            installation = Installation(made.with_suffix(".making"), is_gated=False)
            installation.perso("simulate", *SHOP)
            installation.perso("run", "--from", "2026-10-14", "--night", "2026-10-31", "--facts-only")
            installation.perso("erase")
            installation.perso("run", "--from", "2026-10-14", "--night", "2026-10-31", "--rebuild-facts")
            installation.perso("run", "--from", "2026-10-30", "--night", "2026-10-31")
            installation.home.rename(made)
    shutil.copytree(made, mine.home, symlinks=True)
    return mine


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of this run see."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if own.name.startswith("popen-") else own
