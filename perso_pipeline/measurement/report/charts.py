"""Charts of the report as SVG, declared with Altair and drawn by vl-convert: no script, no network, no pictures.

Colours are the page's CSS variables, so that one drawing serves light, dark and paper. What a chart says about a mark
becomes the mark's ``<title>``, which browsers show under the pointer without a script; the table behind or below each
chart has the same figures for everybody else. Add a function per kind of chart; keep queries and sentences out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from html import escape
from typing import Any

import altair as alt
import vl_convert

VEGA_LITE = "6.4"
"""Version that draws; the package brings several."""

WIDTH = 520
"""Drawn for half of a wide page: letters of 9 px on a phone, of 14 px on a wall."""

COLOURS = tuple(f"var(--s{index})" for index in range(8))
"""Colours of the page; what has none is added up by the caller."""

_INK, _SOFT, _LINE = "var(--ink)", "var(--soft)", "var(--line)"
_SENSES = {"better": "var(--good)", "worse": "var(--bad)", "open": "var(--s0)", "broken": "var(--soft)"}
_LETTER = 13
_DAY_LABELS = 7
_ROOM = 1.7  # of a bar of 100 %, its words included
_AMOUNTS = alt.Axis(
    labelExpr="abs(datum.value) >= 1e6 ? format(datum.value / 1e6, '.1f') + 'm' : format(datum.value, ',')",
    title=None, tickCount=5, domain=False, ticks=False,
)  # fmt: skip
_PERCENTS = alt.Axis(
    labelExpr="datum.value == 0 ? '0' : format(datum.value, '+.0%')",
    title=None, tickCount=5, domain=False, ticks=False,
)  # fmt: skip
_CONFIG: Mapping[str, Any] = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": _SOFT, "labelPadding": 6, "gridColor": _LINE, "domainColor": _LINE, "tickColor": _LINE,
        "labelFontSize": _LETTER, "labelLimit": 190, "title": None,
    },
    "header": {"labelColor": _INK, "labelFontSize": _LETTER, "labelLimit": 190},
    "text": {"color": _INK, "fontSize": _LETTER},
}  # fmt: skip

_ROOT = re.compile(r'<svg [^>]*?viewBox="([^"]*)">')
_MARK = re.compile(r'<path aria-label="([^"]*)" role="[^"]*" aria-roledescription="[^"]*" ([^>]*?)/>')
_PLACE = re.compile(r' (?:d|transform)="[^"]*"')
_LONG_NUMBER = re.compile(r"(\d+\.\d\d)\d+")


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with its interval, all in one unit; ``sense`` is better, worse, open or broken."""

    label: str
    low: float
    middle: float
    high: float
    sense: str = "open"
    hint: str


def stacked_days(
    amounts: Mapping[date, Mapping[str, float]],
    *,
    names: Sequence[str],
    days_per_bar: int,
    hints: Mapping[date, str],
    caption: str,
) -> str:
    """Amounts by day (or week) and series, stacked; what is below zero hangs below the line.

    Args:
        amounts: First day of each bar to series to amount.
        names: Series in the order of their colours, the first at the bottom; no more than ``COLOURS``.
        days_per_bar: 1 or 7.
        hints: What to say of each bar under the pointer.
        caption: What the chart shows, for those who do not see it.
    """
    parts, whole = [], []
    for day, values in sorted(amounts.items()):
        span = {"from": day.isoformat(), "to": (day + timedelta(days=days_per_bar)).isoformat()}
        up = down = 0.0
        for name in names:
            value = values.get(name, 0.0)
            start, end = (up, up + value) if value > 0 else (down, down + value)
            up, down = (end, down) if value > 0 else (up, end)
            if value:
                parts.append({**span, "series": name, "start": start, "end": end})
        whole.append({**span, "start": down, "end": up, "hint": hints[day]})
    place = {
        "x": alt.X("from:T", scale=alt.Scale(type="utc"), axis=_day_axis(sorted(amounts))),
        "x2": "to:T",
        "y": alt.Y("start:Q", axis=_AMOUNTS),
        "y2": "end:Q",
    }
    colours = alt.Scale(domain=list(names), range=list(COLOURS[: len(names)]))
    bars = (
        alt.Chart(_data(parts))
        .mark_bar(aria=False, stroke="var(--card)", strokeWidth=0.5)
        .encode(**place, color=alt.Color("series:N", scale=colours, legend=None))
    )
    hovered = alt.Chart(_data(whole)).mark_bar(fill="transparent").encode(**place, description="hint:N")
    zero = alt.Chart(_data([{"at": 0}])).mark_rule(aria=False, color=_SOFT).encode(y="at:Q")
    return draw(alt.layer(bars, zero, hovered).properties(width=WIDTH - 70, height=190), caption)


def intervals(rows: Sequence[Interval], *, caption: str) -> str:
    """Estimates below each other, each with its interval, around a line at zero; labels as given, in their order."""
    values = [asdict(row) for row in rows]
    base = alt.Chart(_data(values)).encode(
        y=_labels(),
        color=alt.Color("sense:N", scale=alt.Scale(domain=list(_SENSES), range=list(_SENSES.values())), legend=None),
    )
    spans = base.mark_bar(aria=False, height=5, cornerRadius=2, opacity=0.45).encode(
        x=alt.X("low:Q", axis=_PERCENTS, scale=alt.Scale(zero=True)), x2="high:Q"
    )
    points = base.mark_point(filled=True, size=80, opacity=1).encode(x="middle:Q", description="hint:N")
    zero = alt.Chart(_data([{"at": 0}])).mark_rule(aria=False, color=_SOFT).encode(x="at:Q")
    return draw(alt.layer(zero, spans, points).properties(width=WIDTH - 190, height=alt.Step(30)), caption)


