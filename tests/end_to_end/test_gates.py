"""Bad data stops a night at its gate: nothing after it runs, and the published tables stay as they were."""

import shutil
from pathlib import Path

import pytest
from driving import Installation

pytestmark = pytest.mark.slow

NIGHT = "2026-10-31"
LATER = ("profiles", "segments", "models", "recommendations", "measurement")


def test_a_night_whose_events_have_another_format_stops_at_the_first_gate(shop: Installation, tmp_path: Path) -> None:
    broken = Installation(tmp_path / "broken")
    shutil.copytree(shop.home, broken.home, symlinks=True)
    before = broken.fingerprints(*LATER)
    published = (broken.home / "published" / "current").resolve()
    folder = broken.home / "landing" / "storefront_events" / NIGHT
    for file in folder.iterdir():
        file.unlink()
    renamed = '{"id": "1", "type": "product_view", "time": "2026-10-31T10:00:00Z"}\n' * 500
    (folder / "events.jsonl").write_text(renamed, encoding="utf-8")

    output = broken.perso("run", "--night", NIGHT, expect=2)

    assert "The gate on raw.storefront_events stopped run" in output
    assert "500 of 500 records of 2026-10-31 were rejected (100%), most often because event_id is missing" in output
    assert broken.fingerprints(*LATER) == before
    assert (broken.home / "published" / "current").resolve() == published

    # the mend: the right file again, one command
    shutil.rmtree(folder)
    shutil.copytree(shop.home / "landing" / "storefront_events" / NIGHT, folder)
    assert "storefront_events: rejected " in broken.perso("replay")
    assert broken.fingerprints() == shop.fingerprints()
