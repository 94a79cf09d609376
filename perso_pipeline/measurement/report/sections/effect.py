"""What would not have come otherwise: effects of each experiment, over nights and by cell."""

from collections.abc import Sequence

from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.report.charts import Interval, band, intervals
from perso_pipeline.measurement.report.data import ReportData
from perso_pipeline.measurement.report.html import Cell, Column, bullets, figure, folded, h, paragraph, table, tag
from perso_pipeline.measurement.report.words import (
    METRIC_NAMES,
    VERDICT_SENSES,
    Row,
    count,
    day,
    effect,
    main_effect,
    percent,
    plain,
    round_amount,
    short_day,
    span,
)

_METRIC = "net_revenue_per_visitor"
_FIRST = (_METRIC, "orders_per_visitor")
_DIMENSIONS = {
    "channel": "Channel",
    "segment": "Segment",
    "scenario": "Scenario",
    "visitor": "Visitor",
    "channel_segment_scenario": "Channel, segment, scenario",
}


def effects(data: ReportData, config: MeasurementConfig) -> str:
    """Per experiment: the question, a picture, the table of all metrics, and what to make of it."""
    served = [row for row in data.lift if row["treatment_units"] or row["control_units"]]
    if not served:
        return paragraph("No recommendation list was served while an experiment ran, so nothing can be compared.")
    experiments: dict[str, list[Row]] = {}
    for row in served:
        experiments.setdefault(row["experiment_id"], []).append(row)
    order = data.in_order(row["site_id"] for row in served)
    parts = []
    for experiment_id, rows in experiments.items():
        title = rows[0]["description"] or plain(experiment_id)
        in_order = sorted(rows, key=lambda row: (order.index(row["site_id"]), list(METRIC_NAMES).index(row["metric"])))
        parts.append(f"<h3>{h(title)}</h3>{_experiment(data, experiment_id, in_order, config)}")
    return "".join(parts)


def _experiment(data: ReportData, experiment_id: str, rows: Sequence[Row], config: MeasurementConfig) -> str:
    name = f"experiment {experiment_id}"
    if all(row["verdict"] == "broken" for row in rows):
        reasons = dict.fromkeys(f"{data.site_name(row['site_id'])}: {row['reason']}" for row in rows)
        lead = "The comparison is broken and says nothing, whatever its numbers are."
        return f'<p class="bad">{h(lead)}</p>{bullets(reasons)}'
    main = [row for row in rows if row["metric"] == _METRIC]
    head = main_effect([{**row, "kind": "holdout"} for row in rows]) or rows[0]
    lead = paragraph(f"{data.site_name(head['site_id'])}. {effect(head, config.confidence)}")
    drawn = [_interval(data, row) for row in main if row["relative_sequence_low"] is not None]
    caption = f"Effect on net revenue per visitor with its interval, by site, {name}"
    title = f"Effect on {METRIC_NAMES[_METRIC].lower()}"
    picture = figure(intervals(drawn, caption=caption), title=title) if drawn else ""
    over_nights = _over_nights(data, experiment_id, head)
    charts = f'<div class="charts">{picture}{over_nights}</div>' if picture or over_nights else ""
    first = _table(data, [row for row in rows if row["metric"] in _FIRST], name)
    others = folded("All measures, with the interval at one look", _all_measures(data, rows, name))
    return f"{lead}{charts}{first}{_power(head)}{others}"


def _interval(data: ReportData, row: Row) -> Interval:
    low, middle, high = (row[n] for n in ("relative_sequence_low", "relative_lift", "relative_sequence_high"))
    sense = row["verdict"] if row["verdict"] in {"better", "worse", "broken"} else "open"
    name = data.site_name(row["site_id"])
    hint = f"{name}: {percent(middle, signed=True)}, {span(low, high)}"
    return Interval(label=name, low=low, middle=middle, high=high, sense=sense, hint=hint)


def _over_nights(data: ReportData, experiment_id: str, head: Row) -> str:
    found = {
        row["night"]: row
        for row in data.trend
        if (row["experiment_id"], row["site_id"], row["metric"]) == (experiment_id, head["site_id"], head["metric"])
    }
    if len(found) < 2:
        return ""
    columns = [Column("Night"), Column("Effect", "num"), Column("Interval", "num"), Column("Verdict")]
    rows = [
        [
            day(night), percent(row["relative_lift"], signed=True),
            span(row["relative_sequence_low"], row["relative_sequence_high"]), row["verdict"],
        ]
        for night, row in found.items()
    ]  # fmt: skip
    points = {
        night: (row["relative_sequence_low"], row["relative_lift"], row["relative_sequence_high"])
        for night, row in found.items()
    }
    hints = {
        night: f"{short_day(night)}: {percent(row['relative_lift'], signed=True)}, "
        f"{span(row['relative_sequence_low'], row['relative_sequence_high'])}"
        for night, row in found.items()
    }
    title = f"The same as each night knew it, {data.site_name(head['site_id'])}"
    caption = f"{title}: effect on {METRIC_NAMES[head['metric']].lower()} and its interval by night"
    return figure(band(points, hints=hints, caption=caption), title=title, behind=table(columns, rows, caption=caption))


