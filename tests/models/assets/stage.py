"""The stage as Dagster runs it, over a real warehouse and a real MLflow store."""

from datetime import date
from pathlib import Path

import dagster as dg

from perso_pipeline.models import assets, checks
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.tracking import TrackingResource
from tests.open_warehouse import OpenWarehouse, OpenWarehouseResource

NIGHT = NIGHTLY.start.date()
MEASURED = ("training_sets", "model_evaluations", "slice_evaluations", "model_verdicts")
LISTS = ("candidates", "submodels", "submodel_members", "cold_items")  # made in one step
TABLES = (*MEASURED, "champions", "model_artifacts", *LISTS)


class Stage:
    def __init__(self, warehouse: OpenWarehouse, config_dir: Path, mlflow_dir: Path) -> None:
        self.warehouse = warehouse
        self.config_dir = config_dir
        self.tracking = TrackingResource(
            uri=f"sqlite:///{mlflow_dir / 'mlflow.db'}", artifact_dir=str(mlflow_dir / "artifacts")
        )
        self.resources = {
            "settings": SettingsResource(config_dir=str(config_dir)),
            "warehouse": OpenWarehouseResource(path=str(warehouse.path)),
            "tracking": self.tracking,
        }

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

    def rows(self, name: str) -> list[dict]:
        return self.warehouse.query(f"select * from models.{name} order by all").to_pylist()

    def client(self):
        return self.tracking.open()._client
