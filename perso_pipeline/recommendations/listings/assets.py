"""Listings in Dagster: the search tables in SQL, the rankings of categories. Thin: the work is in the modules."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import dagster as dg

from perso_pipeline.recommendations.listings.config import read_listings
from perso_pipeline.recommendations.listings.personal import rank_for_people
from perso_pipeline.recommendations.listings.ranking import rank_categories
from perso_pipeline.recommendations.listings.signals import read_signals
from perso_pipeline.recommendations.scenarios import read_scenarios
from perso_pipeline.resources.dbt import dbt_stage
from perso_pipeline.resources.display import markdown_table
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource


def _variables(config_dir: Path) -> Mapping[str, object]:
    search = read_listings(config_dir).search
    reach = max(search.days, search.affinity_days)
    return {"search_reach_days": reach} | {f"search_{name}": value for name, value in search.model_dump().items()}


search_tables = dbt_stage("search", select="path:models/recommendations", per_night=True, config=_variables)

_GRAINS = {
    "category_ranking": "One row per night, site, category and place: what a category page shows, in order.",
    "listing_rules": "One row per night, site, category and manual rule in force: what it holds, or why nothing.",
    "personal_category_ranking": "One row per night, site, person, category and place: own order, for the head.",
}


@dg.multi_asset(
    name="listing_tables",
    specs=[
        dg.AssetSpec(
            key=["recommendations", table],
            description=grain,
            group_name="recommendations",
            kinds={"python", "duckdb"},
            owners=["team:perso"],
            deps=[
                ["profiles", "customer_profiles"],
                ["profiles", "item_profiles"],
                ["profiles", "affinities"],
                ["interactions", "interactions"],
                ["interactions", "order_movements"],
                ["models", "candidates"],
                ["models", "champions"],
            ],
        )
        for table, grain in _GRAINS.items()
    ],
    partitions_def=NIGHTLY,
    pool="warehouse",
)
def listing_tables(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Rank the categories of every site, then the first places for people of the head."""
    night, store, folder = date.fromisoformat(context.partition_key), warehouse.open(), settings.get().config_dir
    listings = read_listings(folder)
    signals = read_signals(store, listings.ranking, read_scenarios(folder).popularity, night=night)
    rankings = rank_categories(signals, listings, night=night)
    store.write_partition("recommendations.category_ranking", rankings.category_ranking, {"night": night})
    store.write_partition("recommendations.listing_rules", rankings.listing_rules, {"night": night})
    own = "recommendations.personal_category_ranking"
    parts = ({own: part} for part in rank_for_people(store, listings.personal, night=night))
    written = store.write_partitions(parts, {"night": night})
    tables = {
        "category_ranking": (rankings.category_ranking.num_rows, rankings.category_ranking),
        "listing_rules": (rankings.listing_rules.num_rows, rankings.listing_rules),
        "personal_category_ranking": (
            written[own],
            store.query(f"from {own} where night = ? limit 10", [night]),
        ),
    }
    for table, (count, rows) in tables.items():
        yield dg.MaterializeResult(
            asset_key=["recommendations", table],
            metadata={
                "dagster/row_count": count,
                "night": night.isoformat(),
                "preview": dg.MetadataValue.md(markdown_table(rows)),
            },
        )
