"""The identity tables made in Python: read the rules, bring the map up to the run's nights, show who stands out.

Identifiers, evidence and edges come from SQL (``sql/models/identity``) in one dbt invocation with ``interactions``:
facts carry identifiers, so nothing of that stage waits for the map.
"""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from perso_pipeline.identity.config import read_identity_rules
from perso_pipeline.identity.resolve import resolve
from perso_pipeline.identity.tables import DESCRIPTIONS
from perso_pipeline.resources.display import markdown_table
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource

# what a person looks at first: the largest people, the widest crowds, the latest links that ended
_PREVIEWS = {
    "identity_map": """
        select person_id, count(*) as identifiers, count(*) filter (identifier_type = 'customer') as customers,
            min(confidence) as least_confidence, min(identifier) as an_identifier
        from identity.identity_map
        where known_on <= $night and (void_on is null or void_on > $night)
        group by person_id order by customers desc, identifiers desc, person_id limit 10""",
    "identity_guards": """
        select identifier, reason, others, customers, known_on
        from identity.identity_guards where known_on <= $night
        order by others desc, identifier, reason limit 10""",
    "identity_links": """
        select edge_type, confidence, count(*) as edges,
            count(*) filter (known_on <= $night and (void_on is null or void_on > $night)) as joining
        from identity.identity_links where known_on <= $night
        group by edge_type, confidence order by edge_type limit 10""",
}


def _spec(table: str, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["identity", table],
        deps=[["identity", "identifiers"], ["identity", "identity_edges"]],
        description=description,
        group_name="identity",
        kinds={"python", "duckdb"},
        owners=["team:perso"],
    )


@dg.multi_asset(
    name="identity_tables",
    specs=[_spec(table, description) for table, description in DESCRIPTIONS.items()],
    partitions_def=NIGHTLY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool="warehouse",
)
def identity_tables(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> Iterator[dg.MaterializeResult]:
    """Recompute the people around what became known in the run's nights."""
    window = context.partition_key_range
    rules = read_identity_rules(settings.get().config_dir)
    store = warehouse.open()
    with store.transaction(purpose="identity map") as connection:
        done = resolve(
            connection, rules, first=date.fromisoformat(window.start), last=date.fromisoformat(window.end)
        )  # fmt: skip
    for table in DESCRIPTIONS:
        count = store.query(f"select count(*) as n from identity.{table}")["n"][0].as_py()
        preview = store.query(_PREVIEWS[table], {"night": date.fromisoformat(window.end)})
        metadata = {
            "dagster/row_count": count,
            "window": f"{window.start} to {window.end}",
            "preview": dg.MetadataValue.md(markdown_table(preview)),
        }
        if table == "identity_map":
            metadata |= {"identifiers recomputed": done.recomputed, "everybody recomputed": done.is_whole}
        yield dg.MaterializeResult(asset_key=["identity", table], metadata=metadata)
