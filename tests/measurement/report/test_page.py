import base64
import hashlib
import re
from datetime import date
from html.parser import HTMLParser

import pytest

from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.report.data import read_report_data
from perso_pipeline.measurement.report.page import report_html, write_page
from perso_pipeline.measurement.report.words import NBSP
from perso_pipeline.resources.warehouse import DuckDBWarehouse

NIGHT = date(2026, 1, 10)
HOSTILE = "<script>alert(1)</script>\"'&"


class Page(HTMLParser):
    """Tags, attributes and text of a page; complains about tags that are not closed."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words, self.links, self.attributes = [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.links += [value for name, value in attrs if name in {"src", "href", "xlink:href", "action", "data"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return "".join(self.words).replace(NBSP, " ")


@pytest.fixture
def html(shop):
    data = read_report_data(shop, NIGHT, movements=10)
    return report_html(data, MeasurementConfig(), ("tables/lift.csv", "tables/lift.parquet"))


def test_the_page_is_whole_and_loads_nothing(html):
    found = Page(html)
    assert {link for link in found.links if not link.startswith("#")} == {"tables/lift.csv", "tables/lift.parquet"}
    assert not {"img", "link", "iframe", "object", "image"} & set(found.tags)
    assert "url(" not in html
    assert "@import" not in html


def test_only_the_page_s_own_script_and_style_may_run(html):
    found = Page(html)
    assert found.tags.count("script") == 1
    assert not [name for _, name, _ in found.attributes if name.startswith("on") or name == "style"]
    for tag in ("script", "style"):
        body = re.search(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)[1]
        assert base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() in html
    assert "default-src 'none'" in html
    assert "unsafe-inline" not in html


def test_hostile_names_are_text(html):
    assert "<script>alert" not in html
    assert any(HOSTILE in words for words in Page(html).words)


def test_the_page_says_what_there_is_and_what_cannot_be_said(html):
    text = Page(html).text
    # uk: 52 + 10.01 + 25 - 7 = 80.01, of which 9 through a recommendation
    assert "In the 28 days to 10 January 2026 net revenue was 11.00 EUR and 80.01 GBP" in text
    assert "0.0 % and 11.2 % of it through recommendations" in text
    assert "what they added cannot be said: with 4 visitors the split cannot be checked." in text
    assert "All 10 order movements of" in text


def test_a_report_that_does_not_add_up_says_so_first(shop):
    data = read_report_data(shop, NIGHT, movements=10, differences=("uk: net is 1.00 too high",))
    text = Page(report_html(data, MeasurementConfig())).text
    assert text.index("Do not use this report") < text.index("Revenue over time")
    assert "uk: net is 1.00 too high" in text


def test_each_chart_says_what_it_shows_and_has_its_figures_as_a_table(html):
    found = Page(html)
    charts = [value for tag, name, value in found.attributes if (tag, name) == ("svg", "aria-label")]
    assert any(label.startswith("Net revenue by order day and channel") for label in charts)
    assert ("svg", "role", "img") in found.attributes
    assert found.tags.count("svg") == len(charts)


def test_the_same_tables_give_the_same_bytes(shop, html):
    data = read_report_data(shop, NIGHT, movements=10)
    assert report_html(data, MeasurementConfig(), ("tables/lift.csv", "tables/lift.parquet")) == html


def test_a_shop_without_any_table_has_a_page_that_says_so(tmp_path):
    empty = DuckDBWarehouse(tmp_path / "empty.duckdb")
    with empty.connect() as connection:
        connection.execute("create schema raw")
    page = write_page(read_report_data(empty, NIGHT, movements=0), MeasurementConfig(), tmp_path / "2026-01-10")
    text = Page(page.read_text(encoding="utf-8")).text
    assert "No order is known for the 28 days to 10 January 2026." in text
    assert "No order is known yet." in text
    assert "nothing can be compared" in text
    assert "No recommendation list was served in these days." in text
    assert "Nothing has been attributed" in text
    assert [path.name for path in page.parent.iterdir()] == ["report.html"]


def test_many_days_are_shown_by_week_and_lose_nothing(shop):
    by_day = read_report_data(shop, NIGHT, movements=10).daily
    with shop.connect() as connection:
        connection.execute(
            "insert into measurement.revenue_report select * replace (report_date - 91 as report_date)"
            " from measurement.revenue_report where night = date '2026-01-10'"
        )
    data = read_report_data(shop, NIGHT, movements=20)
    assert {row["day"].isoweekday() for row in data.daily} == {1}
    assert sum(row["net"] for row in data.daily) == 2 * sum(row["net"] for row in by_day)
    assert "by order week and channel" in report_html(data, MeasurementConfig())
