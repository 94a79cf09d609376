"""The blocking check on the report: its cells add up to the order movements. The comparison is in ``reconcile.py``."""

from datetime import date

import dagster as dg

from perso_pipeline.measurement.reconcile import reconcile
from perso_pipeline.resources.warehouse import WarehouseResource


@dg.asset_check(
    asset=["measurement", "revenue_report"],
    name="sums_to_the_ledger",
    description="Every figure of the report adds up to interactions.order_movements, to the cent and to the movement.",
    blocking=True,
    additional_deps=[["measurement", "attributed_revenue"]],
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
