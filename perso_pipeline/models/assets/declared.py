"""What every asset of the stage declares and shows in the same way; the assets themselves stay out."""

from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa

from perso_pipeline.models.site_night import MODELS_VERSION
from perso_pipeline.resources.display import markdown_table
from perso_pipeline.resources.partitions import NIGHTLY

COMMON: dict[str, Any] = {
    "group_name": "models",
    "owners": ["team:perso"],
    "partitions_def": NIGHTLY,
    "code_version": str(MODELS_VERSION),
}
FACTS = [
    dg.AssetKey(["interactions", "interactions"]),
    dg.AssetKey(["interactions", "session_events"]),
    dg.AssetKey(["interactions", "order_movements"]),
    dg.AssetKey(["identity", "identity_map"]),
]
GROUPS = [dg.AssetKey(["segments", "primary_segment"]), dg.AssetKey(["profiles", "item_profiles"])]
PREVIEW_ROWS = 10


def night_of(context: dg.AssetExecutionContext) -> date:
    """The night that is run."""
    return date.fromisoformat(context.partition_key)


def preview(rows: pa.Table) -> dg.MetadataValue:
    """The first rows of one night, for the UI."""
    return dg.MetadataValue.md(markdown_table(rows.drop_columns("night"), limit=PREVIEW_ROWS))
