"""The raw step and its checks in Dagster, on a real warehouse."""

import shutil
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from perso_pipeline.contracts.streams import STREAMS
from perso_pipeline.raw.assets import raw_load
from perso_pipeline.raw.checks import ACCOUNTED_FOR, NO_DRIFT, raw_checks
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource
from perso_pipeline.settings import PROJECT_ROOT

from .conftest import Installation, view

# The partitions begin with this machine's oldest landing folder, so the night cannot be a fixed one.
NIGHT = str(NIGHTLY.get_last_partition_key())
RANGE = {"dagster/asset_partition_range_start": NIGHT, "dagster/asset_partition_range_end": NIGHT}


@dg.asset(key=["staging", "after"], deps=[["raw", "storefront_events"]])
def after_raw() -> None:
    """Stands for whatever comes next."""


@pytest.fixture
def home(tmp_path: Path) -> Installation:
    config = tmp_path / "config"
    config.mkdir()
    shutil.copy(PROJECT_ROOT / "config" / "sites.yml", config)
    return Installation(tmp_path)


def deliver(shop: Installation, *changes: dict[str, object]) -> None:
    records = [view(occurred_at="2024-01-01T12:00:00Z", **change) for change in changes]
    shop.deliver_json("storefront_events", records, night=date.fromisoformat(NIGHT))


def run(shop: Installation, keys: list[list[str]] | None = None) -> dg.ExecuteInProcessResult:
    defs = dg.Definitions(
        assets=[raw_load, after_raw],
        asset_checks=[raw_checks],
        resources={
            "settings": SettingsResource(home=str(shop.folder), config_dir=str(shop.folder / "config")),
            "warehouse": WarehouseResource(path=str(shop.warehouse.path), memory_limit="1GB"),
        },
    )
    job = defs.resolve_implicit_global_asset_job_def()
    selection = [dg.AssetKey(key) for key in keys] if keys else None
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(instance=instance, tags=RANGE, asset_selection=selection, raise_on_error=False)


def test_a_range_of_nights_is_loaded_and_told(home: Installation) -> None:
    deliver(home, {"site_id": "shop-uk", "new": 1}, {"site_id": "fr"})

    result = run(home)

    assert result.success
    made = {
        m.asset_key.path[-1]: m.metadata for e in result.get_asset_materialization_events() if (m := e.materialization)
    }
    assert set(made) == {*STREAMS, "rejected_records", "sites", "user_agents", "after"}
    assert made["storefront_events"]["dagster/row_count"].value == 1
    assert made["storefront_events"]["rejected"].value == 1
    assert made["storefront_events"]["unknown_fields"].value == "- `new`: 1"
    assert "site_id is 'fr'" in made["rejected_records"]["reasons"].value
    checks = {(c.asset_key.path[-1], c.check_name): c for c in result.get_asset_check_evaluations()}
    assert len(checks) == 3 * len(STREAMS)
    assert all(checks[name, ACCOUNTED_FOR].passed for name in STREAMS)
    drift = checks["storefront_events", NO_DRIFT]
    assert (drift.passed, drift.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert drift.description == "Not in the contract: new (1)."


def test_one_stream_can_be_loaded_alone(home: Installation) -> None:
    deliver(home, {"site_id": "shop-uk"})

    result = run(home, [["raw", "order_events"]])

    assert result.success
    assert home.rows("select count(*) from raw.storefront_events") == [(0,)]


def test_a_lost_record_stops_what_comes_after(home: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(home, {"site_id": "shop-uk"})
    monkeypatch.setattr("perso_pipeline.raw.judge.FILES_TABLE", "(select * from incoming_files where false)")

    result = run(home)

    assert not result.success
    made = {e.asset_key.path[-1] for e in result.get_asset_materialization_events() if e.asset_key}
    assert "storefront_events" in made
    assert "after" not in made
    failed = [c for c in result.get_asset_check_evaluations() if not c.passed]
    assert [c.description for c in failed] == [
        f"storefront_events/{NIGHT}/a.jsonl: 1 delivered, but 0 accepted and 0 rejected"
    ]
