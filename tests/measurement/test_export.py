"""The figures as files: every table that holds figures, no table that holds people."""

import csv
from datetime import date

import pyarrow.parquet as pq

from perso_pipeline.measurement.export import EXPORTED, export_figures

TENTH = date(2026, 1, 10)


def test_every_table_of_figures_goes_out_and_none_that_names_people(measured, tmp_path):
    with measured.connect() as connection:
        connection.execute(
            "create table measurement.lift as select night, 'holdout' as experiment_id from measurement.report_windows"
        )
        columns = connection.execute(
            "select table_name, list(column_name) from information_schema.columns where table_schema = 'measurement' group by 1"
        ).fetchall()
    rows = export_figures(measured, TENTH, tmp_path / "figures")
    settings, parts = {"report_windows"}, {"funnel_days"}
    naming = {name for name, of_table in columns if {"person_id", "unit_id", "order_id"} & set(of_table)}
    assert naming == {"assignments", "attributable_lines", "attribution_claims", "touch_candidates"}
    assert set(EXPORTED) == {name for name, _ in columns} - naming - settings - parts
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        f"{t}.{kind}" for t in EXPORTED for kind in ("csv", "parquet")
    }
    assert rows["revenue_report"] == pq.read_table(tmp_path / "figures" / "revenue_report.parquet").num_rows > 0


def test_both_kinds_of_file_say_the_same_and_only_of_the_night(measured, tmp_path):
    with measured.connect() as connection:
        connection.execute("create table measurement.lift as select night from measurement.report_windows")
    export_figures(measured, TENTH, tmp_path / "figures")
    table = pq.read_table(tmp_path / "figures" / "revenue_report.parquet")
    with (tmp_path / "figures" / "revenue_report.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["net"] for line in lines] == [str(net) for net in table["net"].to_pylist()]
    assert set(table["night"].to_pylist()) == {TENTH}


def test_the_same_night_gives_the_same_files(measured, tmp_path):
    with measured.connect() as connection:
        connection.execute("create table measurement.lift as select night from measurement.report_windows")
    for folder in ("once", "again"):
        export_figures(measured, TENTH, tmp_path / folder)
    for path in (tmp_path / "once").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name
