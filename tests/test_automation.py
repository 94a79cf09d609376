from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from perso_pipeline import automation
from perso_pipeline.resources.settings import SettingsResource


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(automation, "NIGHTLY", dg.DailyPartitionsDefinition(start_date=date(2026, 1, 1).isoformat()))
    for day in ("2026-01-01", "2026-01-02"):
        folder = tmp_path / "landing" / "order_events" / day
        folder.mkdir(parents=True)
        (folder / "orders.csv").write_text("event_id\n1\n", encoding="utf-8")
    return tmp_path / "landing"


def tick(home: Path, cursor: str | None) -> tuple[list[str], str | None]:
    """Partitions asked for by one evaluation of the sensor, and its new cursor."""
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(
            instance=instance, cursor=cursor, resources={"settings": SettingsResource(home=str(home))}
        )
        answers = list(automation.landing_sensor(context))
        return [a.partition_key for a in answers if isinstance(a, dg.RunRequest)], context.cursor


def test_each_night_with_new_folders_is_asked_for_once_oldest_first(landing: Path) -> None:
    asked, cursor = tick(landing.parent, None)
    assert asked == ["2026-01-01", "2026-01-02"]
    # whatever became of those runs, a failed gate included, the next tick asks for nothing
    assert tick(landing.parent, cursor)[0] == []


def test_a_late_file_asks_for_its_night_again(landing: Path) -> None:
    _, cursor = tick(landing.parent, None)
    (landing / "order_events" / "2026-01-01" / "late.csv").write_text("event_id\n2\n", encoding="utf-8")
    assert tick(landing.parent, cursor)[0] == ["2026-01-01"]


def test_a_file_still_being_written_is_not_seen(landing: Path) -> None:
    _, cursor = tick(landing.parent, None)
    (landing / "order_events" / "2026-01-01" / ".orders.csv.part").write_text("event_id", encoding="utf-8")
    assert tick(landing.parent, cursor)[0] == []