def band(points: Mapping[date, tuple[float, float, float]], *, hints: Mapping[date, str], caption: str) -> str:
    """An effect as of each day: (low, middle, high) as a line within its band, around a line at zero."""
    rows = [
        {"day": day.isoformat(), "low": low, "middle": middle, "high": high, "hint": hints[day]}
        for day, (low, middle, high) in sorted(points.items())
    ]
    base = alt.Chart(_data(rows)).encode(x=alt.X("day:T", scale=alt.Scale(type="utc"), axis=_day_axis(sorted(points))))
    area = base.mark_area(aria=False, color=COLOURS[0], opacity=0.2).encode(
        y=alt.Y("low:Q", axis=_PERCENTS), y2="high:Q"
    )
    line = base.mark_line(aria=False, color=COLOURS[0]).encode(y="middle:Q")
    dots = base.mark_point(filled=True, color=COLOURS[0], size=30, opacity=1).encode(y="middle:Q", description="hint:N")
    zero = alt.Chart(_data([{"at": 0}])).mark_rule(aria=False, color=_SOFT).encode(y="at:Q")
    return draw(alt.layer(zero, area, line, dots).properties(width=WIDTH - 70, height=190), caption)


def shares(rows: Sequence[Mapping[str, Any]], *, steps: Sequence[str], caption: str) -> str:
    """A small bar chart per step, a bar per label, all from 0 to 100 %.

    Args:
        rows: ``label``, ``step``, ``share`` (0 to 1), ``words`` (written at the bar) and ``hint``.
        steps: Steps from left to right.
        caption: What the chart shows, for those who do not see it.
    """
    base = alt.Chart().encode(
        y=_labels(),
        x=alt.X("share:Q", scale=alt.Scale(domain=[0, _ROOM]), axis=None),
    )
    bars = base.mark_bar(color=COLOURS[0], height=14).encode(description="hint:N")
    words = base.mark_text(aria=False, align="left", dx=4).encode(text="words:N")
    facet = alt.Column("step:N", sort=list(steps), header=alt.Header(title=None, labelAnchor="start"))
    width = (WIDTH - 60) // len(steps)
    panels = alt.layer(bars, words, data=_data(rows)).properties(width=width, height=alt.Step(24))
    return draw(panels.facet(column=facet, spacing=0), caption)


def grouped_bars(rows: Sequence[Mapping[str, Any]], *, names: Sequence[str], caption: str) -> str:
    """Horizontal stacked bars; a row is a part: ``label``, ``series``, ``amount`` and ``hint``."""
    places = {name: index for index, name in enumerate(names)}
    values = [{**row, "place": places[row["series"]]} for row in rows]
    bars = (
        alt.Chart(_data(values))
        .mark_bar(height=18)
        .encode(
            y=_labels(),
            x=alt.X("amount:Q", stack="zero", axis=_AMOUNTS),
            color=alt.Color(
                "series:N", scale=alt.Scale(domain=list(names), range=list(COLOURS[: len(names)])), legend=None
            ),
            order="place:Q",
            description="hint:N",
        )
    )
    return draw(bars.properties(width=WIDTH - 190, height=alt.Step(30)), caption)


def draw(chart: alt.LayerChart | alt.FacetChart | alt.Chart, caption: str) -> str:
    """The chart as an ``<svg>`` that scales with its column and says what it shows."""
    svg = vl_convert.vegalite_to_svg({**chart.to_dict(), "config": _CONFIG}, vl_version=VEGA_LITE, allowed_base_urls=[])
    root = f'role="img" aria-label="{escape(caption)}"'
    svg = _ROOT.sub(lambda found: f'<svg class="chart" viewBox="{found[1]}" {root}>', svg, count=1)
    svg = _PLACE.sub(lambda found: _LONG_NUMBER.sub(r"\1", found[0]), svg)
    return _MARK.sub(r'<path pointer-events="all" \2><title>\1</title></path>', svg)


def legend(names: Sequence[str]) -> str:
    """Names beside their colours, as HTML, which wraps where an SVG would shrink."""
    items = "".join(
        f'<li><i class="s{index}"></i>{escape(name.replace("_", " "))}</li>' for index, name in enumerate(names)
    )
    return f'<ul class="legend">{items}</ul>'


def _data(rows: Sequence[Mapping[str, Any]]) -> alt.Data:
    return alt.Data(values=[dict(row) for row in rows])


def _labels() -> alt.Y:
    """Names down the side, in the order in which they come."""
    return alt.Y("label:N", sort=None, axis=alt.Axis(title=None, ticks=False, domain=False, labelColor=_INK))


def _day_axis(days: Sequence[date]) -> alt.Axis:
    """At most seven of the days, evenly, the last among them."""
    shown = days[:: -max(1, -(-len(days) // _DAY_LABELS))]
    moments = [int(datetime.combine(day, time(), UTC).timestamp()) * 1000 for day in sorted(shown)]
    return alt.Axis(format="%-d %b", title=None, grid=False, values=moments)
