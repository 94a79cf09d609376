"""From the race of a night to its champions and their files."""

import socket
from datetime import timedelta

import dagster as dg
import numpy as np
import pytest

from perso_pipeline.models import assets, checks
from perso_pipeline.models.inputs import site_configs
from perso_pipeline.models.pins import Pin, PinnedModels, write_pins
from perso_pipeline.models.tables import CHAMPIONS, TRAINING_SETS, table
from tests.models.assets.stage import LISTS, MEASURED, NIGHT, TABLES


def test_a_night_ends_in_champions_files_and_candidates_and_again_in_the_same(stage):
    first = stage.run()
    assert first.success
    before = {name: stage.rows(name) for name in TABLES}
    trained = {row["site_id"]: row for row in before["training_sets"]}
    assert set(trained) == {"shop-uk", "shop-de"}
    assert "nothing to train on" in trained["shop-de"]["not_evaluated_because"]
    dropped = [n for c, n in trained["shop-uk"].items() if c.startswith("dropped_")]
    assert trained["shop-uk"]["signals"] == sum(
        [trained["shop-uk"]["train_signals"], trained["shop-uk"]["evaluated_signals"], *dropped]
    )

    champions = {(row["site_id"], row["task"]): row for row in before["champions"]}
    assert champions["shop-uk", "personal"]["model"] in {"item_knn", "als"}
    assert champions["shop-de", "personal"]["model"] == "popular"
    assert champions["shop-de", "personal"]["reason"].startswith("popular: not evaluated")

    lists = {(row["site_id"], row["subject_type"]) for row in before["candidates"]}
    assert {("shop-uk", "person"), ("shop-uk", "anyone"), ("shop-de", "anyone")} <= lists
    own = [r for r in before["candidates"] if r["subject_id"] == "c00" and r["rank"] <= 10]
    assert all(int(row["item_id"][-2:]) < 30 for row in own)  # c00 likes the first half

    runs = len(stage.client().search_runs([e.experiment_id for e in stage.client().search_experiments()]))
    versions = len(stage.client().search_model_versions())
    assert stage.run().success
    assert {name: stage.rows(name) for name in TABLES} == before
    again = len(stage.client().search_runs([e.experiment_id for e in stage.client().search_experiments()]))
    assert (again, len(stage.client().search_model_versions())) == (runs, versions)

    skipped = first.asset_materializations_for_node("model_evaluations")[0].metadata["skipped"].value
    assert skipped["shop-biz"] == "no interactions are known for this night"
    champion = champions["shop-uk", "personal"]
    alias = stage.client().get_model_version_by_alias("shop-uk--personal", "champion")
    assert alias.run_id == champion["mlflow_run_id"]
    assert alias.tags["perso.version"] == champion["version"]
    run = stage.client().get_run(champion["mlflow_run_id"])
    assert run.data.tags["dagster/run_id"] == first.run_id
    assert run.data.tags["perso.fingerprint"] == trained["shop-uk"]["fingerprint"]
    assert "personal/ndcg_at_10" in run.data.metrics
    assert run.data.params[f"{champion['model']}.{'factors' if champion['model'] == 'als' else 'neighbours'}"]


def test_a_try_that_was_killed_is_closed_by_the_next(stage):
    client = stage.client()
    experiment = stage.tracking.open()._experiment("shop-uk")
    killed = client.create_run(experiment, tags={"perso.night": NIGHT.isoformat()}).info.run_id
    stage.warehouse.write_partition("models.training_sets", table([], TRAINING_SETS), {"night": NIGHT})
    # New data, so that the night is logged anew.
    with stage.warehouse.transaction() as connection:
        connection.execute("delete from interactions.interactions where identifier = 'customer:c79'")
    assert stage.run(*MEASURED).success
    assert client.get_run(killed).info.status == "KILLED"
    night = stage.rows("training_sets")[-1]
    assert stage.tracking.open().recorded("shop-uk", NIGHT, night["key"]) is not None


def test_a_champion_that_was_not_surely_better_than_popular_blocks_what_follows(stage):
    assert stage.run().success
    rows = stage.rows("champions")
    for row in rows:
        if row["site_id"] == "shop-de":
            row["model"] = "random"  # nothing was measured there
    stage.warehouse.write_partition("models.champions", table(rows, CHAMPIONS), {"night": NIGHT})
    everything = [*dg.load_assets_from_package_module(assets), *dg.load_asset_checks_from_modules([checks])]
    result = dg.materialize(
        everything,
        resources=stage.resources,
        partition_key=NIGHT.isoformat(),
        selection=dg.AssetSelection.checks_for_assets(["models", "champions"])
        | dg.AssetSelection.assets(["models", "model_artifacts"], *(["models", name] for name in LISTS)),
        raise_on_error=False,
    )
    gate = {e.check_name: e for e in result.get_asset_check_evaluations()}["champion_is_fit_to_serve"]
    assert not gate.passed
    assert gate.description.startswith("shop-de, personal: random serves, but against popular it was not measured")
    assert not result.get_asset_materialization_events()


