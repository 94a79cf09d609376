"""Predictions as Dagster runs them, over a real warehouse and a real MLflow store."""

from datetime import date, datetime, time, timedelta

import dagster as dg
import numpy as np
import pytest

from perso_pipeline.profiles import assets, checks
from perso_pipeline.profiles.predictions.faults import unfit_serving_models
from perso_pipeline.profiles.predictions.serving_models import training_nights
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.settings import PROJECT_ROOT
from tests.tracked_stage import TrackedStage

NIGHT = NIGHTLY.start.date()
TABLES = ("prediction_trainings", "serving_models", "predictions")
PEOPLE, DAYS = 500, 80


@pytest.fixture
def stage(facts, tmp_path, mlflow_dir, tried_again_at_once):
    """shop-uk with 80 days of people who order the day after they fill a cart; shop-de opened tonight."""
    rng = np.random.default_rng(12)
    zeal = rng.gamma(0.8, 0.12, PEOPLE)
    wants = np.zeros(PEOPLE, dtype=bool)
    for back in range(DAYS, -1, -1):
        day = NIGHT + timedelta(days=1 - back)  # a day more than the night: what comes later must not count
        orders = wants & (rng.random(PEOPLE) < 0.6)
        visits = (rng.random(PEOPLE) < zeal) | orders
        wants = visits & ~orders & (rng.random(PEOPLE) < 0.5)
        for person in np.flatnonzero(visits):
            name = f"p{person:03d}"
            spent = float(np.round(rng.gamma(4, 10), 2)) if orders[person] else 0.0
            facts.day(name, day, orders=int(orders[person]), gross=spent, views=int(rng.integers(1, 6)))
            noon = datetime.combine(day, time(12))
            facts.event(name, noon, "add_to_cart" if wants[person] else "product_view")
    facts.day("d1", NIGHT, views=2, site="shop-de")
    config_dir = tmp_path / "config"
    config_dir.mkdir()
    for name in ("sites.yml", "predictions.yml"):
        text = (PROJECT_ROOT / "config" / name).read_text().replace("every_nights: 7", "every_nights: 1")
        (config_dir / name).write_text(text)
    facts.write(NIGHT, NIGHT + timedelta(days=1))
    return Stage(facts.warehouse, config_dir, mlflow_dir)


class Stage(TrackedStage):
    stage = "profiles"

    def run(self, *names: str, night: date = NIGHT) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [assets.prediction_models, assets.predictions, *dg.load_asset_checks_from_modules([checks])],
            resources=self.resources,
            partition_key=night.isoformat(),
            selection=dg.AssetSelection.assets(*(["profiles", name] for name in names or TABLES)),
            raise_on_error=False,
        )

    def trained(self, result: dg.ExecuteInProcessResult) -> int:
        made = result.asset_materializations_for_node("prediction_models")
        return made[0].metadata["trained"].value


def test_a_night_scores_everybody_and_again_the_same_without_training(stage):
    first = stage.run()
    assert first.success
    before = {name: stage.rows(name) for name in TABLES}
    serving = {(row["site_id"], row["model"]): row for row in before["serving_models"]}
    assert serving["shop-uk", "conversion"]["trained_on"] == NIGHT
    assert serving["shop-uk", "conversion"]["reason"].startswith("Accepted: on ")
    assert serving["shop-de", "conversion"]["trained_on"] is None
    assert serving["shop-de", "conversion"]["reason"].startswith("Not estimable, because there are 0 days of history")
    assert {site for site, _ in serving} == {"shop-uk", "shop-de"}  # nothing is known of the others

    scored = {row["person_id"]: row for row in before["predictions"] if row["site_id"] == "shop-uk"}
    profiles = stage.warehouse.query(
        "select person_id from profiles.customer_profiles where night = ? and site_id = 'shop-uk'", [NIGHT]
    )
    assert set(scored) == set(profiles.column("person_id").to_pylist())
    carts = stage.warehouse.query(
        "select distinct substr(identifier, 10) as person_id from interactions.session_events "
        "where event_type = 'add_to_cart' and event_date = ?",
        [NIGHT],
    ).column("person_id").to_pylist()  # fmt: skip
    everybody = np.mean([row["conversion_7d"] for row in scored.values()])
    assert np.mean([scored[person]["conversion_7d"] for person in carts]) > 1.5 * everybody
    stranger = next(row for row in before["predictions"] if row["site_id"] == "shop-de")
    assert stranger["conversion_7d"] is None
    assert stranger["conversion_band"] is None

    again = stage.run()
    assert again.success
    assert stage.trained(again) == 0
    assert {name: stage.rows(name) for name in TABLES} == before

    shown = first.asset_materializations_for_node("prediction_models")[0].metadata
    assert "data:image/png" in shown[f"shop-uk/{NIGHT}/conversion-calibration"].value
    client = stage.client()
    alias = client.get_model_version_by_alias("shop-uk--conversion", "champion")
    assert alias.tags["perso.version"] == serving["shop-uk", "conversion"]["version"]
    run = client.get_run(alias.run_id)
    assert run.data.metrics["skill_low"] > 0
    parent = run.data.tags["mlflow.parentRunId"]
    assert [f.path for f in client.list_artifacts(parent, "plots")] == ["plots/conversion-calibration.png"]


