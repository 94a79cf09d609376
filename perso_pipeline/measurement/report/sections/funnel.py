"""What became of the lists: from served to ordered, per scenario."""

from perso_pipeline.measurement.report.charts import shares
from perso_pipeline.measurement.report.data import ReportData, Row
from perso_pipeline.measurement.report.html import Cell, Column, figure, paragraph, table
from perso_pipeline.measurement.report.words import amount, count, percent

_STEPS = {
    "drawn": ("impressions", "requests", "of lists served were drawn"),
    "seen": ("viewable_impressions", "impressions", "of lists drawn were seen"),
    "clicked": ("clicked_requests", "viewable_impressions", "of lists seen were clicked"),
    "ordered": ("orders", "clicked_requests", "orders per list clicked"),
}
"""Step to its counter, what it is a share of, and its words."""


def funnel(data: ReportData) -> str:
    """Per site a chart of the way from list to order, and the counts with both click-through rates."""
    if not data.funnel:
        return paragraph("No recommendation list was served in these days.")
    drawn = [row for row in data.funnel if row["variant"] != "control"]
    parts = []
    for site_id in data.in_order(row["site_id"] for row in drawn):
        bars = [_bar(row, step) for row in drawn if row["site_id"] == site_id for step in _STEPS]
        name = data.site_name(site_id)
        caption = f"Of each step the share that reached the next, per scenario, {name}"
        svg = shares([bar for bar in bars if bar], steps=list(_STEPS), caption=caption)
        parts.append(figure(svg, title=f"{name}: each step as a share of the one before"))
    return f'<div class="charts">{"".join(parts)}</div>{_counts(data)}'


def _bar(row: Row, step: str) -> dict[str, object]:
    counter, base, words = _STEPS[step]
    if not row[base]:
        return {}
    part = row[counter] / row[base]
    hint = f"{row['scenario_id']}: {percent(part)} {words} ({count(row[counter])} of {count(row[base])})"
    return {"label": row["scenario_id"], "step": step, "share": min(part, 1.0), "words": percent(part), "hint": hint}


def _counts(data: ReportData) -> str:
    columns = [Column("Site", "pick"), Column("Scenario", "pick"), Column("Arm", "pick")]
    names = ("Served", "Drawn", "Seen", "Items clicked", "Carts", "Orders", "Net revenue")
    rates = ("CTR per list drawn", "CTR per list served", "Lists clicked")
    columns += [Column(name, "num") for name in (*names, *rates)]
    body: list[list[Cell]] = [
        [
            data.site_name(row["site_id"]), row["scenario_id"],
            "held back" if row["variant"] == "control" else "shown",
            *(count(row[name])
              for name in ("requests", "impressions", "viewable_impressions", "clicks", "carts", "orders")),
            amount(row["net_revenue"]),
            *(percent(row[part] / row[whole] if row[whole] else None)
              for part, whole in (("clicks", "impressions"), ("clicks", "requests"), ("clicked_requests", "requests"))),
        ]
        for site_id in data.in_order(row["site_id"] for row in data.funnel)
        for row in data.funnel
        if row["site_id"] == site_id
    ]  # fmt: skip
    return table(columns, body, caption="From lists served to orders, per site, scenario and arm", is_sortable=True)
