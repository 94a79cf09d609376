"""The raw stage in Dagster: one step that loads the landing folders of a range of nights.

Keep everything worth testing without Dagster in ``load``.
"""

from collections.abc import Iterator
from datetime import date

import dagster as dg
import pyarrow as pa

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.sites import Sites
from perso_pipeline.contracts.streams import LANDING_DESCRIPTIONS, STREAMS, Stream
from perso_pipeline.raw.load import load_nights
from perso_pipeline.raw.report import LoadReport, StreamReport
from perso_pipeline.raw.suppression import read_list
from perso_pipeline.raw.tables import stream_columns
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.warehouse import WarehouseResource

REJECTED = dg.AssetKey(["raw", "rejected_records"])
SITES = dg.AssetKey(["raw", "sites"])
USER_AGENTS = dg.AssetKey(["raw", "user_agents"])
_RESUMED = ["raw", "resumed_erasures"]  # an erasure that was killed is finished before anything is loaded
_REASONS = """
    select stream, any_value(reason) as example, count(*) as records
    from raw.rejected_records
    where load_date between $first and $last
    group by stream, regexp_replace(reason, '''.*''|-?[0-9][0-9.:-]*', '…', 'g')
    order by records desc, stream, example
    limit 10"""


def _spec(stream: Stream) -> dg.AssetSpec:
    words = LANDING_DESCRIPTIONS | {"is_robot": "Whether the record comes from a robot."}
    words |= {field.column: field.description for field in stream.fields}
    columns = [dg.TableColumn(c, t, description=words.get(c)) for c, t in stream_columns(stream).items()]
    return dg.AssetSpec(
        ["raw", stream.name],
        description=f"One row per accepted delivered record, duplicates kept. {stream.description}",
        group_name="raw",
        kinds={"python", "duckdb"},
        owners=["team:perso"],
        skippable=True,
        deps=[_RESUMED],
        metadata={"dagster/column_schema": dg.TableSchema(columns)},
    )


_REJECTED_SPEC = dg.AssetSpec(
    REJECTED,
    description=(
        "One row per rejected delivered record, with file, line, reason and text. `perso replay` reads them again."
    ),
    group_name="raw",
    kinds={"python", "duckdb"},
    owners=["team:perso"],
    skippable=True,
    deps=[_RESUMED],
)
_SITES_SPEC = dg.AssetSpec(
    SITES,
    description="One row per site of config/sites.yml, as of the last load.",
    group_name="raw",
    kinds={"python", "duckdb"},
    owners=["team:perso"],
    skippable=True,
    deps=[_RESUMED],
)

_USER_AGENTS_SPEC = dg.AssetSpec(
    USER_AGENTS,
    description="One row per user agent that came with a storefront event: the device, browser and system it names.",
    group_name="raw",
    kinds={"python", "duckdb"},
    owners=["team:perso"],
    skippable=True,
    deps=[_RESUMED],
)


@dg.multi_asset(
    name="raw_load",
    specs=[*map(_spec, STREAMS.values()), _REJECTED_SPEC, _SITES_SPEC, _USER_AGENTS_SPEC],
    can_subset=True,
    partitions_def=NIGHTLY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool="warehouse",
)
def raw_load(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> Iterator[dg.MaterializeResult]:
    """Landing folders of the nights into raw tables, each record accepted or rejected with a reason."""
    given = settings.get()
    window = context.partition_key_range
    streams = [name for name in STREAMS if dg.AssetKey(["raw", name]) in context.selected_asset_keys]
    if not streams and REJECTED in context.selected_asset_keys:  # it is filled by loading all of them
        streams = list(STREAMS)
    sites = read_config(given.config_dir / "sites.yml", Sites)
    report = load_nights(
        warehouse.open(),
        landing_dir=given.landing_dir,
        sites=sites,
        first=date.fromisoformat(window.start),
        last=date.fromisoformat(window.end),
        hash_key=given.hash_key_bytes,
        streams=streams,
        suppressed=read_list(given.erasures_dir),
    )
    for result in report.streams:
        context.log.info(
            "%s: %d accepted and %d rejected of %d", result.stream, result.accepted, result.rejected, result.delivered
        )
        if dg.AssetKey(["raw", result.stream]) in context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=["raw", result.stream], metadata=_stream_metadata(result, report))
    if SITES in context.selected_asset_keys:
        yield dg.MaterializeResult(asset_key=SITES, metadata={"dagster/row_count": len(sites.sites)})
    if USER_AGENTS in context.selected_asset_keys:
        known = warehouse.open().query(
            "select device_type, count(*) as agents from raw.user_agents group by all order by all"
        )
        yield dg.MaterializeResult(
            asset_key=USER_AGENTS,
            metadata={
                "dagster/row_count": sum(known["agents"].to_pylist()),
                "devices": dg.MetadataValue.md(_table(known) or "none"),
            },
        )
    if REJECTED in context.selected_asset_keys:
        reasons = warehouse.open().query(_REASONS, {"first": report.first, "last": report.last})
        yield dg.MaterializeResult(
            asset_key=REJECTED,
            metadata={
                "dagster/row_count": report.rejected,
                "window": _window(report),
                "misplaced": report.misplaced,
                "reasons": dg.MetadataValue.md(_table(reasons) or "none"),
            },
        )


def _stream_metadata(result: StreamReport, report: LoadReport) -> dict[str, dg.MetadataValue | str | int]:
    drift = "\n".join(f"- `{name}`: {records:,}" for name, records in result.drift.items())
    return {
        "dagster/row_count": result.accepted,
        "window": _window(report),
        "files": result.files,
        "delivered": result.delivered,
        "rejected": result.rejected,
        "erased": result.erased,
        "unknown_fields": dg.MetadataValue.md(drift or "none"),
    }


def _window(report: LoadReport) -> str:
    return f"{report.first} to {report.last}"


def _table(rows: pa.Table) -> str:
    lines = [
        "| " + " | ".join(str(value).replace("|", "\\|").replace("\n", " ") for value in row.values()) + " |"
        for row in rows.to_pylist()
    ]
    header = ["| " + " | ".join(rows.column_names) + " |", "|" + "---|" * rows.num_columns]
    return "\n".join(header + lines) if lines else ""
