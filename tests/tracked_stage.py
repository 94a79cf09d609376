"""A stage that logs to MLflow, as Dagster runs it: over a real warehouse and a real MLflow store."""

from pathlib import Path
from typing import Any, ClassVar

from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.tracking import TrackingResource
from tests.open_warehouse import OpenWarehouse, OpenWarehouseResource


class TrackedStage:
    """Holds what the assets of ``stage`` are given; which of them run is said by the child."""

    stage: ClassVar[str]

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

    def rows(self, name: str) -> list[dict[str, Any]]:
        return self.warehouse.query(f"select * from {self.stage}.{name} order by all").to_pylist()

    def client(self) -> Any:
        return self.tracking.open()._client
