"""Checks of the stage that are about models; what columns may hold stands in ``expectations/``."""

from datetime import date

import dagster as dg

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.profiles.predictions.config import PredictionsConfig
from perso_pipeline.profiles.predictions.faults import models_that_fell_back, unfit_serving_models
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource


@dg.asset_check(
    asset=["profiles", "serving_models"],
    blocking=True,
    partitions_def=NIGHTLY,
    pool="warehouse",
    description="No model scores people unless it is surely better than the base rate and calibrated.",
)
def serving_models_are_fit(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> dg.AssetCheckResult:
    """Read again from the tables, not from the decision: a model put there by other means is caught too."""
    config = read_config(settings.get().config_dir / "predictions.yml", PredictionsConfig)
    faults = unfit_serving_models(warehouse.open(), date.fromisoformat(context.partition_key), config)
    return dg.AssetCheckResult(
        passed=not faults,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(faults) or "Every model that serves passed its gates.",
        metadata={"faults": len(faults)},
    )


@dg.asset_check(
    asset=["profiles", "serving_models"],
    partitions_def=NIGHTLY,
    pool="warehouse",
    description="Warns where an earlier training serves, or none, and says why the newest does not.",
)
def newest_training_serves(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> dg.AssetCheckResult:
    fallen = models_that_fell_back(warehouse.open(), date.fromisoformat(context.partition_key))
    return dg.AssetCheckResult(
        passed=not fallen,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(fallen) or "The newest training of every model serves.",
        metadata={"models": len(fallen)},
    )
