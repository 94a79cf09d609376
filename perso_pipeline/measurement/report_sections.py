"""The parts of the report, each from the night's rows to HTML. Keep queries, CSS and files out."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from perso_pipeline.measurement.charts import series_names, stacked_bars, whisker
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.html import Cell, Column, Markup, h, paragraph, table, tag
from perso_pipeline.measurement.report_data import ReportData
from perso_pipeline.measurement.words import DASH, METRIC_NAMES, amount, count, day, effect, percent, share

TOP_CELLS = 15
_MONEY = ("orders", "gross", "discount", "cancelled", "refunded", "adjusted", "net", "margin", "refunded_on_return_day")

Row = Mapping[str, Any]


def site_name(data: ReportData, site_id: str) -> str:
    names = {row["site_id"]: row["name"] for row in data.sites}
    return "All sites" if site_id == "all" else str(names.get(site_id, site_id))


def cards(data: ReportData) -> str:
    """One card per site and currency: the recent days, beside as many days before."""
    earlier = {(row["site_id"], row["currency"]): row for row in data.earlier_totals}
    parts = []
    for row in data.totals:
        before = earlier.get((row["site_id"], row["currency"]))
        has_history = data.first_order_date <= data.night - timedelta(days=2 * data.recent_days - 1)
        change = float(row["net"] / before["net"] - 1) if before and has_history and before["net"] > 0 else None
        facts = {
            f"against the {data.recent_days} days before": percent(change, signed=True),
            "orders": count(row["orders"]),
            "net per order": amount(row["net"] / row["orders"] if row["orders"] else None),
            "refunded, of these orders": amount(row["refunded"]),
            "refunded in these days": amount(row["refunded_on_return_day"]),
            "margin, where cost is known": amount(row["margin"]),
            "net through recommendations": percent(share(row["recommended_net"], row["net"])),
        }
        inside = "".join(f"<dt>{h(name)}</dt><dd>{h(value)}</dd>" for name, value in facts.items())
        title = h(site_name(data, row["site_id"]))
        parts.append(
            f'<div class="card"><span class="soft">{title}, net revenue</span>'
            f"<b>{h(amount(row['net'], row['currency']))}</b><dl>{inside}</dl></div>"
        )
    return f'<div class="cards">{"".join(parts)}</div>'


def revenue_by_day(data: ReportData) -> str:
    """One chart per site and currency: net revenue by order day and channel."""
    charts: dict[tuple[str, str], dict[date, dict[str, Decimal]]] = {}
    for row in data.daily:
        days = charts.setdefault((row["site_id"], row["currency"]), {})
        days.setdefault(row["report_date"], {})[row["channel"]] = row["net"]
    names = series_names(charts.values())
    parts = []
    for (site_id, currency), days in charts.items():
        title = f"{site_name(data, site_id)} ({currency})"
        caption = f"Net revenue by order day and channel, {title}"
        parts.append(f"<h3>{h(title)}</h3>{stacked_bars(days, names=names, currency=currency, caption=caption)}")
    return "".join(parts) or paragraph("No order is known yet.")


def revenue_cells(data: ReportData) -> str:
    """Channel x segment x scenario per site and currency: the largest cells, the others, the total."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in data.cells:
        groups.setdefault((row["site_id"], row["currency"]), []).append(row)
    columns = [Column("Channel"), Column("Segment"), Column("Through"), Column("Orders", "num")]
    headings = ("Gross", "Discount", "Cancelled", "Refunded", "Adjusted", "Net", "Margin", "Refunded in the period")
    columns += [Column(name, "num") for name in (*headings, "Share of net")]
    parts = []
    for (site_id, currency), rows in groups.items():
        total = _summed(rows)
        shown, hidden = rows[:TOP_CELLS], rows[TOP_CELLS:]
        cells = [[*_labels(data, row), *_money(row, total)] for row in shown]
        scenarios = sorted({row["scenario_id"] for row in rows} - {"none"})
        through = [
            ["all", "all", name, *_money(_summed([row for row in rows if row["scenario_id"] == name]), total)]
            for name in scenarios
        ]
        rest = [f"{len(hidden):,} smaller cells", "", "", *_money(_summed(hidden), total)] if hidden else []
        body = table(columns, cells, rest=rest, total=["Total", "", "", *_money(total, total)])
        of_these = (
            paragraph("Of these, through recommendations:", kind="soft") + table(columns, through) if through else ""
        )
        parts.append(f"<h3>{h(f'{site_name(data, site_id)} ({currency})')}</h3>{body}{of_these}")
    return "".join(parts) or paragraph("No order is known yet.")


def funnel(data: ReportData) -> str:
    """What became of the requests of the recent days, per site, scenario and arm."""
    if not data.funnel:
        return paragraph("No recommendation request was served in these days.")
    columns = [Column("Site"), Column("Scenario"), Column("Arm")]
    headings = (
        "Requests",
        "Impressions",
        "Seen",
        "Clicks",
        "Carts",
        "Orders",
        "Revenue",
        "CTR",
        "Requests clicked",
        "Viewability",
    )
    columns += [Column(name, "num") for name in headings]
    rows = [
        [
            site_name(data, row["site_id"]), row["scenario_id"],
            "held back" if row["variant"] == "control" else "shown",
            *(count(row[name]) for name in ("requests", "impressions", "viewable_impressions", "clicks", "carts", "orders")),
            amount(row["revenue"]),
            *(percent(row[name]) for name in ("ctr", "clicked_request_rate", "viewability")),
        ]
        for row in data.funnel
    ]  # fmt: skip
    return table(columns, rows)


