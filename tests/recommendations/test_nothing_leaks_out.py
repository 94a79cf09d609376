"""Every fault that a gate holds back, planted one at a time: the gate names it, and what readers see stays as it was."""

import hashlib
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from perso_pipeline.recommendations import assets, checks
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource
from tests.recommendations.sound_night import NIGHT, SCENARIOS, fill

TODAY = date.fromisoformat(NIGHTLY.get_first_partition_key())
OWN = "scenario_id = 'home' and subject_id = 'ann' and rank = 1"
ITEM = "update profiles.item_profiles set {} where item_id = 'k'"
SHOWN = f"update recommendations.recommendations set item_id = '{{}}' where {OWN}"
LINE = "home on shop-uk, person ann, slot 1: {}"

# what happens to the world, what a faulty composer does about it, and what the gate must say
LEAKS = {
    "sold out": (ITEM.format("stock = 0"), SHOWN.format("k"), LINE.format("k")),
    "expired": (ITEM.format(f"valid_to = date '{TODAY}' + 1"), SHOWN.format("k"), LINE.format("k")),
    "not yet valid": (
        ITEM.format(f"valid_from = date '{TODAY}' + 2"), SHOWN.format("k"), f"expired: {LINE.format('k')}"
    ),
    "content": (ITEM.format("item_type = 'content'"), SHOWN.format("k"), LINE.format("k")),
    "not for sale": (ITEM.format("item_type = 'service'"), SHOWN.format("k"), LINE.format("k")),
    "not available": (ITEM.format("is_available = false"), SHOWN.format("k"), LINE.format("k")),
    "bought": (
        ("insert into interactions.order_movements by name select 'shop-uk' as site_id, 'o1' as order_id, "
        "'1' as order_line_id, 'sale' as movement, true as is_goods, 1 as quantity, 'customer:1' as identifier, "
        f"'k' as item_id, date '{TODAY}' as order_date, date '{TODAY}' as known_on"),
        SHOWN.format("k"), LINE.format("k"),
    ),
    "blocked": (
        ("insert into interactions.interactions by name select 'shop-uk' as site_id, 'customer:1' as identifier, "
        f"'k' as item_id, 'block_item' as event_type, date '{TODAY}' as event_date, date '{TODAY}' as known_on"),
        SHOWN.format("k"), LINE.format("k"),
    ),
    "foreign or unknown item": ("", SHOWN.format("z"), LINE.format("z")),
    "foreign site": ("", f"update recommendations.recommendations set site_id = 'shop-de' where {OWN}", "on shop-de"),
    "variants": (ITEM.format("parent_item_id = 'b'"), SHOWN.format("k"), LINE.format("k")),
    "repeated item": ("", SHOWN.format("b"), LINE.format("b")),
    "repeated rank": ("", f"update recommendations.recommendations set rank = 2 where {OWN}", "person ann, slot 2"),
    "beyond the list": ("", f"update recommendations.recommendations set rank = 4 where {OWN}", "person ann, slot 4"),
    "unknown scenario": (
        "", f"update recommendations.recommendations set scenario_id = 'gone' where {OWN}", "gone on shop-uk"
    ),
    "same item": (
        "", ("update recommendations.recommendations set item_id = 'a' where scenario_id = 'product' "
        "and subject_id = 'a' and rank = 1"), "product on shop-uk, item a, slot 1: a"
    ),
    "in cart": (
        "", ("update recommendations.recommendations set item_id = 'g' where scenario_id = 'cart' and rank = 1 "
        "and subject_id = 'c1'"), "cart on shop-uk, cart c1, slot 1: g"
    ),
}  # fmt: skip
FAULTS = {
    "filled": (
        "delete from recommendations.recommendations where scenario_id = 'home' and rank > 1",
        "home on shop-uk: 33.3% filled",
    ),
    "covered": (
        "delete from recommendations.recommendations where scenario_id = 'home' and subject_id = 'bob'",
        "1 subjects have no list at all (home on shop-uk, person bob)",
    ),
    "fresh": ("update models.champions set version = '2'", "version als 1 on shop-uk is not this night's champion"),
}


