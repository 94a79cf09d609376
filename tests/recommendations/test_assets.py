"""The stage in Dagster: what it writes, what it says, and that its gate stops publication."""

from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from perso_pipeline.activation import assets as activation
from perso_pipeline.recommendations import assets, checks
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource

NIGHT = date.fromisoformat(NIGHTLY.get_first_partition_key())
CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture
def shop(copy_of):
    """One person, twenty items, champions for both tasks."""
    return copy_of("assets", _fill)


def _fill(shop) -> None:
    items = [f"i{n}" for n in range(20)]
    shop.add("identity.identity_map", {"identifier": "customer:1", "person_id": "ann", "known_on": NIGHT})
    shop.add("profiles.customer_profiles", {"night": NIGHT, "person_id": "ann"})
    shop.add("profiles.item_profiles", *({"night": NIGHT, "item_id": i, "name": f"Mug | {i}"} for i in items))
    shop.add("models.submodels", {"night": NIGHT, "submodel": "segment", "submodel_group": "new-customers"})
    shop.add(
        "models.champions",
        *({"night": NIGHT, "task": t, "model": m} for t, m in (("personal", "als"), ("similar", "knn"))),
    )
    shop.add(
        "models.candidates",
        *({"night": NIGHT, "task": "personal", "model": "als", "subject_type": "person", "subject_id": "ann",
           "item_id": i, "score": 1.0} for i in items),
    )  # fmt: skip


def _run(shop, tmp_path: Path) -> dg.ExecuteInProcessResult:
    shop.close()  # the run opens the file itself
    definitions = dg.Definitions(
        assets=dg.load_assets_from_modules([assets, activation]),
        asset_checks=dg.load_asset_checks_from_modules([checks]),
        resources={
            "warehouse": WarehouseResource(path=str(shop.path)),
            "settings": SettingsResource(home=str(tmp_path), config_dir=str(CONFIG)),
        },
    )
    job = definitions.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(partition_key=NIGHT.isoformat(), instance=instance, raise_on_error=False)


def test_a_night_goes_from_candidates_to_a_published_folder_and_says_what_it_made(shop, tmp_path) -> None:
    result = _run(shop, tmp_path)
    assert result.success
    made = {m.asset_key.path[-1]: m.metadata for m in result.asset_materializations_for_node("recommendation_tables")}
    assert (
        made["recommendations"]["dagster/row_count"].value == 2 * 12 + 21 * 12 + 8 + 12
    )  # home, product, cart, search
    assert "| personal | 12 |" in made["recommendations"]["level shares"].md_str
    assert "Mug \\| i0" in made["recommendations"]["preview"].md_str
    assert made["recommendations"]["level plot"].md_str.startswith("![level shares](data:image/png;base64,")
    outcomes = {e.check_name: e.passed for e in result.get_asset_check_evaluations()}
    assert outcomes == {
        "no_leak": True, "filled": True, "covered": True, "fresh": True, "near_last_night": True,
        "rules_agree": True,
        "first_level_serves": False,  # no similar items were given: shown, not blocking
    }  # fmt: skip
    assert (tmp_path / "published/current/recommendations.parquet").exists()
    assert len(shop.rows("from recommendations.publish_log")) == 1


def test_a_leak_stops_publication_and_what_was_published_stays(shop, tmp_path) -> None:
    assert _run(shop, tmp_path).success
    before = (tmp_path / "published/current").readlink()
    # ann blocks i0, and a faulty composer puts it into her first slot all the same
    shop.add(
        "interactions.interactions",
        {"identifier": "customer:1", "event_type": "block_item", "item_id": "i0", "known_on": NIGHT},
    )
    with pytest.MonkeyPatch.context() as patch:
        real = assets.compose_parts
        patch.setattr(assets, "compose_parts", lambda *args, night: map(_leaking, real(*args, night=night)))
        result = _run(shop, tmp_path)
    assert not result.success
    failed = [e for e in result.get_asset_check_evaluations() if not e.passed and e.check_name == "no_leak"]
    assert "blocked 1" in failed[0].description
    assert (tmp_path / "published/current").readlink() == before
    assert not result.asset_materializations_for_node("recommendations__publish_log")


def _leaking(made):
    """The lists with the blocked item put back into Ann's first slot."""
    from dataclasses import replace

    import pyarrow.compute as pc

    rows = made.recommendations
    is_first = pc.and_(pc.equal(rows["subject_id"], "ann"), pc.equal(rows["rank"], 1))
    items = pc.if_else(is_first, "i0", rows["item_id"])
    return replace(made, recommendations=rows.set_column(rows.schema.get_field_index("item_id"), "item_id", items))
