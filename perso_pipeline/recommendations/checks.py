"""The gate before publication as asset checks on ``recommendations/recommendations``.

Four always block publication, the two that hold a night against an earlier one do beyond their ``stop_*`` limits.
Thresholds are in ``config/scenarios.yml``, the logic is in ``gate`` and ``gate_history``.
"""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from perso_pipeline.recommendations import findings, gate, gate_history
from perso_pipeline.recommendations.conflicts import conflicts
from perso_pipeline.recommendations.scenarios import read_scenarios
from perso_pipeline.resources.display import markdown_table
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource

_ASSET = dg.AssetKey(["recommendations", "recommendations"])
_MEANINGS = {
    findings.NO_LEAK: gate.no_leak,
    findings.FILLED: gate.filled,
    findings.COVERED: gate.covered,
    findings.FRESH: gate_history.fresh,
    findings.NEAR_LAST_NIGHT: gate_history.near_last_night,
    findings.FIRST_LEVEL_SERVES: gate_history.first_level_serves,
}
# a blocking check stops what follows only when it fails as an error, which each finding says of itself
_SPECS = [
    dg.AssetCheckSpec(name, asset=_ASSET, blocking=True, description=(meaning.__doc__ or "").splitlines()[0])
    for name, meaning in _MEANINGS.items()
]


@dg.multi_asset_check(name="publication_gate", specs=_SPECS, pool="warehouse")
def publication_gate(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> Iterator[dg.AssetCheckResult]:
    """No leak, full, covered, fresh; near last night, carried by first levels (these two as their limits say)."""
    night = date.fromisoformat(context.partition_key)
    scenarios = read_scenarios(settings.get().config_dir)
    for finding in gate.inspect(warehouse.open(), scenarios, night=night):
        severity = dg.AssetCheckSeverity.ERROR if finding.stops else dg.AssetCheckSeverity.WARN
        yield dg.AssetCheckResult(
            asset_key=_ASSET,
            check_name=finding.check,
            passed=finding.passed,
            severity=severity,
            description=finding.message,
            metadata={
                "rows": finding.rows.num_rows,
                "shown": dg.MetadataValue.md(markdown_table(finding.rows, limit=20)),
            },
        )


@dg.asset_check(asset=_ASSET, name="rules_agree", description="No two merchandising rules get in each other's way.")
def rules_agree(settings: SettingsResource) -> dg.AssetCheckResult:
    """Shown, not blocking: precedence decides a conflict, and who wrote the rules should know."""
    found = conflicts(read_scenarios(settings.get().config_dir))
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(one.sentence for one in found) or "no two rules get in each other's way",
        metadata={"conflicts": len(found)},
    )