def _sound_night_of_today(shop: Any) -> None:
    """``sound_night`` under the one date that there is a partition for."""
    fill(shop)
    columns = shop.rows(
        "select table_schema || '.' || table_name, column_name, data_type from information_schema.columns "
        "where data_type in ('DATE', 'TIMESTAMP') or column_name = 'model_version' order by all"
    )
    for table, column, kind in columns:
        if kind == "VARCHAR":
            shop.run(f"update {table} set {column} = '{TODAY}' where {column} = '{NIGHT}'")
        else:
            shop.run(f'update {table} set "{column}" = "{column}" + interval {(TODAY - NIGHT).days} day')


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Config of three scenarios; what is published comes to stand beside it."""
    home = tmp_path_factory.mktemp("home")
    (home / "scenarios.yml").write_text(json.dumps(SCENARIOS.model_dump(mode="json")), encoding="utf-8")
    site = {"id": "shop-uk", "name": "UK", "timezone": "Europe/London", "currency": "GBP", "country": "GB"}
    (home / "sites.yml").write_text(json.dumps({"sites": [site]}), encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def end_of_a_night(home: Path) -> dg.JobDefinition:
    """The gate and, where it lets it, the publication."""
    lists = dg.AssetKey(["recommendations", "recommendations"])
    end = dg.AssetSelection.assets(["recommendations", "publish_log"]) | dg.AssetSelection.checks_for_assets(lists)
    definitions = dg.Definitions(
        assets=dg.load_assets_from_modules([assets]),
        asset_checks=dg.load_asset_checks_from_modules([checks]),
        jobs=[dg.define_asset_job("end_of_a_night", selection=end)],
        resources={
            "warehouse": WarehouseResource(path=str(home / "warehouse.duckdb")),
            "settings": SettingsResource(home=str(home), config_dir=str(home)),
        },
    )
    return definitions.resolve_job_def("end_of_a_night")


@pytest.fixture
def end_night(copy_of: Any, home: Path, end_of_a_night: dg.JobDefinition) -> Any:
    """Spoils the sound night by SQL and runs its end: what the failed checks say, by name. It was published before."""

    def spoil_and_end(*faults: str) -> dict[str, str]:
        shop = copy_of("today", _sound_night_of_today)
        for fault in filter(None, faults):
            shop.run(fault)
        shop.close()
        shutil.copy(shop.path, home / "warehouse.duckdb")
        result = end_of_a_night.execute_in_process(partition_key=TODAY.isoformat(), raise_on_error=False)
        assert result.success == bool(result.asset_materializations_for_node("recommendations__publish_log"))
        return {e.check_name: e.description for e in result.get_asset_check_evaluations() if not e.passed}

    if not (home / "published").exists():
        assert spoil_and_end() == {}
    return spoil_and_end


def _everything_published(home: Path) -> str:
    """One hash over the names, links and bytes below ``published/``."""
    whole = hashlib.sha256()
    for path in sorted((home / "published").rglob("*")):
        content = path.readlink().name.encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        whole.update(f"{path}|{len(content)}|".encode() + content)
    return whole.hexdigest()


@pytest.mark.parametrize("rule", LEAKS)
def test_a_leak_is_named_and_readers_see_the_same_bytes_as_before(end_night, home: Path, rule: str) -> None:
    world, fault, said = LEAKS[rule]
    before = _everything_published(home)
    stopped = end_night(world, fault)
    assert said in stopped["no_leak"]
    assert rule in stopped["no_leak"] or rule == "not yet valid"
    assert _everything_published(home) == before


@pytest.mark.parametrize("check", FAULTS)
def test_a_night_with_holes_or_of_old_models_is_named_and_readers_see_the_same_bytes(end_night, home, check) -> None:
    fault, said = FAULTS[check]
    before = _everything_published(home)
    assert said in end_night(fault)[check]
    assert _everything_published(home) == before
