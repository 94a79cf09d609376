"""Measurement in Dagster: settings as tables, the SQL models, lift, the report."""

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction

import dagster as dg
import pyarrow as pa

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.measurement.config import Experiments, MeasurementConfig
from perso_pipeline.measurement.lift_table import lift_table
from perso_pipeline.measurement.reconcile import reconcile
from perso_pipeline.measurement.report import write_report
from perso_pipeline.measurement.report_data import read_report_data
from perso_pipeline.measurement.settings_tables import experiments_table, report_window_table
from perso_pipeline.resources.dbt import dbt_stage
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
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
        "experiments": experiments_table(read_config(folder / "experiments.yml", Experiments), night),
        "report_windows": report_window_table(config, night, known_erasures=erasures),
    }
    for name, rows in tables.items():
        store.write_partition(f"measurement.{name}", rows, {"night": night})
        yield dg.MaterializeResult(asset_key=["measurement", name], metadata=_shown(rows))


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


@dg.asset(
    key=["measurement", "lift"],
    deps=[
        ["measurement", "lift_moments"],
        ["measurement", "experiments"],
        ["raw", "sites"],
        ["staging", "stg_exchange_rates"],
    ],
    partitions_def=NIGHTLY,
    pool="warehouse",
    group_name=_GROUP,
    kinds={"python", "duckdb"},
    owners=_OWNERS,
)
def lift(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> dg.MaterializeResult:
    """One row per night, experiment, site and metric: what recommendations added, or why it cannot be said."""
    night = date.fromisoformat(context.partition_key)
    store = warehouse.open()
    config = read_config(settings.get().config_dir / "measurement.yml", MeasurementConfig)
    moments = store.query("select * from measurement.lift_moments where night = $night", {"night": night})
    shares = store.query(
        "select experiment_id, holdout_share from measurement.experiments where night = $night", {"night": night}
    )
    rates = store.query(_RATES, {"night": night, "currency": config.report_currency})
    rows = lift_table(
        moments,
        night=night,
        shares={row["experiment_id"]: row["holdout_share"] for row in shares.to_pylist()},
        sites=store.query("select site_id from raw.sites order by site_id").column("site_id").to_pylist(),
        config=config,
        rates={row["from_currency"]: Fraction(row["rate"]) for row in rates.to_pylist()},
    )
    store.write_partition("measurement.lift", rows, {"night": night})
    return dg.MaterializeResult(metadata=_shown(rows.drop_columns(["night", "p_value"])))


@dg.asset(
    key=["measurement", "report"],
    deps=[
        ["measurement", name]
        for name in (
            "revenue_report",
            "attributed_revenue",
            "recommendation_funnel",
            "lift",
            "readiness",
            "report_windows",
        )
    ]
    + [["segments", "segment_catalogue"]],
    partitions_def=NIGHTLY,
    pool="warehouse",
    group_name=_GROUP,
    kinds={"python", "html"},
    owners=_OWNERS,
)
def report(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> dg.MaterializeResult:
    """The page a manager opens: revenue, what recommendations added, and what to trust; a CSV beside it."""
    night = date.fromisoformat(context.partition_key)
    store, home = warehouse.open(), settings.get()
    config = read_config(home.config_dir / "measurement.yml", MeasurementConfig)
    ledger = reconcile(store, night)
    data = read_report_data(
        store, night, movements=ledger.movements, differences=tuple(str(found) for found in ledger.differences)
    )
    page = write_report(data, config, home.reports_dir / night.isoformat())
    return dg.MaterializeResult(
        metadata={
            "report": dg.MetadataValue.url(page.as_uri()),
            "path": dg.MetadataValue.path(str(page)),
            "window": f"{night - timedelta(days=config.report_days - 1)} to {night}",
            "bytes": page.stat().st_size,
        }
    )


def _shown(rows: pa.Table) -> dict[str, dg.MetadataValue | int]:
    preview = rows.slice(0, 10).to_pylist()
    head = "| " + " | ".join(rows.column_names) + " |\n|" + "---|" * rows.num_columns
    lines = ["| " + " | ".join("" if value is None else str(value) for value in row.values()) + " |" for row in preview]
    return {"dagster/row_count": rows.num_rows, "preview": dg.MetadataValue.md("\n".join([head, *lines]))}
