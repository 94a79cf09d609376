"""One small shop for all end-to-end tests."""

import pytest
from driving import Installation

SHOP = ("--people", "600", "--items", "150", "--days", "18", "--last-day", "2026-10-31", "--seed", "11")


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A small shop whose 18 nights of facts and last two whole nights have been run."""
    installation = Installation(tmp_path_factory.mktemp("shop"))
    installation.perso("simulate", *SHOP)
    installation.perso("run", "--from", "2026-10-14", "--night", "2026-10-31", "--later-from", "2026-10-30")
    return installation