def lift(data: ReportData, config: MeasurementConfig) -> str:
    """Effect per site and metric with its interval, and whether the arms have the sizes they should."""
    served = [row for row in data.lift if row["treatment_units"] or row["control_units"]]
    if not served:
        return paragraph("No recommendation request was served while an experiment ran.")
    bounds = [
        abs(row[name]) for row in served for name in ("relative_ci_low", "relative_ci_high") if row[name] is not None
    ]
    reach = max(bounds, default=0.1)
    columns = [
        Column("Site"), Column("Measure"), Column("Shown", "num"), Column("Held back", "num"), Column("Effect", "num"),
        Column("Interval"), Column(""), Column("Arms"),
    ]  # fmt: skip
    rows = [_lift_row(data, row, config, reach) for row in served]
    words = [(site_name(data, row["site_id"]), METRIC_NAMES[row["metric"]], row) for row in served]
    sentences = "".join(
        f"<li>{h(site)}, {h(metric.lower())}: {h(effect(row, config.confidence))}</li>" for site, metric, row in words
    )
    return f"{table(columns, rows)}<ul>{sentences}</ul>" + "".join(
        paragraph(
            f"Experiment {row['experiment_id']}: {count(row['units'])} visitors, {count(row['mixed_units'])} of them "
            f"belong to people with devices in both arms, {count(row['switched_units'])} were served both arms; "
            f"they stay in, and blur the effect.",
            kind="soft",
        )
        for row in data.mixing
    )


def readiness(data: ReportData) -> str:
    """Sites side by side: did the events arrive that each feature needs."""
    alive = sorted({row["site_id"] for row in data.readiness if row["status"] != "missing"})
    silent = [site_name(data, row["site_id"]) for row in data.sites if row["site_id"] not in alive]
    by_need: dict[tuple[str, str], dict[str, Row]] = {}
    for row in data.readiness:
        by_need.setdefault((row["event_type"], row["needed_for"]), {})[row["site_id"]] = row
    columns = [Column("Event"), Column("Needed for"), *(Column(site_name(data, site)) for site in alive)]
    rows = [[*need, *(_state(states[site]) for site in alive)] for need, states in by_need.items()]
    note = paragraph(f"Nothing was delivered for {', '.join(silent)}.", kind="soft") if silent else ""
    return (table(columns, rows) if alive else "") + note


def _labels(data: ReportData, row: Row) -> list[Cell]:
    names = {segment["segment_id"]: segment["name"] for segment in data.segments}
    names |= {"everyone-else": "Everyone else", "unknown": "Nobody known"}
    scenario = DASH if row["scenario_id"] == "none" else row["scenario_id"]
    return [row["channel"].replace("_", " "), names.get(row["segment_id"], row["segment_id"]), scenario]


def _money(row: Row, total: Row) -> list[Cell]:
    figures = [count(row["orders"]), *(amount(row[name]) for name in _MONEY[1:])]
    return [*figures, percent(share(row["net"], total["net"]))]


def _summed(rows: list[Row]) -> Row:
    sums: dict[str, Any] = {}
    for name in _MONEY:
        known = [row[name] for row in rows if row[name] is not None]
        sums[name] = sum(known, Decimal(0)) if known else None
    return sums


def _lift_row(data: ReportData, row: Row, config: MeasurementConfig, reach: float) -> list[Cell]:
    is_stated, is_relative = row["verdict"] != "not estimable", row["relative_lift"] is not None
    digits = 4 if row["metric"] == "orders_per_visitor" else 2
    means = [f"{row[name]:,.{digits}f}" if is_stated else f"{row[units]:,} visitors"
             for name, units in (("treatment_mean", "treatment_units"), ("control_mean", "control_units"))]  # fmt: skip
    bounds = (row["relative_ci_low"], row["relative_lift"], row["relative_ci_high"])
    interval = f"{percent(bounds[0], signed=True)} to {percent(bounds[2], signed=True)}" if is_relative else DASH
    picture = Markup(whisker(*bounds, reach=reach)) if is_relative else ""
    ratio = row["sample_ratio_p"]
    arms = (
        tag("not checked", "soft")
        if ratio is None
        else tag("as split", "good")
        if ratio >= config.sample_ratio_p
        else tag("off", "bad")
    )
    metric = METRIC_NAMES[row["metric"]] + (f" ({row['currency']})" if row["currency"] else "")
    return [
        site_name(data, row["site_id"]), metric, *means, percent(row["relative_lift"], signed=True), interval, picture,
        arms,
    ]  # fmt: skip


def _state(row: Row) -> Cell:
    word = {"ready": "arrives", "few": f"few: {row['events_28d']:,}", "missing": "missing"}[row["status"]]
    return tag(word, {"ready": "good", "few": "warn", "missing": "bad"}[row["status"]])


def trust(data: ReportData) -> str:
    """Whether the figures add up, in one paragraph."""
    if data.differences:
        lines = "".join(f"<li>{h(line)}</li>" for line in data.differences)
        return f'<p class="bad">Do not use this report: its figures do not add up to the orders.</p><ul>{lines}</ul>'
    window = data.window[0]
    return paragraph(
        f"All cells add up to the {count(data.movements)} order movements from {day(window['starts_on'])} to "
        f"{day(window['ends_on'])}, to the cent.",
        kind="soft",
    )
