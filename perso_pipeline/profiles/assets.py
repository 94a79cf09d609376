"""The profile tables in Dagster. Nothing to test without Dagster; SQL is in ``sql/models/profiles``."""

from datetime import date

import dagster as dg

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.profiles.config import ProfilesConfig
from perso_pipeline.profiles.settings_table import settings_table
from perso_pipeline.resources.dbt import dbt_stage
from perso_pipeline.resources.display import markdown_table
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource


@dg.asset(
    key=["profiles", "settings"],
    partitions_def=NIGHTLY,
    pool="warehouse",
    group_name="profiles",
    kinds={"python", "duckdb"},
    owners=["team:perso"],
)
def profile_settings(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> dg.MaterializeResult:
    """One row per night and setting of config/profiles.yml: whom to believe, what an event weighs."""
    night = date.fromisoformat(context.partition_key)
    rows = settings_table(read_config(settings.get().config_dir / "profiles.yml", ProfilesConfig), night)
    warehouse.open().write_partition("profiles.settings", rows, {"night": night})
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows.num_rows,
            "night": night.isoformat(),
            "preview": dg.MetadataValue.md(markdown_table(rows)),
        }
    )


profiles_tables = dbt_stage("profiles", select="path:models/profiles", per_night=True)
