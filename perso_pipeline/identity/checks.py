"""The checks of the identity map, both blocking: everybody has a person, and one at a time."""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from perso_pipeline.identity.invariants import broken_stretches, without_person
from perso_pipeline.resources.warehouse import WarehouseResource

_MAP = dg.AssetKey(["identity", "identity_map"])
_QUESTIONS = {
    "an_identifier_has_one_person_at_a_time": (
        broken_stretches,
        "The stretches of an identifier follow one another without gap or overlap, and the last has no end.",
    ),
    "every_identifier_has_a_person": (
        without_person,
        "Whoever a record names is somebody from the night on which it became known.",
    ),
}


@dg.multi_asset_check(
    name="identity_checks",
    specs=[
        dg.AssetCheckSpec(name, asset=_MAP, blocking=True, description=text)
        for name, (_, text) in _QUESTIONS.items()
    ],
    can_subset=True,
    pool="warehouse",
)  # fmt: skip
def identity_checks(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> Iterator[dg.AssetCheckResult]:
    """Ask for the identifiers of the run's nights that break a rule."""
    tags = context.run.tags
    first = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    last = tags.get("dagster/asset_partition_range_end") or tags.get("dagster/partition")
    nights = {
        "first": date.fromisoformat(first) if first else date.min,
        "last": date.fromisoformat(last) if last else date.max,
    }
    for key in sorted(context.selected_asset_check_keys):
        question, _ = _QUESTIONS[key.name]
        found = question(warehouse.open(), **nights)
        yield dg.AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=not found,
            description=f"Not so for {', '.join(found)}." if found else "Holds for everybody of the nights.",
        )
