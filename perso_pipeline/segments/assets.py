"""The segment tables in Dagster: read the rules, ask once, write three tables."""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.resources.display import markdown_table
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource
from perso_pipeline.segments.membership import segment_people
from perso_pipeline.segments.plots import sizes_plot
from perso_pipeline.segments.rules import Segments

_DESCRIPTIONS = {
    "segment_membership": "One row per night, site, person and segment whose rule the person meets.",
    "segment_catalogue": "One row per night and segment of config/segments.yml, with its rule in words and its size.",
    "primary_segment": "One row per night, site and person: the first segment in file order, else 'everyone-else'.",
}


@dg.multi_asset(
    name="segment_tables",
    specs=[
        dg.AssetSpec(
            key=["segments", table],
            deps=[["profiles", "customer_profiles"]],
            description=description,
            group_name="segments",
            kinds={"python", "duckdb"},
            owners=["team:perso"],
        )
        for table, description in _DESCRIPTIONS.items()
    ],
    partitions_def=NIGHTLY,
    pool="warehouse",
)
def segment_tables(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> Iterator[dg.MaterializeResult]:
    """Evaluate every segment in one pass over the night's profiles."""
    night = date.fromisoformat(context.partition_key)
    segments = read_config(settings.get().config_dir / "segments.yml", Segments)
    store = warehouse.open()
    tables = segment_people(store, segments.segments, night)
    written = {
        "segment_membership": tables.membership,
        "segment_catalogue": tables.catalogue,
        "primary_segment": tables.primary,
    }
    for name, rows in written.items():
        store.write_partition(f"segments.{name}", rows, {"night": night})
        metadata: dict[str, dg.MetadataValue | int | str] = {
            "dagster/row_count": rows.num_rows,
            "night": night.isoformat(),
            "preview": dg.MetadataValue.md(markdown_table(rows)),
        }
        if name == "segment_catalogue":
            metadata["sizes"] = dg.MetadataValue.md(sizes_plot(rows))
        yield dg.MaterializeResult(asset_key=["segments", name], metadata=metadata)
