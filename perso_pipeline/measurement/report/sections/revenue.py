"""What was earned: cards, revenue over time, and every cell of channel, segment and scenario."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from perso_pipeline.measurement.report.charts import COLOURS, legend, stacked_days
from perso_pipeline.measurement.report.data import DAYS_BY_DAY, RECENT_DAYS, ReportData, Row
from perso_pipeline.measurement.report.html import Cell, Column, figure, h, paragraph, table, tag
from perso_pipeline.measurement.report.words import (
    DASH,
    VERDICT_SENSES,
    amount,
    count,
    day,
    main_effect,
    percent,
    plain,
    round_amount,
    share,
    short_day,
    span,
)

PRINTED_CELLS = 15
CHARTED_SITES = 6
"""A chart costs 0.07 s; the sites with less revenue have their table."""

REST = "other channels"
_MONEY = {
    "gross": "Gross", "discount": "Discount", "cancelled": "Cancelled", "refunded": "Refunded", "adjusted": "Adjusted",
    "net": "Net", "margin": "Margin",
}  # fmt: skip


def cards(data: ReportData) -> str:
    """One card per site, beside as many days before, and one for what recommendations added."""
    earlier = {row["site_id"]: row for row in data.earlier_totals}
    has_history = data.first_date <= data.night - timedelta(days=2 * RECENT_DAYS - 1)
    parts = []
    for row in data.totals:
        before = earlier.get(row["site_id"])
        change = float(row["net"] / before["net"] - 1) if before and has_history and before["net"] > 0 else None
        facts = {
            f"against the {RECENT_DAYS} days before": percent(change, signed=True),
            "orders": count(row["orders"]),
            "net per order": amount(row["net"] / row["orders"] if row["orders"] else None),
            "through recommendations": percent(share(row["recommended_net"], row["net"])),
            "margin, where cost is known": round_amount(row["margin"]),
            "refunded, of these orders": round_amount(row["refunded"]),
            "refunded in these days": round_amount(row["refunded_on_return_day"]),
        }
        parts.append(
            _card(f"{data.site_name(row['site_id'])}, net revenue", round_amount(row["net"], row["currency"]), facts)
        )
    return f'<div class="cards">{"".join([*parts, _effect_card(data)])}</div>'


def _effect_card(data: ReportData) -> str:
    row = main_effect(data.lift)
    if row is None:
        return ""
    facts: dict[str, Cell] = {
        "interval, valid at every look": span(row["relative_sequence_low"], row["relative_sequence_high"]),
        "verdict": tag(row["verdict"], VERDICT_SENSES.get(row["verdict"], "warn")),
        "visitors shown lists": count(row["treatment_units"]),
        "visitors held back": count(row["control_units"]),
    }
    title = "What recommendations added, " + plain(row["metric"])
    return _card(title, percent(row["relative_lift"], signed=True), facts)


def _card(title: str, figure_: str, facts: Mapping[str, Cell]) -> str:
    inside = "".join(f"<dt>{h(name)}</dt><dd>{h(value)}</dd>" for name, value in facts.items())
    return f'<div class="card"><h3>{h(title)}</h3><b>{h(figure_)}</b><dl>{inside}</dl></div>'


def over_time(data: ReportData) -> str:
    """One chart per site: net revenue by order day and channel, by week where there are many days."""
    if not data.daily:
        return paragraph("No order is known yet.")
    charts: dict[str, dict[date, dict[str, Decimal]]] = {row["site_id"]: {} for row in data.totals}
    currencies = {row["site_id"]: row["currency"] for row in data.daily}
    for row in data.daily:
        charts.setdefault(row["site_id"], {}).setdefault(row["day"], {})[row["channel"]] = row["net"]
    charts = {site_id: days for site_id, days in charts.items() if days}
    names = series_names(charts.values())
    days_per_bar = 1 if (data.night - data.first_date).days < DAYS_BY_DAY else 7
    parts = []
    for place, (site_id, days) in enumerate(charts.items()):
        title = f"{data.site_name(site_id)} ({currencies[site_id]})"
        bars = {start: folded_series(values, names) for start, values in sorted(days.items())}
        behind = _days_behind(bars, names, days_per_bar, title)
        if place >= CHARTED_SITES:
            parts.append(f"<figure><figcaption>{h(title)}</figcaption>{behind}</figure>")
            continue
        svg = stacked_days(
            {start: {name: float(value) for name, value in values.items()} for start, values in bars.items()},
            names=names,
            days_per_bar=days_per_bar,
            hints={start: _hint(start, values, names, days_per_bar) for start, values in bars.items()},
            caption=f"Net revenue by order {'day' if days_per_bar == 1 else 'week'} and channel, {title}",
        )
        parts.append(figure(svg, title=title, legend=legend(names), behind=behind))
    return f'<div class="charts">{"".join(parts)}</div>'


def cells(data: ReportData) -> str:
    """Channel x segment x scenario per site, the largest first; what the page's script sorts and filters."""
    if not data.cells:
        return paragraph("No order is known for these days.")
    columns = [Column("Channel", "pick"), Column("Segment", "pick"), Column("Through", "pick"), Column("Orders", "num")]
    columns += [Column(name, "num") for name in (*_MONEY.values(), "Share of net")]
    segments = {row["segment_id"]: row["name"] for row in data.segments}
    segments |= {"everyone-else": "Everyone else", "unknown": "Nobody known"}
    parts = []
    for site_id in data.in_order(row["site_id"] for row in data.cells):
        rows = [row for row in data.cells if row["site_id"] == site_id]
        total = summed(rows)
        body = [
            [plain(row["channel"]), segments.get(row["segment_id"], row["segment_id"]), row["scenario_id"],
             *_figures(row, total)]
            for row in rows
        ]  # fmt: skip
        hidden = rows[PRINTED_CELLS:]
        rest = [f"{len(hidden):,} smaller cells", "", "", *_figures(summed(hidden), total)] if hidden else []
        title = f"{data.site_name(site_id)} ({rows[0]['currency']})"
        shown = table(
            columns, body, caption=f"Revenue by channel, segment and recommendation, {title}", rest=rest,
            total=["Total", "", "", *_figures(total, total)], first=PRINTED_CELLS, is_sortable=True,
        )  # fmt: skip
        parts.append(f"<h3>{h(title)}</h3>{shown}")
    return "".join(parts)


