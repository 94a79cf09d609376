from datetime import date

import pytest

from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.lift_table import lift_tables

NIGHT = date(2026, 1, 10)
HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture
def shop(measured):
    """The hand-made shop with its effects, and with names that would like to be more than text."""
    with measured.connect() as connection:
        connection.execute("update raw.sites set name = ? where site_id = 'uk'", [HOSTILE])
        connection.execute(
            "create table segments.segment_catalogue (night date, segment_id text, name text, position integer)"
        )
        connection.execute(
            "insert into segments.segment_catalogue values (date '2026-01-10', 'new-customers', ?, 1)", [HOSTILE]
        )
        connection.execute("update measurement.revenue_report set channel = '=cmd|calc' where channel = 'email'")
    tables = lift_tables(
        measured.query("select * from measurement.lift_moments where night = $night", {"night": NIGHT}),
        night=NIGHT, shares={"holdout": 0.5}, sites=["de", "uk"], broken={}, config=MeasurementConfig(), rates={},
    )  # fmt: skip
    measured.write_partition("measurement.lift", tables.lift, {"night": NIGHT})
    measured.write_partition("measurement.lift_cells", tables.cells, {"night": NIGHT})
    return measured
