"""Assets of the stage ``activation``. Thin: the work is in ``triggers`` and ``navigation``."""

from datetime import date

import dagster as dg

from perso_pipeline.activation.config import Navigation, read_triggers
from perso_pipeline.activation.navigation import TABLE as NAVIGATION
from perso_pipeline.activation.navigation import order_navigation
from perso_pipeline.activation.triggers import TABLE, find_triggers
from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.resources.display import markdown_table
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource


@dg.asset(
    key=["activation", "triggers"],
    group_name="activation",
    kinds={"python", "duckdb"},
    owners=["team:perso"],
    partitions_def=NIGHTLY,
    deps=[
        ["profiles", "customer_profiles"],
        ["profiles", "item_profiles"],
        ["identity", "identity_map"],
        ["interactions", "session_events"],
        ["interactions", "order_movements"],
        ["recommendations", "recommendations"],
    ],
    pool="warehouse",
)
def triggers(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> dg.MaterializeResult[None]:
    """One row per night, site, person, trigger and episode: due, or suppressed with the reason."""
    night = date.fromisoformat(context.partition_key)
    store = warehouse.open()
    rows = find_triggers(store, read_triggers(settings.get().config_dir), night=night)
    store.write_partition(TABLE, rows, {"night": night})
    keys = ["site_id", "trigger_id", "status", "reason"]
    counts = rows.group_by(keys).aggregate([("episode_id", "count")]).sort_by([(key, "ascending") for key in keys])
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows.num_rows,
            "night": night.isoformat(),
            "due": rows["status"].to_pylist().count("due"),
            "by trigger and reason": dg.MetadataValue.md(markdown_table(counts, limit=40)),
            "preview": dg.MetadataValue.md(markdown_table(rows)),
        }
    )


@dg.asset(
    key=["activation", "navigation"],
    group_name="activation",
    kinds={"python", "duckdb"},
    owners=["team:perso"],
    partitions_def=NIGHTLY,
    deps=[["profiles", "customer_profiles"], ["profiles", "affinities"], ["profiles", "item_profiles"]],
    pool="warehouse",
)
def navigation(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> dg.MaterializeResult[None]:
    """One row per night, site, person and place of the menu; the first place says whether a visit may begin there."""
    night, store = date.fromisoformat(context.partition_key), warehouse.open()
    config = read_config(settings.get().config_dir / "navigation.yml", Navigation)
    rows = order_navigation(store, config, night=night)
    store.write_partition(NAVIGATION, rows, {"night": night})
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows.num_rows,
            "night": night.isoformat(),
            "people who may land in a category": sum(rows["is_landing"].to_pylist()),
            "preview": dg.MetadataValue.md(markdown_table(rows)),
        }
    )
