"""Bad data stops a night at its gate: nothing after it runs, and the published tables stay as they were."""

import shutil
from pathlib import Path

import duckdb
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


def test_a_table_of_an_older_version_is_named_and_made_anew_from_raw(shop: Installation, tmp_path: Path) -> None:
    old = Installation(tmp_path / "old")
    shutil.copytree(shop.home, old.home, symlinks=True)
    with duckdb.connect(str(old.warehouse)) as connection:
        connection.execute("alter table interactions.sessions drop column browser")

    output = old.perso("run", "--night", NIGHT, "--facts-only", expect=2)

    assert "Table sessions was made by another version of perso_pipeline" in output
    assert "`perso run --rebuild-facts`" in output
    old.perso("run", "--rebuild-facts")
    facts = ("staging", "identity", "interactions")
    assert old.fingerprints(*facts) == shop.fingerprints(*facts)
