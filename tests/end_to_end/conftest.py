"""One small shop for all end-to-end tests."""

import shutil
from pathlib import Path

import pytest
from driving import Installation

from tests.conftest import MadeOnce

SHOP = ("--people", "600", "--items", "150", "--days", "18", "--last-day", "2026-10-31", "--seed", "11")


@pytest.fixture(scope="session")
def shop(made_once: MadeOnce, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A small shop whose 18 nights of facts and last two whole nights have been run; made once for all workers.

    Who deleted the account is erased before the whole nights, and facts made anew: sums of a night keep whom they
    counted until it is run again, and tests hold nights against nights. Its gates stand in test_gates.py.
    """

    def run(home: Path) -> None:
        installation = Installation(home, is_gated=False)
        installation.perso("simulate", *SHOP)
        installation.perso("run", "--from", "2026-10-14", "--night", "2026-10-31", "--facts-only")
        installation.perso("erase")
        installation.perso("run", "--from", "2026-10-14", "--night", "2026-10-31", "--rebuild-facts")
        installation.perso("run", "--from", "2026-10-30", "--night", "2026-10-31")

    mine = Installation(tmp_path_factory.mktemp("shop") / "home")
    shutil.copytree(made_once("end_to_end_shop", run), mine.home, symlinks=True)
    return mine
