"""Asset checks built from the suites: one step per stage, one blocking check per table.

Critical expectations block what comes after in the same run; warnings are a check of their own that is
only shown. Keep thresholds in ``expectations/`` and model logic with its stage.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby

import dagster as dg

from perso_pipeline.quality.suites import Outcome, Suite, docs_page, read_suites, run_suites
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource
from perso_pipeline.resources.warehouse_lock import WarehouseLock
from perso_pipeline.settings import Settings

GATE = "expectations"
WARNINGS = "expectation_warnings"


def build_gates() -> list[dg.AssetChecksDefinition]:
    """One gate step for each stage that has suites in ``expectations/``."""
    suites = read_suites(Settings().expectations_dir)
    return [_gate(stage, list(group)) for stage, group in groupby(suites, key=lambda suite: suite.stage)]


def _gate(stage: str, suites: Sequence[Suite]) -> dg.AssetChecksDefinition:
    @dg.multi_asset_check(
        name=f"{stage}_gate", specs=[s for suite in suites for s in _specs(suite)], can_subset=True, pool="warehouse"
    )
    def gate(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.asset_key.path[-1] for key in context.selected_asset_check_keys}
        chosen = [suite for suite in suites if suite.table.split(".")[1] in selected]
        store = warehouse.open()
        docs = settings.get().data_docs_dir
        with WarehouseLock.hold(store.path, purpose=f"{stage} gate"):
            outcomes = run_suites(
                chosen,
                warehouse_path=store.path,
                window=run_window(context.run),
                docs_dir=docs,
                memory_limit=warehouse.memory_limit,
                threads=warehouse.threads,
            )
        for suite in chosen:
            for key, result in _results(suite, outcomes[suite.table], docs=str(docs_page(docs, suite.table))):
                if key in context.selected_asset_check_keys:
                    yield result

    return gate


def run_window(run: dg.DagsterRun) -> tuple[date, date] | None:
    """First and last night of a run, None for one without partitions."""
    tags = run.tags
    first = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    last = tags.get("dagster/asset_partition_range_end") or tags.get("dagster/partition")
    return (date.fromisoformat(first), date.fromisoformat(last)) if first and last else None


def _specs(suite: Suite) -> Iterator[dg.AssetCheckSpec]:
    key = dg.AssetKey(suite.table.split("."))
    yield dg.AssetCheckSpec(GATE, asset=key, blocking=True, description=suite.purpose or None)
    if suite.has_warnings:
        yield dg.AssetCheckSpec(WARNINGS, asset=key, description=f"{suite.purpose} (shown, does not block)")


def _results(
    suite: Suite, outcomes: Sequence[Outcome], *, docs: str
) -> Iterator[tuple[dg.AssetCheckKey, dg.AssetCheckResult]]:
    asset = dg.AssetKey(suite.table.split("."))
    critical = [o for o in outcomes if o.is_critical]
    warnings = [o for o in outcomes if not o.is_critical]
    key = dg.AssetCheckKey(asset, GATE)
    yield key, _result(key, critical, severity=dg.AssetCheckSeverity.ERROR, docs=docs)
    if warnings:
        key = dg.AssetCheckKey(asset, WARNINGS)
        yield key, _result(key, warnings, severity=dg.AssetCheckSeverity.WARN, docs=docs)


def _result(
    key: dg.AssetCheckKey, outcomes: Sequence[Outcome], *, severity: dg.AssetCheckSeverity, docs: str
) -> dg.AssetCheckResult:
    unmet = [o for o in outcomes if not o.is_met]
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=not unmet,
        severity=severity,
        description=_sentence(unmet) if unmet else f"{len(outcomes)} expectations met",
        metadata={"expectations": dg.MetadataValue.md(_table(outcomes)), "data docs": dg.MetadataValue.path(docs)},
    )


def _sentence(unmet: Sequence[Outcome]) -> str:
    first = unmet[0]
    fault = f"could not be evaluated: {first.error[:300]}" if first.error else f"not met ({first.observed})"
    more = f"; {len(unmet) - 1} more" if len(unmet) > 1 else ""
    return f"{first.expectation} {fault}{more}"


def _table(outcomes: Iterable[Outcome]) -> str:
    rows = [
        f"| {'met' if o.is_met else 'could not be evaluated' if o.error else 'NOT met'} "
        f"| {o.expectation.replace('|', '/')} | {o.observed} |"
        for o in outcomes
    ]
    return "\n".join(["| | expectation | observed |", "|---|---|---|", *rows])
