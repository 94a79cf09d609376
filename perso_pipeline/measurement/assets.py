"""Measurement in Dagster: settings as tables, the SQL models, lift, the report."""

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction

import dagster as dg
import pyarrow as pa

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.experiments import Experiments
from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.earned import champions, earned
from perso_pipeline.measurement.export import EXPORTED, export_tables
from perso_pipeline.measurement.health import broken, experiment_health
from perso_pipeline.measurement.lift_table import lift_tables
from perso_pipeline.measurement.reconcile import reconcile
from perso_pipeline.measurement.report.data import read_report_data
from perso_pipeline.measurement.report.page import TABLES, headline_of, write_page
from perso_pipeline.measurement.self_tests import self_tests
from perso_pipeline.measurement.settings_tables import experiments_table, report_window_table
from perso_pipeline.resources.dbt import dbt_stage
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.tracking import STEP_WITH_MLFLOW, TrackingResource
from perso_pipeline.resources.warehouse import WarehouseResource

_GROUP, _OWNERS = "measurement", ["team:perso"]

_SETTINGS = {
    "experiments": "One row per night and experiment of config/experiments.yml that has begun.",
    "report_windows": "One row per night: first and last day of its report, from config/measurement.yml.",
}


@dg.multi_asset(
    name="measurement_settings",
    specs=[
        dg.AssetSpec(
            key=["measurement", table],
            description=description,
            group_name=_GROUP,
            kinds={"python", "duckdb"},
            owners=_OWNERS,
        )
        for table, description in _SETTINGS.items()
    ],
    partitions_def=NIGHTLY,
    pool="warehouse",
)
def measurement_settings(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> Iterator[dg.MaterializeResult]:
    """Hand the owner's settings to SQL, as of the night."""
    night = date.fromisoformat(context.partition_key)
    folder, store = settings.get().config_dir, warehouse.open()
    config = read_config(folder / "measurement.yml", MeasurementConfig)
    erasures = store.query(_ERASURES)["erasures"][0].as_py() if store.exists("raw.erasures") else 0
    tables = {
        "experiments": experiments_table(read_config(folder / "experiments.yml", Experiments), config, night),
        "report_windows": report_window_table(config, night, known_erasures=erasures),
    }
    for name, rows in tables.items():
        store.write_partition(f"measurement.{name}", rows, {"night": night})
        yield dg.MaterializeResult(asset_key=["measurement", name], metadata=_shown(rows))


_LIFT = {
    "lift": "One row per night, experiment, site and metric: what recommendations added, or why it cannot be said.",
    "lift_cells": "One row per night, experiment, site, period, cell, metric and estimator: the same of every cell.",
}

measurement_tables = dbt_stage("measurement", select="path:models/measurement", per_night=True)


_ERASURES = """
    select count(distinct erasure_id) as erasures from raw.erasures
    where table_name = 'interactions.order_movements' and rows > 0"""

# of each currency the newest day's rate, as it first became known
_RATES = """
    select from_currency, rate
    from staging.stg_exchange_rates
    where to_currency = $currency and known_on <= $night and rate > 0
    qualify row_number() over (
        partition by from_currency order by event_date desc, known_on, occurred_at desc, event_id
    ) = 1"""


_ENDED = "select experiment_id from measurement.experiments where night = $night and ends_on < $night"
_HEALTH = "select * from measurement.experiment_health where night = $night"


@dg.asset(
    key=["measurement", "experiment_health"],
    deps=[
        ["measurement", "lift_moments"],
        ["measurement", "assignments"],
        ["measurement", "experiments"],
        ["interactions", "session_events"],
        ["interactions", "order_movements"],
    ],
    partitions_def=NIGHTLY,
    pool="warehouse",
    group_name=_GROUP,
    kinds={"python", "duckdb"},
    owners=_OWNERS,
)
def health(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> dg.MaterializeResult:
    """One row per night, experiment, site and check: whether its arms are what they should be."""
    night = date.fromisoformat(context.partition_key)
    store = warehouse.open()
    config = read_config(settings.get().config_dir / "measurement.yml", MeasurementConfig)
    rows = experiment_health(store, night, shares=_control_shares(store, night), config=config)
    store.write_partition("measurement.experiment_health", rows, {"night": night})
    return dg.MaterializeResult(metadata=_shown(rows.drop_columns(["night"])))


@dg.multi_asset(
    name="lift",
    specs=[
        dg.AssetSpec(
            key=["measurement", table],
            description=description,
            deps=[
                ["measurement", "lift_moments"],
                ["measurement", "experiment_health"],
                ["measurement", "experiments"],
                ["raw", "sites"],
                ["staging", "stg_exchange_rates"],
            ],
            group_name=_GROUP,
            kinds={"python", "duckdb"},
            owners=_OWNERS,
        )
        for table, description in _LIFT.items()
    ],
    partitions_def=NIGHTLY,
    pool="warehouse",
)
def lift(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> Iterator[dg.MaterializeResult]:
    """Effects with their intervals and words."""
    night = date.fromisoformat(context.partition_key)
    store = warehouse.open()
    config = read_config(settings.get().config_dir / "measurement.yml", MeasurementConfig)
    rates = store.query(_RATES, {"night": night, "currency": config.report_currency})
    tables = lift_tables(
        store.query("select * from measurement.lift_moments where night = $night", {"night": night}),
        night=night,
        shares=_control_shares(store, night),
        ended=store.query(_ENDED, {"night": night})["experiment_id"].to_pylist(),
        sites=store.query("select site_id from raw.sites order by site_id").column("site_id").to_pylist(),
        broken=broken(store.query(_HEALTH, {"night": night})),
        config=config,
        rates={row["from_currency"]: Fraction(row["rate"]) for row in rates.to_pylist()},
    )
    for name, rows in (("lift", tables.lift), ("lift_cells", tables.cells)):
        store.write_partition(f"measurement.{name}", rows, {"night": night})
        yield dg.MaterializeResult(asset_key=["measurement", name], metadata=_shown(rows.drop_columns(["night"])))


@dg.asset(
    key=["measurement", "self_tests"],
    deps=[["measurement", "unit_outcomes"], ["measurement", "assignments"], ["measurement", "experiments"]],
    partitions_def=NIGHTLY,
    pool="warehouse",
    group_name=_GROUP,
    kinds={"python", "duckdb"},
    owners=_OWNERS,
)
def measurement_of_itself(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> dg.MaterializeResult:
    """One row per night, holdout, site, metric and estimator: whether its intervals keep their word."""
    night = date.fromisoformat(context.partition_key)
    store = warehouse.open()
    config = read_config(settings.get().config_dir / "measurement.yml", MeasurementConfig)
    rows = self_tests(store, night, shares=_control_shares(store, night), config=config)
    store.write_partition("measurement.self_tests", rows, {"night": night})
    return dg.MaterializeResult(metadata=_shown(rows.drop_columns(["night"])))


def _control_shares(store: Warehouse, night: date) -> dict[str, float]:
    rows = store.query(
        "select experiment_id, control_share from measurement.experiments where night = $night", {"night": night}
    )
    return {row["experiment_id"]: row["control_share"] for row in rows.to_pylist()}


@dg.asset(
    key=["measurement", "report"],
    deps=[["measurement", name] for name in (*EXPORTED, "report_windows", "experiments")]
    + [["segments", "segment_catalogue"], ["models", "champions"]],
    partitions_def=NIGHTLY,
    group_name=_GROUP,
    kinds={"python", "html", "mlflow"},
    owners=_OWNERS,
    **STEP_WITH_MLFLOW,
)
def report(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    settings: SettingsResource,
    tracking: TrackingResource,
) -> dg.MaterializeResult:
    """The page a manager opens: revenue, what recommendations added, and what to trust; every table beside it."""
    night = date.fromisoformat(context.partition_key)
    store, home = warehouse.open(), settings.get()
    config = read_config(home.config_dir / "measurement.yml", MeasurementConfig)
    folder = home.reports_dir / night.isoformat()
    with store.connect(read_only=True, purpose="reading for the report"):  # to open it for each query costs 0.02 s
        ledger = reconcile(store, night)
        differences = tuple(str(found) for found in ledger.differences)
        data = read_report_data(store, night, movements=ledger.movements, differences=differences)
        files = export_tables(store, night, folder / TABLES)
        leaders = champions(store, night)
    page = write_page(data, config, folder, tables=tuple(f"{TABLES}/{name}" for name in files))
    runs = tracking.open() if leaders else None
    links = [
        f"- {one.site_id}, {one.task}: {one.model} {one.version}, MLflow UI `/{address}`"
        for one in leaders
        if runs and (address := runs.add_metrics(one.run_id, earned(data, one.site_id), night=night))
    ]
    return dg.MaterializeResult(
        metadata={
            "report": dg.MetadataValue.url(page.as_uri()),
            "path": dg.MetadataValue.path(str(page)),
            "tables": dg.MetadataValue.path(str(folder / TABLES)),
            "headline": headline_of(data),
            "mlflow": dg.MetadataValue.md("\n".join(links) or "No champion of this night has a run."),
            "window": f"{night - timedelta(days=config.report_days - 1)} to {night}",
            "bytes": page.stat().st_size,
        }
    )


def _shown(rows: pa.Table) -> dict[str, dg.MetadataValue | int]:
    preview = rows.slice(0, 10).to_pylist()
    head = "| " + " | ".join(rows.column_names) + " |\n|" + "---|" * rows.num_columns
    lines = ["| " + " | ".join("" if value is None else str(value) for value in row.values()) + " |" for row in preview]
    return {"dagster/row_count": rows.num_rows, "preview": dg.MetadataValue.md("\n".join([head, *lines]))}
