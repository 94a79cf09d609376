import dagster as dg
import pytest

from perso_pipeline.measurement.checks import revenue_report_sums_to_the_ledger
from perso_pipeline.resources.warehouse import WarehouseResource

TABLES = (
    "revenue_report", "attributed_revenue", "attribution_overlap", "business_days", "recommendation_funnel", "segment_revenue",
)  # fmt: skip
NIGHTS = dg.DailyPartitionsDefinition("2026-01-01")


@dg.multi_asset(
    specs=[dg.AssetSpec(["measurement", name]) for name in TABLES],
    partitions_def=NIGHTS,
)
def tables_are_there():
    for name in TABLES:
        yield dg.MaterializeResult(asset_key=["measurement", name])


@dg.asset(deps=[["measurement", "revenue_report"]], partitions_def=NIGHTS)
def page_for_managers(): ...


def run(warehouse):
    warehouse.close()  # the run opens the file itself
    return dg.materialize(
        [tables_are_there, page_for_managers, revenue_report_sums_to_the_ledger],
        partition_key="2026-01-10",
        resources={"warehouse": WarehouseResource(path=str(warehouse.path))},
        raise_on_error=False,
    )


def test_a_report_that_adds_up_passes_and_the_page_is_made(measured):
    result = run(measured)
    [check] = result.get_asset_check_evaluations()
    assert check.passed
    assert check.description == "10 movements add up."
    assert result.asset_materializations_for_node("page_for_managers")


@pytest.mark.parametrize("fault", ["refunded = refunded * 2", "net = net + 0.01", "movements = movements + 1"])
def test_a_report_that_does_not_add_up_stops_the_page(measured, fault):
    with measured.connect() as connection:
        connection.execute(f"update measurement.revenue_report set {fault} where night = '2026-01-10'")
    result = run(measured)
    [check] = result.get_asset_check_evaluations()
    assert not check.passed
    assert f"revenue_report: {fault.split()[0]} of" in check.description
    assert not result.success
    assert not result.asset_materializations_for_node("page_for_managers")