def series_names(charts: Iterable[Mapping[date, Mapping[str, Decimal]]]) -> list[str]:
    """Series in the order of their colours, the same for all charts: by their share, added up over the charts."""
    weight: dict[str, Decimal] = {}
    for amounts in charts:
        sizes: dict[str, Decimal] = {}
        for parts in amounts.values():
            for name, value in parts.items():
                sizes[name] = sizes.get(name, Decimal(0)) + abs(value)
        whole = sum(sizes.values(), Decimal(0)) or Decimal(1)
        for name, size in sizes.items():
            weight[name] = weight.get(name, Decimal(0)) + size / whole
    names = sorted(weight, key=lambda name: (-weight[name], name))
    return names if len(names) <= len(COLOURS) else [*names[: len(COLOURS) - 1], REST]


def folded_series(parts: Mapping[str, Decimal], names: Sequence[str]) -> dict[str, Decimal]:
    """What is not among the names, added up."""
    found: dict[str, Decimal] = {}
    for name, value in parts.items():
        key = name if name in names else REST
        found[key] = found.get(key, Decimal(0)) + value
    return found


def summed(rows: Sequence[Row]) -> Row:
    """Orders and amounts of the rows; None where none is known."""
    sums: Row = {}
    for name in ("orders", *_MONEY):
        known = [row[name] for row in rows if row[name] is not None]
        sums[name] = sum(known, Decimal(0)) if known else None
    return sums


def _figures(row: Row, total: Row) -> list[Cell]:
    return [count(row["orders"]), *(amount(row[name]) for name in _MONEY), percent(share(row["net"], total["net"]))]


def _label(start: date, days_per_bar: int) -> str:
    return short_day(start) if days_per_bar == 1 else f"week of {day(start)}"


def _hint(start: date, values: Mapping[str, Decimal], names: Sequence[str], days_per_bar: int) -> str:
    lines = [f"{plain(name)} {amount(values[name])}" for name in names if values.get(name)]
    return "\n".join([f"{_label(start, days_per_bar)}: {amount(sum(values.values(), Decimal(0)))}", *lines])


def _days_behind(
    bars: Mapping[date, Mapping[str, Decimal]], names: Sequence[str], days_per_bar: int, title: str
) -> str:
    columns = [Column("Day" if days_per_bar == 1 else "Week"), Column("Net", "num")]
    columns += [Column(plain(name), "num") for name in names]
    rows = [
        [
            _label(start, days_per_bar), amount(sum(values.values(), Decimal(0))),
            *(amount(values[name]) if name in values else DASH for name in names),
        ]
        for start, values in bars.items()
    ]  # fmt: skip
    return table(columns, rows, caption=f"Net revenue over time, {title}")