def _table(data: ReportData, rows: Sequence[Row], name: str) -> str:
    columns = [
        Column("Site"), Column("Measure"), Column("Shown", "num"), Column("Held back", "num"), Column("Effect", "num"),
        Column("Interval at every look", "num"), Column("Added in all", "num"), Column("Verdict"),
    ]  # fmt: skip
    body: list[list[Cell]] = [
        [
            *_measured(data, row), span(row["relative_sequence_low"], row["relative_sequence_high"]), _added(row),
            tag(row["verdict"], VERDICT_SENSES.get(row["verdict"], "warn")),
        ]
        for row in rows
    ]  # fmt: skip
    return table(columns, body, caption=f"Effects by site, {name}")


def _all_measures(data: ReportData, rows: Sequence[Row], name: str) -> str:
    columns = [
        Column("Site", "pick"), Column("Measure", "pick"), Column("Shown", "num"), Column("Held back", "num"),
        Column("Effect", "num"), Column("Interval at every look", "num"), Column("Interval at one look", "num"),
        Column("Verdict", "pick"),
    ]  # fmt: skip
    body: list[list[Cell]] = [
        [
            *_measured(data, row), span(row["relative_sequence_low"], row["relative_sequence_high"]),
            span(row["relative_ci_low"], row["relative_ci_high"]), row["verdict"],
        ]
        for row in rows
    ]  # fmt: skip
    return table(columns, body, caption=f"Effects by site and measure, {name}", is_sortable=True)


def _measured(data: ReportData, row: Row) -> list[Cell]:
    """Site, measure, both means (visitors where there are none) and the effect."""
    digits = 2 if row["currency"] else 4
    means = [
        f"{row[name]:,.{digits}f}" if row[name] is not None else f"{row[units]:,} visitors"
        for name, units in (("treatment_mean", "treatment_units"), ("control_mean", "control_units"))
    ]
    metric = METRIC_NAMES.get(row["metric"], plain(row["metric"]))
    named = metric + (f" ({row['currency']})" if row["currency"] else "")
    return [data.site_name(row["site_id"]), named, *means, percent(row["relative_lift"], signed=True)]


def _added(row: Row) -> str:
    return round_amount(row["added"], row["currency"]) if row["currency"] else count(row["added"])


def _power(row: Row) -> str:
    """How small an effect could be seen, and when."""
    if row["detectable_effect"] is None:
        return ""
    waits = [
        f"{percent(size, 0)} in {count(row[name])}"
        for size, name in ((0.02, "days_to_detect_2_percent"), (0.05, "days_to_detect_5_percent"),
                           (0.1, "days_to_detect_10_percent"))
        if row[name] is not None
    ]  # fmt: skip
    later = f"; an effect of {', of '.join(waits)} days" if waits else ""
    return paragraph(
        f"With these visitors an effect of {percent(row['detectable_effect'])} or more would be found{later}.",
        kind="soft",
    )


def cells(data: ReportData, config: MeasurementConfig) -> str:
    """Which cells are better or worse, with the share of false finds held down, and all others folded."""
    rows = [
        row for row in data.lift_cells if row["metric"] == _METRIC and (row["treatment_units"] or row["control_units"])
    ]
    if not rows:
        return paragraph("No cell of channel, segment or scenario has been compared.")
    judged = [row for row in rows if row["q_value"] is not None]
    found = [row for row in judged if row["verdict"] in {"better", "worse"}]
    lines = [
        f"{_cell_name(row)} ({data.site_name(row['site_id'])}): {row['verdict']}, "
        f"{percent(row['relative_lift'], signed=True)} ({span(row['relative_ci_low'], row['relative_ci_high'])})."
        for row in found
    ]
    said = (
        f"Of {count(len(judged))} cells with enough visitors {count(len(found))} are better or worse; of such calls "
        f"{percent(config.false_discoveries, 0)} or fewer are to be expected by chance."
        if judged
        else f"None of {count(len(rows))} cells has visitors enough to be judged by itself."
    )
    columns = [
        Column("Site", "pick"), Column("By", "pick"), Column("Cell", "wrap"), Column("Shown", "num"),
        Column("Held back", "num"), Column("Effect", "num"), Column("Interval", "num"), Column("Verdict", "pick"),
    ]  # fmt: skip
    body: list[list[Cell]] = [
        [
            data.site_name(row["site_id"]), _DIMENSIONS.get(row["dimension"], plain(row["dimension"])), _cell_name(row),
            count(row["treatment_units"]), count(row["control_units"]), percent(row["relative_lift"], signed=True),
            span(row["relative_ci_low"], row["relative_ci_high"]), row["verdict"],
        ]
        for row in rows
    ]  # fmt: skip
    all_cells = table(columns, body, caption="Effect on net revenue per visitor by cell", is_sortable=True)
    return paragraph(said) + bullets(lines) + folded("All cells", all_cells)


def _cell_name(row: Row) -> str:
    pooled = row["pooled_cells"] or []
    return f"{plain(row['cell'])}: {', '.join(pooled)}" if pooled else plain(row["cell"])
