"""Checks of the stage that are about model quality; what columns may hold stands in ``expectations/``."""

from datetime import date

import dagster as dg

from perso_pipeline.models.quality import unfit_champions, weak_champions
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.warehouse import WarehouseResource


@dg.asset_check(
    asset=["models", "champions"],
    blocking=True,
    partitions_def=NIGHTLY,
    pool="warehouse",
    description="No model serves unless it is surely better than popular; every evaluated site and task has one.",
)
def champion_is_fit_to_serve(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    """Read again from the tables, not from the decision: a champion put there by other means is caught too."""
    faults = unfit_champions(warehouse.open(), date.fromisoformat(context.partition_key))
    return dg.AssetCheckResult(
        passed=not faults,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(faults) or "Every champion beats popular or is popular.",
        metadata={"faults": len(faults)},
    )


@dg.asset_check(
    asset=["models", "champions"],
    partitions_def=NIGHTLY,
    pool="warehouse",
    description="Warns where popular serves because nothing was surely better or nothing could be evaluated.",
)
def popular_did_not_have_to_serve(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    weak = weak_champions(warehouse.open(), date.fromisoformat(context.partition_key))
    return dg.AssetCheckResult(
        passed=not weak,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(weak) or "A personal model serves every task.",
        metadata={"tasks_served_by_popular": len(weak)},
    )
