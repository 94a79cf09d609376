"""Assets of the stage ``recommendations``: the night's lists and their publication.

Thin: the work is in ``composer`` and ``publish``.
"""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from perso_pipeline.recommendations import report
from perso_pipeline.recommendations.cold_start import cold_start_counts
from perso_pipeline.recommendations.composer import compose_parts
from perso_pipeline.recommendations.conflicts import conflicts
from perso_pipeline.recommendations.publish import TABLES, publish
from perso_pipeline.recommendations.scenarios import read_scenarios
from perso_pipeline.resources.display import markdown_table
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource

_GRAINS = {
    "recommendations": "One row per night, site, scenario, subject and rank: the lists that are served next day.",
    "recommendation_trace": "One row per slot: the items it goes back to and the rules that stood over its list.",
    "recommendation_rejections": "One row per candidate that a rule took out of the first places of a list.",
    "short_lists": "One row per list with empty slots, with the reason; nothing is padded.",
    "allocations": "One row per night, site and scenario that shares stock out among people: what that cost.",
    "allocated_items": "One row per night, site, scenario and item of which more was wanted than may be promised.",
    "cold_start": "One row per night, site and scenario: lists of new people and items, slots of cold items, explored.",
}
_INPUTS = [
    ["models", "candidates"],
    ["models", "champions"],
    ["models", "submodels"],
    ["models", "submodel_members"],
    ["models", "cold_items"],
    ["profiles", "customer_profiles"],
    ["profiles", "item_profiles"],
    ["identity", "identity_map"],
    ["interactions", "session_events"],
    ["interactions", "interactions"],
    ["interactions", "order_movements"],
    ["interactions", "served_lists"],
    ["interactions", "recommendation_requests"],
    ["profiles", "affinities"],
    ["segments", "segment_membership"],
    ["recommendations", "search_terms"],
    ["recommendations", "search_affinity"],
]


def _spec(table: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=["recommendations", table],
        description=_GRAINS[table],
        group_name="recommendations",
        kinds={"python", "duckdb"},
        owners=["team:perso"],
        deps=_INPUTS,
    )


@dg.multi_asset(
    name="recommendation_tables", specs=[_spec(table) for table in _GRAINS], partitions_def=NIGHTLY, pool="warehouse"
)
def recommendation_tables(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Compose all scenarios for the night and write lists, trace, rejections and short lists, part by part."""
    night = date.fromisoformat(context.partition_key)
    store = warehouse.open()
    scenarios = read_scenarios(settings.get().config_dir)
    parts = (part.tables() for part in compose_parts(store, scenarios, night=night))
    rows = store.write_partitions(parts, {"night": night})
    counts = cold_start_counts(store, night=night)
    rows["recommendations.cold_start"] = store.write_partition("recommendations.cold_start", counts, {"night": night})
    shares = report.level_shares(store, night=night)
    fills = report.fills(store, {s.id: s.size for s in scenarios.scenarios}, night=night)
    clashes = conflicts(scenarios)
    more: dict[str, dict[str, dg.MetadataValue]] = {
        "recommendations": {
            "fill": dg.MetadataValue.md(markdown_table(fills)),
            "level shares": dg.MetadataValue.md(markdown_table(shares, limit=40)),
            "level plot": dg.MetadataValue.md(report.level_plot(shares)),
            "rules": dg.MetadataValue.md(markdown_table(report.rules_at_work(store, scenarios, night=night), limit=60)),
            "conflicts of rules": dg.MetadataValue.md("\n".join(f"- {one.sentence}" for one in clashes) or "none"),
            "preview": dg.MetadataValue.md(markdown_table(report.preview(store, night=night), limit=12)),
        }
    }
    for table in _GRAINS:
        shown = more.get(table)
        if shown is None:
            few = store.query(f"from recommendations.{table} where night = $night limit 10", {"night": night})
            shown = {"preview": dg.MetadataValue.md(markdown_table(few))}
        yield dg.MaterializeResult(
            asset_key=["recommendations", table],
            metadata={
                "dagster/row_count": rows[f"recommendations.{table}"],
                "night": night.isoformat(),
                **shown,
            },
        )


@dg.asset(
    key=["recommendations", "publish_log"],
    group_name="recommendations",
    kinds={"python", "duckdb", "parquet"},
    owners=["team:perso"],
    partitions_def=NIGHTLY,
    deps=[
        ["recommendations", "recommendations"],
        ["recommendations", "recommendation_trace"],
        ["recommendations", "category_ranking"],
        ["recommendations", "personal_category_ranking"],
        ["recommendations", "search_terms"],
        ["recommendations", "search_affinity"],
        ["segments", "segment_membership"],
        ["activation", "triggers"],
        ["activation", "navigation"],
        ["measurement", "revenue_report"],
        ["measurement", "lift"],
        ["measurement", "lift_cells"],
        ["measurement", "experiment_health"],
        ["measurement", "self_tests"],
        ["measurement", "experiments"],
    ],
    pool="warehouse",
)
def publish_log(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> dg.MaterializeResult[None]:
    """One row per night, version and action: publishes the night's tables; ``published/current`` shows the newest."""
    night = date.fromisoformat(context.partition_key)
    chosen = settings.get()
    published = publish(
        warehouse.open(),
        night=night,
        published_dir=chosen.published_dir,
        keep=read_scenarios(chosen.config_dir).publish.keep,
    )
    rows = "\n".join(f"| {table} | {published.rows.get(table, 'absent')} |" for table in TABLES)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": 1,
            "night": night.isoformat(),
            "version": published.version,
            "folder": dg.MetadataValue.path(str(published.folder)),
            "was there already": published.is_reused,
            "tables": dg.MetadataValue.md(f"| table | rows |\n|---|---|\n{rows}"),
        }
    )
