"""The gate before publication as asset checks on ``recommendations/recommendations``.

Four block publication, two are shown. Thresholds are in ``config/scenarios.yml``, the logic is in ``gate``.
"""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from perso_pipeline.recommendations import gate
from perso_pipeline.recommendations.conflicts import conflicts
from perso_pipeline.recommendations.scenarios import read_scenarios
from perso_pipeline.resources.display import markdown_table
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource

_ASSET = dg.AssetKey(["recommendations", "recommendations"])
_MEANINGS = {
    gate.NO_LEAK: gate.no_leak,
    gate.FILLED: gate.filled,
    gate.COVERED: gate.covered,
    gate.FRESH: gate.fresh,
    gate.NEAR_LAST_NIGHT: gate.near_last_night,
    gate.FIRST_LEVEL_SERVES: gate.first_level_serves,
}
_SPECS = [
    dg.AssetCheckSpec(
        name, asset=_ASSET, blocking=name in gate.BLOCKING, description=(meaning.__doc__ or "").splitlines()[0],
    )
    for name, meaning in _MEANINGS.items()
]  # fmt: skip


@dg.multi_asset_check(name="publication_gate", specs=_SPECS, pool="warehouse")
def publication_gate(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> Iterator[dg.AssetCheckResult]:
    """No leak, full, covered, fresh (blocking); near last night, carried by first levels (shown)."""
    night = date.fromisoformat(context.partition_key)
    scenarios = read_scenarios(settings.get().config_dir)
    for finding in gate.inspect(warehouse.open(), scenarios, night=night):
        severity = dg.AssetCheckSeverity.ERROR if finding.check in gate.BLOCKING else dg.AssetCheckSeverity.WARN
        yield dg.AssetCheckResult(
            asset_key=_ASSET,
            check_name=finding.check,
            passed=finding.passed,
            severity=severity,
            description=finding.sentence,
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
