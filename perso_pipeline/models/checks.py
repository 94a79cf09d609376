"""Checks of the stage that are about model quality; what columns may hold stands in ``expectations/``."""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from perso_pipeline.models.inputs import site_configs
from perso_pipeline.models.pins import read_pins
from perso_pipeline.models.quality import (
    champion_reasons,
    pinned_champions,
    unfit_champions,
    unknown_segments,
    weak_champions,
)
from perso_pipeline.resources.display import cell, markdown_table
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource


@dg.asset_check(
    asset=["models", "champions"],
    blocking=True,
    partitions_def=NIGHTLY,
    pool="warehouse",
    description="No model serves unless it is surely better than popular, shows enough of the catalogue and harms no "
    "slice of the people; every evaluated site and task has a champion. Says who serves and why.",
)
def champion_is_fit_to_serve(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> dg.AssetCheckResult:
    """Read again from the tables, not from the decision: a champion put there by other means is caught too."""
    night, here, config_dir = date.fromisoformat(context.partition_key), warehouse.open(), settings.get().config_dir
    faults = unfit_champions(here, night, site_configs(config_dir), read_pins(config_dir))
    reasons = champion_reasons(here, night)
    said = here.query(
        "select site_id, task, model, may_serve, words from models.model_verdicts where night = ? "
        "order by site_id, task, place",
        [night],
    )
    return dg.AssetCheckResult(
        passed=not faults,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(faults) or " ".join(reasons),
        metadata={
            "faults": len(faults),
            "champions": dg.MetadataValue.md("\n".join(f"- {cell(reason, longest=None)}" for reason in reasons)),
            "verdicts": dg.MetadataValue.md(markdown_table(said, limit=200, longest=None)),
        },
    )


@dg.asset_check(
    asset=["models", "champions"],
    partitions_def=NIGHTLY,
    pool="warehouse",
    description="Warns where somebody rolled back and the race has no say; 'perso models release' ends that.",
)
def champion_was_chosen_by_the_race(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> dg.AssetCheckResult:
    pins = read_pins(settings.get().config_dir)
    pinned = pinned_champions(warehouse.open(), date.fromisoformat(context.partition_key), pins)
    return _warning(pinned, sound="No model is pinned.")


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
    return _warning(weak, sound="A personal model serves every task.")


@dg.asset_check(
    asset=["models", "submodels"],
    partitions_def=NIGHTLY,
    pool="warehouse",
    description="Warns where a submodel of models.yml names a segment that the night does not have: nobody is in it.",
)
def submodels_name_segments_that_exist(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    unknown = unknown_segments(warehouse.open(), date.fromisoformat(context.partition_key))
    return _warning(unknown, sound="Every segment that a submodel names is there.")


def _warning(lines: Sequence[str], *, sound: str) -> dg.AssetCheckResult:
    """Names each line; nothing that follows is stopped."""
    return dg.AssetCheckResult(
        passed=not lines,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(lines) or sound,
        metadata={"found": len(lines)},
    )
