from datetime import date, timedelta
from decimal import Decimal

import pytest

from perso_pipeline.measurement.earned import champions, earned
from perso_pipeline.measurement.report.data import ReportData
from perso_pipeline.resources.tracked import ModelRun, NightRun
from perso_pipeline.resources.tracking import Tracking
from perso_pipeline.resources.warehouse import DuckDBWarehouse

NIGHT = date(2026, 1, 10)


def data(**rows):
    empty = {name: [] for name in ReportData.__annotations__ if name not in {"night", "movements", "differences"}}
    return ReportData(**{**empty, "night": NIGHT, "movements": 0, "differences": (), **rows})


def funnel_row(**more):
    row = {
        "site_id": "uk",
        "scenario_id": "home",
        "variant": "treatment",
        "requests": 200,
        "impressions": 100,
        "clicks": 5,
    }
    return {**row, **more}


def lift_row(**more):
    row = {
        "site_id": "uk", "kind": "holdout", "metric": "net_revenue_per_visitor", "relative_lift": 0.05,
        "relative_sequence_low": -0.01, "relative_sequence_high": 0.11,
    }  # fmt: skip
    return {**row, **more}


def test_metrics_of_a_site_are_those_of_its_report():
    shown = data(
        totals=[{"site_id": "uk", "net": Decimal("80.01"), "recommended_net": Decimal("9.00")}],
        funnel=[funnel_row(), funnel_row(clicks=1), funnel_row(variant="control", clicks=9), funnel_row(site_id="de")],
        lift=[lift_row(), lift_row(kind="test", relative_lift=9.0), lift_row(site_id="all", relative_lift=9.0)],
    )
    assert earned(shown, "uk") == {
        "earned/ctr_per_call": 6 / 400,
        "earned/ctr_per_impression": 6 / 200,
        "earned/lift_in_net_revenue": 0.05,
        "earned/lift_in_net_revenue_high": 0.11,
        "earned/lift_in_net_revenue_low": -0.01,
        "earned/net_revenue": 80.01,
        "earned/net_revenue_through_recommendations": 9.0,
    }


def test_what_cannot_be_said_is_no_metric():
    nothing = dict.fromkeys(("relative_lift", "relative_sequence_low", "relative_sequence_high"))
    assert earned(data(funnel=[funnel_row(requests=0, impressions=0)], lift=[lift_row(**nothing)]), "uk") == {}


def test_a_warehouse_without_models_has_no_champions(tmp_path):
    store = DuckDBWarehouse(tmp_path / "shop.duckdb")
    with store.connect() as connection:
        connection.execute("create schema measurement")
    assert champions(store, NIGHT) == []


@pytest.fixture
def tracking(tmp_path):
    return Tracking(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts")


def test_a_night_that_runs_again_replaces_its_metrics_and_a_later_one_adds_a_step(tracking):
    night = NightRun(
        site_id="uk", night=NIGHT, key="k", tags={}, params={}, figures={}, models=[ModelRun("item_knn", {}, {})]
    )
    run_id = tracking.record(night).models["item_knn"]
    address = tracking.add_metrics(run_id, {"earned/net_revenue": 10.0}, night=NIGHT)
    assert f"/runs/{run_id}" in address
    tracking.add_metrics(run_id, {"earned/net_revenue": 8.0}, night=NIGHT)
    client = tracking._client
    assert client.get_run(run_id).data.metrics["earned/net_revenue"] == 8.0
    assert client.get_run(run_id).info.status == "FINISHED"
    tracking.add_metrics(run_id, {"earned/net_revenue": 9.0}, night=NIGHT + timedelta(days=1))
    history = client.get_metric_history(run_id, "earned/net_revenue")
    assert {point.step for point in history} == {NIGHT.toordinal(), NIGHT.toordinal() + 1}


def test_a_run_that_mlflow_does_not_have_is_said(tracking):
    assert tracking.add_metrics("0" * 32, {"earned/net_revenue": 10.0}, night=NIGHT) is None
