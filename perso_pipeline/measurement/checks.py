"""Checks on measurement: money adds up to the order movements, and what changed has a cause.

The comparisons are in ``reconcile*.py`` and ``restatement.py``.
"""

from datetime import date

import dagster as dg

from perso_pipeline.measurement.reconcile import reconcile
from perso_pipeline.measurement.restatement import explain
from perso_pipeline.resources.warehouse import WarehouseResource


@dg.asset_check(
    asset=["measurement", "revenue_report"],
    name="sums_to_the_ledger",
    description="Report, attribution rules and their overlap, business figures and all segments together add up to "
    "interactions.order_movements, to the cent; the funnel counts what was delivered.",
    blocking=True,
    additional_deps=[
        ["measurement", name]
        for name in (
            "attributed_revenue",
            "attribution_overlap",
            "business_days",
            "recommendation_funnel",
            "segment_revenue",
        )
    ],
    pool="warehouse",
)
def revenue_report_sums_to_the_ledger(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    """Compare the night's report with the ledger."""
    result = reconcile(warehouse.open(), date.fromisoformat(context.partition_key))
    found = [str(difference) for difference in result.differences]
    return dg.AssetCheckResult(
        passed=not found,
        description="; ".join(found[:3]) or f"{result.movements:,} movements add up.",
        metadata={
            "movements": result.movements,
            "compared_with_order_lines": result.compared_with_ledger,
            "differences": dg.MetadataValue.md("\n".join(f"- {line}" for line in found[:50]) or "none"),
        },
    )


@dg.asset_check(
    asset=["measurement", "restatement_log"],
    name="changes_are_explained",
    description="Every change of a published figure has a cause, and the causes add up to it.",
    pool="warehouse",
)
def changes_are_explained(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> dg.AssetCheckResult:
    """Compare the night's restatement log with the two reports it explains; blocks nothing, tonight's sums hold."""
    result = explain(warehouse.open(), date.fromisoformat(context.partition_key))
    changed = ", ".join(f"{cause.name} {cause.movements:+} movements on {cause.days} days" for cause in result.causes)
    return dg.AssetCheckResult(
        passed=not result.faults,
        description="; ".join(result.faults[:3]) or changed or "Nothing that was published has changed.",
        metadata={"faults": dg.MetadataValue.md("\n".join(f"- {line}" for line in result.faults[:50]) or "none")},
    )
