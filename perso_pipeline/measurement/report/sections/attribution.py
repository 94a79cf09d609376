"""Whom the revenue is credited to: the rules side by side, and what several of them claim at once."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from perso_pipeline.measurement.report.charts import grouped_bars, legend
from perso_pipeline.measurement.report.data import ReportData, Row
from perso_pipeline.measurement.report.html import Cell, Column, figure, folded, h, paragraph, table
from perso_pipeline.measurement.report.sections.revenue import CHARTED_SITES
from perso_pipeline.measurement.report.words import amount, percent, plain, round_amount, share

RULES = {
    "request": "named by order",
    "unit": "same item",
    "click_30_minutes": "click, 30 minutes",
    "click_7_days": "click, 7 days",
}
CHANNEL_RULES = {"first": "first visit", "last": "last visit", "linear": "all alike", "position": "by position"}
_CREDITED = 7

Site = tuple[str, str]


def rules(data: ReportData) -> str:
    """Per site and currency: what each rule credits to recommendations, the overlap, and channels by rule."""
    groups: dict[Site, list[Row]] = {}
    for row in data.rules:
        if row["rule"] in RULES:
            groups.setdefault((row["site_id"], row["currency"]), []).append(row)
    if not groups:
        return paragraph("Nothing has been attributed: no order of these days is known.")
    drawn, parts = [], []
    scenarios = sorted({row["scenario_id"] for row in data.rules} - {"none"})[:_CREDITED]
    order = data.in_order(site_id for site_id, _ in groups)
    for place, (site, rows) in enumerate(sorted(groups.items(), key=lambda group: order.index(group[0][0]))):
        title = f"{data.site_name(site[0])} ({site[1]})"
        if scenarios and place < CHARTED_SITES:
            svg = grouped_bars(_bars(rows), names=scenarios, caption=f"Net revenue credited by each rule, {title}")
            drawn.append(figure(svg, title=title, legend=legend(scenarios)))
        tables = _side_by_side(rows, scenarios, title) + _overlap(data, site, title) + _channels(data, site, title)
        parts.append(f"<h3>{h(title)}</h3>{tables}")
    return f'<div class="charts">{"".join(drawn)}</div>{"".join(parts)}'


def _bars(rows: Sequence[Row]) -> list[dict[str, object]]:
    order = list(RULES)
    return [
        {
            "label": RULES[row["rule"]], "series": row["scenario_id"], "amount": float(row["net"]),
            "hint": f"{RULES[row['rule']]}, {row['scenario_id']}: {amount(row['net'], row['currency'])}",
        }
        for row in sorted(rows, key=lambda row: (order.index(row["rule"]), row["scenario_id"]))
        if row["scenario_id"] != "none"
    ]  # fmt: skip


def _side_by_side(rows: Sequence[Row], scenarios: Sequence[str], title: str) -> str:
    columns = [Column("Rule"), *(Column(name, "num") for name in scenarios)]
    columns += [Column(name, "num") for name in ("Through recommendations", "Share of net", "Claimed", "Claimed twice")]
    body: list[list[Cell]] = []
    for rule, words in RULES.items():
        of_rule = {row["scenario_id"]: row for row in rows if row["rule"] == rule}
        whole = sum((row["net"] for row in of_rule.values()), Decimal(0))
        credited = sum((row["net"] for name, row in of_rule.items() if name != "none"), Decimal(0))
        claimed = sum((row["claimed_net"] for name, row in of_rule.items() if name != "none"), Decimal(0))
        by_scenario = [of_rule[name]["net"] if name in of_rule else Decimal(0) for name in scenarios]
        figures = [amount(value) for value in (*by_scenario, credited)]
        body.append([words, *figures, percent(share(credited, whole)), amount(claimed), amount(claimed - credited)])
    return table(columns, body, caption=f"Net revenue credited by each rule, {title}")


def _overlap(data: ReportData, site: Site, title: str) -> str:
    rows = [row for row in data.overlap if (row["site_id"], row["currency"]) == site]
    if not rows:
        return paragraph("What several rules claim at once is not known.")
    nobody = sum((row["net"] for row in rows if not any(row[rule] for rule in RULES)), Decimal(0))
    every = sum((row["net"] for row in rows if all(row[rule] for rule in RULES)), Decimal(0))
    contested = sum((row["net"] for row in rows if row["is_contested"]), Decimal(0))
    whole = sum((row["net"] for row in rows), Decimal(0))
    said = paragraph(
        f"Of {round_amount(whole, site[1])} net {percent(share(nobody, whole))} is claimed by no rule, "
        f"{percent(share(every, whole))} by every rule and {percent(share(contested, whole))} by several scenarios."
    )
    columns = [Column("Claimed by both"), *(Column(words, "num") for words in RULES.values())]
    body: list[list[Cell]] = [
        [words, *(amount(sum((row["net"] for row in rows if row[rule] and row[other]), Decimal(0))) for other in RULES)]
        for rule, words in RULES.items()
    ]
    matrix = table(columns, body, caption=f"Net revenue that two rules claim at once, {title}")
    return said + folded("What two rules claim at once", matrix)


def _channels(data: ReportData, site: Site, title: str) -> str:
    channels: dict[str, dict[str, Decimal]] = {}
    for row in data.channel_rules:
        if (row["site_id"], row["currency"]) == site:
            channels.setdefault(row["channel"], {})[row["rule"]] = row["net"]
    if not channels:
        return ""
    columns = [Column("Channel"), *(Column(words, "num") for words in CHANNEL_RULES.values())]
    body = [
        _channel_row(channel, nets)
        for channel, nets in sorted(channels.items(), key=lambda item: -max(item[1].values()))
    ]
    inside = table(columns, body, caption=f"Net revenue by channel and rule, {title}", is_sortable=True)
    return folded("Channels by first, last, all and position of the visits before an order", inside)


def _channel_row(channel: str, nets: Mapping[str, Decimal]) -> list[Cell]:
    return [plain(channel), *(amount(nets.get(rule, Decimal(0))) for rule in CHANNEL_RULES)]
