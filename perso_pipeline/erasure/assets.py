"""Erasing as a part of the night: one that was killed is finished first, deleted accounts go last.

Both hold the pool of the warehouse, so that no step of another run is at work meanwhile; between steps nothing of
anybody is in memory. Thin: the work is in ``erase``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
import pyarrow as pa

from perso_pipeline.erasure.erase import deleted_accounts, erase, resume
from perso_pipeline.erasure.journal import Journal
from perso_pipeline.erasure.receipt import check
from perso_pipeline.resources.display import markdown_table
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource

# what ends a branch of the night: everything else is before one of these
_LAST = [
    ["raw", "rejected_records"],
    ["identity", "identity_guards"],
    ["identity", "identity_links"],
    ["interactions", "order_lines"],
    ["interactions", "recommendation_requests"],
    ["profiles", "item_segments"],
    ["segments", "cluster_traits"],
    ["segments", "clusters"],
    ["segments", "discovered_segments"],
    ["segments", "discovery_runs"],
    ["segments", "person_groups"],
    ["segments", "segment_changes"],
    ["segments", "segment_overlap"],
    ["models", "model_verdicts"],
    ["recommendations", "cold_start"],
    ["recommendations", "recommendation_rejections"],
    ["recommendations", "short_lists"],
    ["recommendations", "publish_log"],
    ["measurement", "report"],
]


@dg.asset(
    key=["raw", "resumed_erasures"],
    group_name="raw",
    kinds={"python"},
    owners=["team:perso"],
    partitions_def=NIGHTLY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool="warehouse",
)
def resumed_erasures(context: dg.AssetExecutionContext, settings: SettingsResource) -> dg.MaterializeResult[None]:
    """No rows: an erasure that was killed is finished before anything is loaded. On most nights there is none."""
    given = settings.get()
    is_interrupted = Journal(given.erasures_dir).read() is not None
    receipt = resume(given, say=context.log.info) if is_interrupted else None
    return dg.MaterializeResult(metadata={"receipt": dg.MetadataValue.path(str(receipt)) if receipt else "none"})


@dg.asset(
    key=["erasure", "receipts"],
    group_name="erasure",
    kinds={"python"},
    owners=["team:perso"],
    partitions_def=NIGHTLY,
    deps=_LAST,
    pool="warehouse",
)
def receipts(context: dg.AssetExecutionContext, settings: SettingsResource) -> dg.MaterializeResult[None]:
    """One signed receipt per erasure: customers whose account was deleted, and what came again of people erased."""
    given = settings.get()
    accounts = deleted_accounts(given)
    receipt = erase(given, accounts, say=context.log.info)
    if receipt is None:
        return dg.MaterializeResult(metadata={"deleted accounts": 0, "people erased": 0})
    content = check(receipt, given.hash_key_bytes)
    return dg.MaterializeResult(
        metadata={
            "deleted accounts": len(accounts),
            "people erased": content["people"],
            "receipt": dg.MetadataValue.path(str(receipt)),
            "removed": dg.MetadataValue.md(markdown_table(_by_place(content["removed"]), limit=200)),
        }
    )


def _by_place(removed: Iterable[Mapping[str, Any]]) -> pa.Table:
    """What was removed in sum: landing by stream, everything else by table, publication or file."""
    sums: Counter[tuple[str, str]] = Counter()
    for entry in removed:
        place = str(entry["where"])
        unit = next(name for name in entry if name != "where")
        sums["/".join(place.split("/")[:2]) if place.startswith("landing/") else place, unit] += entry[unit]
    return pa.Table.from_pylist(
        [{"where": place, "removed": count, "unit": unit} for (place, unit), count in sums.items()],
        schema=pa.schema({"where": pa.string(), "removed": pa.int64(), "unit": pa.string()}),
    )
