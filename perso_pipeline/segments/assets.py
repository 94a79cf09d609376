"""The segment tables in Dagster: grade and cluster people, read the rules, ask once, write."""

from collections.abc import Iterator
from datetime import date

import dagster as dg
import pyarrow as pa

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.resources.dbt import dbt_stage
from perso_pipeline.resources.display import markdown_table
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource
from perso_pipeline.segments.cluster_tables import cluster_people
from perso_pipeline.segments.discovery_tables import discover_segments
from perso_pipeline.segments.groups import grade_people, group_segments
from perso_pipeline.segments.membership import attribute_columns, segment_people
from perso_pipeline.segments.plots import history_plot, overlap_plot, sizes_plot
from perso_pipeline.segments.rules import Segments

_HISTORY = """
    select night, name, people from segments.segment_catalogue
    where night <= $night and night > $night - interval 90 day and origin = 'config' order by night, position
"""
_DEPS = [
    ["profiles", "customer_profiles"],
    ["profiles", "predictions"],
    ["profiles", "item_profiles"],
    ["profiles", "affinities"],
    ["interactions", "interactions"],
    ["interactions", "sessions"],
    ["interactions", "session_events"],
    ["interactions", "order_movements"],
]
_DESCRIPTIONS = {
    "person_groups": "One row per night, site and person: value tier and cluster.",
    "clusters": "One row per night and cluster of people who behave alike, with its name and size.",
    "cluster_traits": "One row per night, cluster and feature: what sets the cluster apart.",
    "segment_membership": "One row per night, site, person and segment whose rule the person meets.",
    "segment_catalogue": "One row per night and segment, with its rule in words, who made it and its size.",
    "primary_segment": "One row per night, site and person: the first segment in file order, else 'everyone-else'.",
    "segment_overlap": "One row per night, site and ordered pair of segments that share a person.",
}

_DISCOVERIES = {
    "discovered_segments": "One row per night and combination of attributes whose people differ from the others.",
    "discovery_runs": "One row per night, site and metric: combinations tested, found and confirmed.",
}


@dg.multi_asset(
    name="segment_tables",
    specs=[
        dg.AssetSpec(
            key=["segments", table],
            deps=_DEPS,
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
    """Grade and cluster everyone, then evaluate every segment in one pass over the night's profiles."""
    night = date.fromisoformat(context.partition_key)
    config = read_config(settings.get().config_dir / "segments.yml", Segments)
    store = warehouse.open()
    clusters = cluster_people(store, config.clusters, night)
    grades = grade_people(store, night, config.value_tiers)
    yield _write(store, "person_groups", grades.append_column("cluster_id", clusters.ids), night)
    yield _write(store, "clusters", clusters.clusters, night)
    yield _write(store, "cluster_traits", clusters.traits, night)
    names = dict(zip(*(clusters.clusters[name].to_pylist() for name in ("cluster_id", "name")), strict=True))
    segments = (*config.segments, *group_segments(attribute_columns(store), names))
    tables = segment_people(store, segments, night)
    yield _write(store, "segment_membership", tables.membership, night)
    yield _write(store, "primary_segment", tables.primary, night)
    yield _write(store, "segment_overlap", tables.overlap, night, overlap=overlap_plot(tables.overlap))
    sizes = sizes_plot(tables.catalogue)
    written = _write(store, "segment_catalogue", tables.catalogue, night, sizes=sizes)
    history = store.query(_HISTORY, {"night": night})
    over_time = dg.MetadataValue.md(history_plot(history))
    yield written._replace(metadata=dict(written.metadata or {}) | {"sizes over time": over_time})


@dg.multi_asset(
    name="segment_discovery",
    specs=[
        dg.AssetSpec(
            key=["segments", table],
            deps=[["profiles", "customer_profiles"]],
            description=description,
            group_name="segments",
            kinds={"python", "duckdb"},
            owners=["team:perso"],
        )
        for table, description in _DISCOVERIES.items()
    ],
    partitions_def=NIGHTLY,
    pool="warehouse",
)
def segment_discovery(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> Iterator[dg.MaterializeResult]:
    """Look for combinations of attributes whose people convert or spend unlike the others."""
    night = date.fromisoformat(context.partition_key)
    config = read_config(settings.get().config_dir / "segments.yml", Segments)
    store = warehouse.open()
    tables = discover_segments(store, config.discovery, night)
    yield _write(store, "discovered_segments", tables.discovered, night)
    yield _write(store, "discovery_runs", tables.runs, night)


segment_history = dbt_stage("segments", select="path:models/segments", per_night=True)


def _write(store: Warehouse, table: str, rows: pa.Table, night: date, **plots: str) -> dg.MaterializeResult:
    store.write_partition(f"segments.{table}", rows, {"night": night})
    return dg.MaterializeResult(
        asset_key=["segments", table],
        metadata={
            "dagster/row_count": rows.num_rows,
            "night": night.isoformat(),
            "preview": dg.MetadataValue.md(markdown_table(rows)),
        }
        | {name: dg.MetadataValue.md(plot) for name, plot in plots.items()},
    )
