"""Bad data stops a night at its gate: nothing after it runs, and the published tables stay as they were."""

import shutil
from pathlib import Path

import pytest
from driving import Installation

pytestmark = pytest.mark.slow

NIGHT = "2026-10-31"


def test_a_night_without_events_stops_at_the_first_gate(shop: Installation, tmp_path: Path) -> None:
    broken = Installation(tmp_path / "broken")
    shutil.copytree(shop.home, broken.home, symlinks=True)
    before = broken.fingerprints("profiles", "segments", "models", "recommendations", "measurement")
    published = (broken.home / "published" / "current").resolve()
    for folder in (broken.home / "landing" / "storefront_events").glob(f"{NIGHT}"):
        for file in folder.iterdir():
            file.unlink()
    output = broken.perso("run", "--night", NIGHT, expect=2)
    assert "The gate on raw.storefront_events stopped run" in output
    assert broken.fingerprints("profiles", "segments", "models", "recommendations", "measurement") == before
    assert (broken.home / "published" / "current").resolve() == published
