"""The stage ``models`` as Dagster runs it."""

from datetime import date

import dagster as dg

from perso_pipeline.models import assets, checks
from perso_pipeline.resources.partitions import NIGHTLY
from tests.tracked_stage import TrackedStage

NIGHT = NIGHTLY.start.date()
MEASURED = ("training_sets", "model_evaluations", "slice_evaluations", "model_verdicts")
LISTS = ("candidates", "submodels", "submodel_members", "cold_items")  # made in one step
TABLES = (*MEASURED, "champions", "model_artifacts", *LISTS)


class Stage(TrackedStage):
    stage = "models"

    def run(self, *names: str, night: date = NIGHT) -> dg.ExecuteInProcessResult:
        everything = [
            *dg.load_assets_from_package_module(assets),
            *dg.load_asset_checks_from_modules([checks]),
        ]
        selection = dg.AssetSelection.assets(*(["models", name] for name in names)) if names else None
        return dg.materialize(
            everything,
            resources=self.resources,
            partition_key=night.isoformat(),
            selection=selection,
            raise_on_error=False,
        )
