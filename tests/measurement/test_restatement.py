"""What a night changed of what was published before, on the hand-made shop: the 4th, the 9th and the 10th are reported."""

from datetime import date
from decimal import Decimal

import duckdb
import pytest

from perso_pipeline.measurement.restatement import explain
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from tests.dbt_builds import build

FOURTH, TENTH = date(2026, 1, 4), date(2026, 1, 10)
REPORT = ("revenue_report", "restatement_log")


@pytest.fixture(scope="module")
def restated_file(measured_file, tmp_path_factory):
    """The shop where the 4th is the last night that was reported before the 10th."""
    path = tmp_path_factory.mktemp("restated") / "perso.duckdb"
    path.write_bytes(measured_file.read_bytes())
    with duckdb.connect(str(path)) as connection:
        connection.execute("delete from measurement.revenue_report where night = '2026-01-09'")
    build(path, "restatement_log", night="2026-01-10")
    return path


@pytest.fixture
def restated(restated_file, tmp_path) -> DuckDBWarehouse:
    copy = tmp_path / "perso.duckdb"
    copy.write_bytes(restated_file.read_bytes())
    return DuckDBWarehouse(copy)


def rows(warehouse, sql, **parameters):
    return [tuple(row.values()) for row in warehouse.query(sql, parameters).to_pylist()]


LOG = """select report_date, segment_id, scenario_id, cause, movements, orders, net from measurement.restatement_log
    where night = $night and since_night = $since order by all"""


def test_each_change_since_the_last_report_has_its_cause(restated):
    second, fourth = date(2026, 1, 2), date(2026, 1, 4)
    assert rows(restated, LOG, night=TENTH, since=FOURTH) == [
        # p1 is in a segment on the 10th and was in none on the 4th: order A moves, 18 by a list and 43 without
        (second, "everyone-else", "home", "segment_change", -1, 0, Decimal(-18)),
        (second, "everyone-else", "none", "segment_change", -2, -1, Decimal(-43)),
        (second, "new-customers", "home", "refund", 1, 0, Decimal(-9)),  # came on the 5th
        (second, "new-customers", "home", "segment_change", 1, 0, Decimal(18)),
        (second, "new-customers", "none", "segment_change", 2, 1, Decimal(43)),
        # order C of the 4th arrived on the 6th with its cancellation, its write-off on the 7th
        (fourth, "everyone-else", "none", "adjustment", 1, 0, Decimal(-5)),
        (fourth, "everyone-else", "none", "cancellation", 1, 0, Decimal(-10)),
        (fourth, "everyone-else", "none", "late_order", 1, 1, Decimal(40)),
    ]
    found = explain(restated, TENTH)
    assert found.faults == ()
    assert sum(cause.net for cause in found.causes) == Decimal(16)  # 43 + 25 - 9 - ... = 79 less what was known, 63


def test_the_first_report_changes_nothing(restated):
    assert rows(restated, "select count(*) from measurement.restatement_log where night = $night", night=FOURTH) == [
        (0,)
    ]
    assert explain(restated, FOURTH).causes == ()


CHANGES = {
    "a merge of people": (
        """update identity.identity_map set void_on = '2026-01-08' where identifier = 'visitor:v2';
        insert into identity.identity_map values ('visitor:v2', 'visitor', 'p1', 1.0, date '2026-01-08', null);
        update interactions.order_movements set known_on = '2026-01-04' where movement_id = 'm6'""",
        "identity_merge",
    ),
    "a visit that turns out to be another": (
        """update interactions.sessions set channel = 'display' where session_id = 's1';
        insert into raw.loaded_days values (date '2026-01-08', 'storefront_events', date '2026-01-02')""",
        "late_event",
    ),
    "an erasure": (
        """delete from interactions.order_movements where order_id = 'A';
        update measurement.report_windows set known_erasures = 1 where night = '2026-01-10'""",
        "erasure",
    ),
    "a figure that was altered by hand": (
        "update measurement.revenue_report set net = net + 3, gross = gross + 3 where night = '2026-01-04' and site_id = 'de'",
        "unexplained",
    ),
    "a movement that vanished without an erasure": (
        "delete from interactions.order_movements where order_id = 'G'",
        "unexplained",
    ),
}


@pytest.mark.parametrize(("change", "cause"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_put_down_to_its_cause_and_adds_up(restated, change, cause):
    with restated.connect() as connection:
        connection.execute(change)
    for night in (FOURTH, TENTH) if cause == "identity_merge" else (TENTH,):
        build(restated.path, *REPORT, night=night.isoformat())
    found = explain(restated, TENTH)
    assert cause in {found_cause.name for found_cause in found.causes}
    assert bool(found.faults) == (cause == "unexplained")


def test_an_unexplained_change_is_named_with_its_site_and_day(restated):
    with restated.connect() as connection:
        connection.execute(CHANGES["a figure that was altered by hand"][0])
    build(restated.path, "restatement_log", night="2026-01-10")
    [fault] = explain(restated, TENTH).faults
    assert fault == (
        "de changed on 2026-01-03 without a cause: movements by +0, net by -3.0000 and margin by +0.0000 in EUR"
    )


def test_a_log_that_does_not_add_up_is_found(restated):
    with restated.connect() as connection:
        connection.execute("delete from measurement.restatement_log where cause = 'refund'")
    assert "restatement_log: refunded of uk in GBP is 0.0000, revenue_report has 9.0000 (difference -9.0000)" in (
        explain(restated, TENTH).faults
    )
