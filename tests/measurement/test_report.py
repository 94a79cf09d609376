from datetime import date
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from perso_pipeline.measurement.charts import series_names, stacked_bars
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.export import csv_text
from perso_pipeline.measurement.lift_table import lift_tables
from perso_pipeline.measurement.report import write_report
from perso_pipeline.measurement.report_data import read_report_data
from perso_pipeline.measurement.words import effect, headline

NIGHT = date(2026, 1, 10)
HOSTILE = "<script>alert(1)</script>\"'&"


class Page(HTMLParser):
    """Tags, attributes and text of a page; complains about tags that are not closed."""

    VOID = frozenset({"meta", "br", "line", "circle"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words, self.links = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in {"src", "href", "action", "data"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def page(measured, tmp_path):
    with measured.connect() as connection:
        connection.execute("update raw.sites set name = ? where site_id = 'uk'", [HOSTILE])
        connection.execute(
            "create table segments.segment_catalogue (night date, segment_id text, name text, position integer)"
        )
        connection.execute(
            "insert into segments.segment_catalogue values (date '2026-01-10', 'new-customers', ?, 1)", [HOSTILE]
        )
        connection.execute("update measurement.revenue_report set channel = '=cmd|calc' where channel = 'email'")
    moments = measured.query("select * from measurement.lift_moments where night = $night", {"night": NIGHT})
    shares, sites = {"holdout": 0.5}, ["de", "uk"]
    tables = lift_tables(
        moments, night=NIGHT, shares=shares, ended=(), sites=sites, broken={}, config=MeasurementConfig(), rates={}
    )
    measured.write_partition("measurement.lift", tables.lift, {"night": NIGHT})
    data = read_report_data(measured, NIGHT, movements=10)
    return write_report(data, MeasurementConfig(), tmp_path / "reports" / "2026-01-10")


def test_the_page_is_whole_and_loads_nothing(page):
    found = Page(page.read_text(encoding="utf-8"))
    assert found.links == []
    assert "script" not in found.tags
    assert "img" not in found.tags


def test_hostile_names_are_text(page):
    text = page.read_text(encoding="utf-8")
    assert "<script>" not in text
    assert any(HOSTILE in words for words in Page(text).words)


def test_the_page_says_what_there_is_and_what_cannot_be_said(page):
    words = "".join(Page(page.read_text(encoding="utf-8")).words)
    # uk: 52 + 10.01 + 25 - 7 = 80.01, of which 9 through a recommendation
    assert "Net revenue of the 28 days to 10 January 2026 was 11.00 EUR (0.0 % of it through recommendations)" in words
    assert "80.01 GBP (11.2 % of it through recommendations)" in words
    assert "What recommendations added cannot be said: with 4 visitors the split cannot be checked." in words
    assert "All cells add up to the 10 order movements" in words


def test_the_export_has_every_cell_and_no_formula(page):
    text = page.with_name("report.csv").read_text(encoding="utf-8")
    assert text.startswith("report_date,site_id,channel,")
    assert ",'=cmd|calc," in text
    assert ",=cmd" not in text


def test_numbers_keep_their_minus_and_text_does_not_become_a_formula():
    rows = [{"name": "=1+1", "net": Decimal("-4.50")}, {"name": "@x", "net": -1}, {"name": "a-b", "net": 0}]
    assert csv_text(rows) == "name,net\n'=1+1,-4.50\n'@x,-1\na-b,0\n"


def lift_row(**more):
    return {
        "site_id": "all", "metric": "net_revenue_per_visitor", "verdict": "better", "reason": None, "treatment_units": 900,
        "control_units": 100, "difference": 0.5, "ci_low": 0.1, "ci_high": 0.9, "relative_lift": 0.031,
        "relative_ci_low": 0.004, "relative_ci_high": 0.058, **more,
    }  # fmt: skip


def test_an_effect_is_said_with_its_interval():
    assert effect(lift_row(), 0.95) == (
        "Visitors who were shown recommendations spent 3.1 % more than those who were not "
        "(95 % interval +0.4 % to +5.8 %); chance alone does not explain it."
    )


def test_an_effect_that_may_be_chance_is_called_so():
    row = lift_row(
        metric="orders_per_visitor", verdict="no difference shown", relative_lift=-0.02, relative_ci_low=-0.1
    )
    assert effect(row, 0.95).startswith("Visitors who were shown recommendations placed 2.0 % fewer orders than")
    assert effect(row, 0.95).endswith("this may still be chance.")


def test_the_headline_of_a_shop_without_orders_says_so():
    assert (
        headline([], [], night=NIGHT, days=28, confidence=0.95)
        == "No order is known for the 28 days to 10 January 2026."
    )


def test_bars_below_zero_hang_below_the_line():
    days = {date(2026, 1, 1): {"web": Decimal(10), "shop": Decimal(-5)}}
    names = series_names([days])
    assert names == ["web", "shop"]
    chart = stacked_bars(days, names=names, currency="GBP", caption="c")
    assert chart.count("<rect") == 2
    assert "shop: -5.00 GBP" in chart


def test_many_days_are_shown_by_week_and_lose_nothing():
    days = {date.fromordinal(date(2026, 1, 5).toordinal() + n): {"web": Decimal(1)} for n in range(140)}
    chart = stacked_bars(days, names=["web"], currency="GBP", caption="c")
    assert chart.count("<rect") == 20  # 140 days from a Monday are 20 weeks
    assert chart.count("web: 7.00 GBP") == 20


def test_more_channels_than_colours_are_added_up():
    days = {date(2026, 1, 1): {f"channel {n}": Decimal(n + 1) for n in range(12)}}
    names = series_names([days])
    assert (len(names), names[-1]) == (8, "other channels")
    chart = stacked_bars(days, names=names, currency="GBP", caption="c")
    assert "other channels: 15.00 GBP" in chart  # 1 + 2 + 3 + 4 + 5
