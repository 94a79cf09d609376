"""What a night's lists earned, as metrics on the MLflow runs of the night's champions, so that whoever compares models
sees money beside accuracy.

Figures are those of the report. Keep MLflow itself in ``resources.tracking``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.measurement.report.data import ReportData

_CHAMPIONS = """
    select site_id, task, model, version, mlflow_run_id
    from models.champions where night = $night and mlflow_run_id is not null order by site_id, task
"""
_EFFECTS = {"net_revenue_per_visitor": "lift_in_net_revenue", "orders_per_visitor": "lift_in_orders"}
_ENDS = {"relative_lift": "", "relative_sequence_low": "_low", "relative_sequence_high": "_high"}


@dataclass(frozen=True)
class Champion:
    """A model that made a site's lists of a task, and its run."""

    site_id: str
    task: str
    model: str
    version: str
    run_id: str


def champions(warehouse: Warehouse, night: date) -> list[Champion]:
    """The night's champions; none where no model was trained."""
    if not warehouse.exists("models.champions"):
        return []
    return [Champion(*row.values()) for row in warehouse.query(_CHAMPIONS, {"night": night}).to_pylist()]


def earned(data: ReportData, site_id: str) -> Mapping[str, float]:
    """Metrics of one site over the report's recent days; what cannot be said is left out.

    Amounts are in the site's currency. Effects are of the holdout, each with the interval that holds at every look.
    """
    found: dict[str, float] = {}
    for row in data.totals:
        if row["site_id"] == site_id:
            found["net_revenue"] = float(row["net"])
            found["net_revenue_through_recommendations"] = float(row["recommended_net"] or 0)
    shown = [row for row in data.funnel if row["site_id"] == site_id and row["variant"] != "control"]
    clicks = sum(row["clicks"] for row in shown)
    for name, column in (("ctr_per_impression", "impressions"), ("ctr_per_call", "requests")):
        whole = sum(row[column] for row in shown)
        if whole:
            found[name] = clicks / whole
    for row in data.lift:
        if row["site_id"] == site_id and row["kind"] == "holdout" and row["metric"] in _EFFECTS:
            for column, ending in _ENDS.items():
                if row[column] is not None:
                    found[f"{_EFFECTS[row['metric']]}{ending}"] = row[column]
    return {f"earned/{name}": value for name, value in sorted(found.items())}
