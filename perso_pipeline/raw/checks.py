"""The checks of the raw stage: nothing lost and not much refused (blocking), nothing new without notice (a warning).

The comparisons are in ``conservation``. Thresholds on values belong to ``expectations/``.
"""

from collections.abc import Iterator, Mapping
from datetime import date

import dagster as dg

from perso_pipeline.contracts.streams import STREAMS
from perso_pipeline.raw.conservation import MOST_REJECTED_SHARE, conservation, refused_nights, unknown_fields
from perso_pipeline.resources.warehouse import WarehouseResource

ACCOUNTED_FOR = "every_record_is_accounted_for"
FEW_REJECTED = "few_records_are_rejected"
NO_DRIFT = "no_unknown_fields"


def _specs() -> Iterator[dg.AssetCheckSpec]:
    for name in STREAMS:
        yield dg.AssetCheckSpec(
            ACCOUNTED_FOR,
            asset=["raw", name],
            blocking=True,
            description="Accepted, rejected and erased records add up to the delivered ones, file by file.",
        )
        yield dg.AssetCheckSpec(
            FEW_REJECTED,
            asset=["raw", name],
            blocking=True,
            description=f"No night has more than {MOST_REJECTED_SHARE:.0%} of its records rejected: a sender has "
            "changed its format, and what is left would pass for a quiet day.",
        )
        yield dg.AssetCheckSpec(
            NO_DRIFT,
            asset=["raw", name],
            description="No record carries a field that the contract does not know; such fields are kept in payload.",
        )


def _nights(tags: Mapping[str, str]) -> dict[str, date]:
    """The nights of a run; all nights for one that was started without any."""
    first = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    last = tags.get("dagster/asset_partition_range_end") or tags.get("dagster/partition")
    return {
        "first": date.fromisoformat(first) if first else date.min,
        "last": date.fromisoformat(last) if last else date.max,
    }


@dg.multi_asset_check(name="raw_checks", specs=list(_specs()), can_subset=True, pool="warehouse")
def raw_checks(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> Iterator[dg.AssetCheckResult]:
    """Count the run's nights again and name what is new."""
    nights = _nights(context.run.tags)
    for key in sorted(context.selected_asset_check_keys):
        stream = key.asset_key.path[-1]
        if key.name == ACCOUNTED_FOR:
            result = conservation(warehouse.open(), stream, **nights)
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=not result.imbalances,
                description="; ".join(map(str, result.imbalances[:3]))
                or f"{result.records:,} records of {result.files:,} files.",
                metadata={
                    "files": result.files,
                    "records": result.records,
                    "files_that_do_not_add_up": len(result.imbalances),
                },
            )
        elif key.name == FEW_REJECTED:
            refused = refused_nights(warehouse.open(), stream, **nights)
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=not refused,
                description="; ".join(map(str, refused[:3])) or "No night was refused.",
                metadata={"nights": len(refused)},
            )
        else:
            fields = unknown_fields(warehouse.open(), stream, **nights)
            named = ", ".join(f"{name} ({records:,})" for name, records in list(fields.items())[:10])
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=not fields,
                severity=dg.AssetCheckSeverity.WARN,
                description=f"Not in the contract: {named}." if fields else "All fields are in the contract.",
                metadata={"unknown_fields": len(fields)},
            )