def test_a_site_without_champions_is_a_fault(stage):
    assert stage.run(*MEASURED).success
    stage.warehouse.write_partition("models.champions", table([], CHAMPIONS), {"night": NIGHT})
    found = checks.unfit_champions(stage.warehouse, NIGHT, site_configs(stage.config_dir), PinnedModels())
    assert len(found) == 4
    assert all("there is no champion" in fault for fault in found)


def test_a_pinned_model_serves_its_nights_and_a_check_warns(stage):
    pin = Pin(site="shop-uk", task="personal", model="rp3beta", version="v0", from_night=NIGHT, why="odd lists")
    write_pins(stage.config_dir, PinnedModels(pinned=[pin]))
    result = stage.run()
    assert result.success
    row = next(r for r in stage.rows("champions") if (r["site_id"], r["task"]) == ("shop-uk", "personal"))
    assert row["model"] == "rp3beta"
    assert row["reason"].startswith(f"rp3beta serves by rollback to v0 since {NIGHT} (odd lists); the race says: ")
    alias = stage.client().get_model_version_by_alias("shop-uk--personal", "champion")
    assert alias.tags["perso.model"] == "rp3beta"
    found = {e.check_name: e for e in result.get_asset_check_evaluations()}
    assert found["champion_is_fit_to_serve"].passed
    assert not found["champion_was_chosen_by_the_race"].passed
    assert found["champion_was_chosen_by_the_race"].description.startswith("shop-uk, personal: rp3beta serves")
    shown = {r["model"] for r in stage.rows("candidates") if (r["site_id"], r["subject_type"]) == ("shop-uk", "person")}
    assert shown == {"rp3beta"}


_HARMED_SLICE = """
    insert into models.slice_evaluations by name
    select night, site_id, task, 'segment' as kind, 'loyal' as slice, model, metric, k, -0.2 as value, -0.3 as ci_low,
        -0.1 as ci_high, 60 as people
    from models.model_evaluations where metric = 'ndcg_minus_popular' and k = 10
"""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "update models.model_evaluations set value = 0.001 where metric = 'coverage'",
            "shows 0.1% of the items, less",
        ),
        (
            _HARMED_SLICE,
            "segment loyal is surely worse off than with popular",
        ),
    ],
    ids=["coverage", "slice"],
)
def test_a_champion_below_a_floor_is_a_fault(change, words, stage):
    assert stage.run(*MEASURED, "champions").success
    configs = site_configs(stage.config_dir)
    assert checks.unfit_champions(stage.warehouse, NIGHT, configs, PinnedModels()) == []
    with stage.warehouse.transaction() as connection:
        connection.execute(change)
    faults = checks.unfit_champions(stage.warehouse, NIGHT, configs, PinnedModels())
    assert any(words in fault for fault in faults)


def test_the_nights_run_shows_a_page_that_compares_all_models(stage):
    assert stage.run(*MEASURED).success
    trained = next(r for r in stage.rows("training_sets") if r["site_id"] == "shop-uk")
    recorded = stage.tracking.open().recorded("shop-uk", NIGHT, trained["key"])
    folder = stage.tracking.open().model_folder(recorded.run_id).parent
    page = (folder / "comparison.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert all(word in page for word in ("als", "item_knn", "Verdicts", "Beyond accuracy", "returning"))
    assert "<script" not in page
    assert "http" not in page  # nothing is loaded from elsewhere
    words = [r["words"] for r in stage.rows("model_verdicts") if r["site_id"] == "shop-uk"]
    assert words
    assert all(said in page for said in words)
    run = stage.client().get_run(recorded.run_id)
    assert run.data.tags["mlflow.source.git.commit"] == run.data.tags["perso.code"]
    assert run.data.tags["mlflow.note.content"].startswith("- **personal: ")
    assert run.data.tags["perso.env.numpy"] == np.__version__
    assert run.inputs.dataset_inputs[0].dataset.digest == trained["fingerprint"][:36]


def test_changed_data_is_not_mixed_with_older_champions(stage):
    assert stage.run(*MEASURED, "champions").success
    with stage.warehouse.transaction() as connection:
        connection.execute("delete from interactions.interactions where identifier = 'customer:c78'")
    result = stage.run("model_artifacts")
    failure = next(e for e in result.all_events if e.is_step_failure).step_failure_data.error.to_string()
    assert "changed after its champions" in failure


def test_nothing_leaves_the_machine(stage, monkeypatch):
    asked = []

    def refuse(*args, **_):
        asked.append(args)
        raise OSError(args)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert stage.run().success
    assert asked == []


def test_an_old_night_run_again_takes_no_alias_from_a_later_one(stage):
    assert stage.run().success
    store = stage.tracking.open()
    row = stage.rows("champions")[0]
    run_id, title = row["mlflow_run_id"], "alias-test"
    store.registry.register(title, run_id, night=NIGHT + timedelta(days=1), version="v2", alias="champion")
    other = next(r["mlflow_run_id"] for r in stage.rows("model_artifacts") if r["mlflow_run_id"] != run_id)
    store.registry.register(title, other, night=NIGHT, version="v1", alias="champion")
    assert stage.client().get_model_version_by_alias(title, "champion").run_id == run_id