def test_nights_in_any_order_end_in_the_same_tables(stage):
    later = NIGHT + timedelta(days=1)
    assert stage.run(night=NIGHT).success
    alone = stage.rows("predictions")
    with stage.warehouse.transaction() as connection:
        for name in TABLES:
            connection.execute(f"drop table profiles.{name}")
    # the later night is no partition of this test's machine; its trainings are made all the same
    ledger = assets.TrainingLedger(
        stage.warehouse,
        stage.tracking.open(),
        assets.read_config(stage.config_dir / "predictions.yml", assets.PredictionsConfig),
        {},
    )
    assert ledger.trainings("shop-uk", "conversion")(later) is not None
    assert stage.run(night=NIGHT).success
    assert stage.rows("predictions") == alone


def test_an_altered_model_file_is_refused_and_trained_again(stage):
    assert stage.run().success
    before = stage.rows("predictions")
    row = next(r for r in stage.rows("prediction_trainings") if r["is_accepted"] and r["model"] == "conversion")
    path = stage.tracking.open().model_folder(row["mlflow_run_id"]) / row["file"]
    path.write_text(path.read_text().replace("intercept", "Intercept"))
    result = stage.run("predictions")
    assert not result.success
    failure = next(e for e in result.all_events if e.is_step_failure).step_failure_data.error.to_string()
    assert "altered after it was stored" in failure
    mended = stage.run()
    assert mended.success
    assert stage.trained(mended) == 1
    assert stage.rows("predictions") == before


def test_a_model_that_did_not_pass_blocks_the_scores(stage):
    assert stage.run("prediction_trainings", "serving_models").success
    version = {row["model"]: row["version"] for row in stage.rows("serving_models") if row["site_id"] == "shop-uk"}
    with stage.warehouse.transaction() as connection:
        uk = "where site_id = 'shop-uk' and model ="
        connection.execute(f"update profiles.prediction_trainings set skill_low = -0.01 {uk} 'conversion'")
        connection.execute(f"update profiles.prediction_trainings set calibration_error = 0.5 {uk} 'churn'")
        connection.execute(f"update profiles.serving_models set version = 'made up' {uk} 'value'")
    result = dg.materialize(
        [assets.prediction_models, assets.predictions, *dg.load_asset_checks_from_modules([checks])],
        resources=stage.resources,
        partition_key=NIGHT.isoformat(),
        selection=dg.AssetSelection.checks_for_assets(["profiles", "serving_models"])
        | dg.AssetSelection.assets(["profiles", "predictions"]),
        raise_on_error=False,
    )
    found = {e.check_name: e for e in result.get_asset_check_evaluations()}
    assert not found["serving_models_are_fit"].passed
    assert [fault.partition(" ")[2] for fault in found["serving_models_are_fit"].description.split("; ")] == [
        f"churn: {version['churn']} serves, but its calibration error is 0.500",
        f"conversion: {version['conversion']} serves, but is not surely better than the base rate",
        "value: version made up serves, which is not on record",
    ]
    assert not found["newest_training_serves"].passed
    assert "shop-de, value: Not estimable" in found["newest_training_serves"].description
    assert not result.get_asset_materialization_events()


def test_a_night_without_decisions_is_a_fault(stage, predictions_config):
    assert stage.run("prediction_trainings", "serving_models").success
    assert unfit_serving_models(stage.warehouse, NIGHT, predictions_config) == []
    other = NIGHT - timedelta(days=400)
    assert unfit_serving_models(stage.warehouse, other, predictions_config) == [f"nothing was decided for {other}"]


def test_where_the_newest_training_is_refused_an_earlier_one_serves(stage):
    # of the last days everybody orders: no model of the days before foresees it
    night = NIGHT
    with stage.warehouse.transaction() as connection:
        connection.execute(
            "insert into interactions.person_days select site_id, identifier, ?::date, ?::date, 0, 0, 0, 0, 0, 1, 1, 10, 0, 10 "
            "from (select distinct site_id, identifier from interactions.person_days where site_id = 'shop-uk' "
            "and hash(identifier) % 3 = 0)",
            [night - timedelta(days=2)] * 2,
        )
    assert stage.run().success
    row = next(r for r in stage.rows("serving_models") if (r["site_id"], r["model"]) == ("shop-uk", "conversion"))
    assert row["newest_training"] == night
    assert row["trained_on"] in training_nights(night, assets.read_config(
        stage.config_dir / "predictions.yml", assets.PredictionsConfig
    ).training)[1:]  # fmt: skip
    assert f"{night}: Refused" in row["reason"]
    versions = {r["conversion_version"] for r in stage.rows("predictions") if r["site_id"] == "shop-uk"}
    assert versions - {None} == {row["version"]}
