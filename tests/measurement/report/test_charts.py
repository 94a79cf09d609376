import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal

from perso_pipeline.measurement.report import charts
from perso_pipeline.measurement.report.sections.revenue import folded_series, series_names

DAY = date(2026, 1, 5)


def bars(amounts, names, **more):
    hints = {day: f"hint of {day}" for day in amounts}
    return charts.stacked_days(amounts, names=names, days_per_bar=1, hints=hints, caption="c", **more)


def test_bars_below_zero_hang_below_the_line():
    svg = bars({DAY: {"web": 10.0, "shop": -5.0}}, ["web", "shop"])
    assert svg.count('fill="var(--s0)"') == 1
    assert svg.count('fill="var(--s1)"') == 1
    assert "\N{MINUS SIGN}5" in svg


def test_colours_are_the_page_s_so_that_dark_mode_works():
    svg = bars({DAY: {"web": 10.0}}, ["web"])
    assert "var(--s0)" in svg
    assert 'fill="white"' not in svg


def test_hints_are_titles_that_need_no_script():
    svg = bars({DAY: {"web": 10.0}}, ["web"])
    assert "<title>hint of 2026-01-05</title>" in svg


def test_hostile_text_stays_text():
    svg = charts.stacked_days(
        {DAY: {"<b>": 1.0}}, names=["<b>"], days_per_bar=7, hints={DAY: "</title><script>"}, caption='"><script>\\1'
    )
    assert "<script>" not in svg
    assert "&lt;/title&gt;&lt;script&gt;" in svg
    assert 'aria-label="&quot;&gt;&lt;script&gt;\\1"' in svg


def test_days_are_the_same_in_every_time_zone():
    made = """
from datetime import date
from perso_pipeline.measurement.report.charts import band
print(band({date(2026, 1, d): (-0.1, 0.0, 0.1) for d in (5, 6)}, hints={date(2026, 1, d): "h" for d in (5, 6)}, caption="c"))
"""
    drawn = {
        zone: subprocess.run([sys.executable, "-c", made], env={"TZ": zone}, capture_output=True, text=True, check=True)
        for zone in ("Pacific/Auckland", "America/Los_Angeles")
    }
    assert len({done.stdout for done in drawn.values()}) == 1
    assert "5 Jan" in drawn["Pacific/Auckland"].stdout


def test_an_interval_has_the_colour_of_its_verdict():
    rows = [
        charts.Interval(label="uk", low=0.1, middle=0.2, high=0.3, sense="better", hint="uk"),
        charts.Interval(label="de", low=-0.3, middle=-0.2, high=-0.1, sense="worse", hint="de"),
    ]
    svg = charts.intervals(rows, caption="c")
    assert "var(--good)" in svg
    assert "var(--bad)" in svg


def test_more_channels_than_colours_are_added_up():
    days = {DAY: {f"channel {n}": Decimal(n + 1) for n in range(12)}}
    names = series_names([days])
    assert (len(names), names[-1]) == (8, "other channels")
    assert folded_series(days[DAY], names)["other channels"] == 1 + 2 + 3 + 4 + 5


def test_a_year_of_days_has_seven_labels():
    days = {DAY + timedelta(days=n): {"web": 1.0} for n in range(90)}
    svg = bars(days, ["web"])
    assert (
        svg.count(" Jan</text>") + svg.count(" Feb</text>") + svg.count(" Mar</text>") + svg.count(" Apr</text>") == 7
    )


def test_nothing_in_a_chart_has_a_name_that_counts_on():
    """A clip path is numbered by process, so that the second page of a process would differ from the first."""
    row = {"label": "home", "step": "seen", "share": 0.5, "words": "50 %", "hint": "h"}
    part = {"label": "rule", "series": "home", "amount": 5.0, "hint": "h"}
    drawn = [
        charts.shares([row], steps=["seen"], caption="c"),
        charts.grouped_bars([part], names=["home"], caption="c"),
        charts.band({DAY: (-0.1, 0.0, 0.1)}, hints={DAY: "h"}, caption="c"),
        charts.intervals([charts.Interval(label="uk", low=-0.1, middle=0.0, high=0.1, hint="h")], caption="c"),
        bars({DAY: {"web": 1.0}}, ["web"]),
    ]
    assert not [svg for svg in drawn if "url(" in svg or " id=" in svg]
