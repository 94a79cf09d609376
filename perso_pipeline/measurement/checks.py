"""Checks of measurement's own: figures that must be those of the facts (blocking), and what nobody should trust.

The comparisons are in ``reconcile*.py``, ``restatement.py``, ``health.py`` and ``self_tests.py``.
"""

from datetime import date

import dagster as dg

from perso_pipeline.measurement.arm_facts import arm_faults
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
    asset=["measurement", "lift_moments"],
    name="arms_sum_to_the_facts",
    description="Visitors, orders and net revenue of each arm are those of served records, hash and ledger.",
    blocking=True,
    pool="warehouse",
)
def arms_sum_to_the_facts(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> dg.AssetCheckResult:
    """Work the night's arms out a second time."""
    found = [str(fault) for fault in arm_faults(warehouse.open(), date.fromisoformat(context.partition_key))]
    return dg.AssetCheckResult(
        passed=not found,
        description="; ".join(found[:3]) or "Every arm is as the facts have it.",
        metadata={"faults": dg.MetadataValue.md("\n".join(f"- {line}" for line in found[:50]) or "none")},
    )


@dg.asset_check(
    asset=["measurement", "experiment_health"],
    name="experiments_may_be_believed",
    description="Arms have their sizes, were alike before, are served what they are due, and their orders arrive.",
    pool="warehouse",
)
def experiments_may_be_believed(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    """Name what is broken; the lift of it says so too and states no effect."""
    return _named(
        warehouse,
        """
        select experiment_id || ' on ' || site_id || ', ' || check_name || ': ' || sentence as line
        from measurement.experiment_health where night = $night and status = 'broken' order by line
        """,
        context.partition_key,
        sound="Nothing speaks against any experiment.",
    )


@dg.asset_check(
    asset=["measurement", "self_tests"],
    name="intervals_keep_their_word",
    description="On splits of its own visitors no estimator finds more than it may or misses what was planted.",
    pool="warehouse",
)
def intervals_keep_their_word(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    """Name the estimators whose share lies outside what chance allows."""
    return _named(
        warehouse,
        """
        select test || ' of ' || metric || ' by ' || estimator || ' on ' || site_id || ': '
            || round(100 * share, 1) || ' % of splits, expected from ' || round(100 * share_low, 1) || ' to '
            || round(100 * share_high, 1) || ' %' as line
        from measurement.self_tests where night = $night and status = 'does not hold' order by line
        """,
        context.partition_key,
        sound="Every interval keeps its word.",
    )


def _named(warehouse: WarehouseResource, sql: str, partition_key: str, *, sound: str) -> dg.AssetCheckResult:
    """A warning that names each line of the query; nothing that follows is stopped."""
    lines = warehouse.open().query(sql, {"night": date.fromisoformat(partition_key)})["line"].to_pylist()
    return dg.AssetCheckResult(
        passed=not lines,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(lines[:3]) or sound,
        metadata={"found": dg.MetadataValue.md("\n".join(f"- {line}" for line in lines[:50]) or "none")},
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
