"""What changed since an earlier report, in words: no published figure moves without its reason."""

from decimal import Decimal

from perso_pipeline.measurement.report.data import ReportData, Row
from perso_pipeline.measurement.report.html import bullets, paragraph
from perso_pipeline.measurement.report.words import amount, count, day

_CAUSES = {
    "late_order": "orders that arrived late",
    "cancellation": "cancellations",
    "refund": "refunds",
    "adjustment": "adjustments",
    "identity_merge": "people found to be one",
    "segment_change": "buyers who changed segment",
    "late_event": "late records of visits and lists",
    "erasure": "people erased",
    "unexplained": "no reason that is known",
}


def changes(data: ReportData) -> str:
    """One line per site and cause; what only moves between cells says that the totals stay."""
    if not data.restatement:
        if not data.since:
            return paragraph("This is the first report, so none before it has changed.")
        since = day(data.since[0]["since_night"])
        return paragraph(f"No figure of the report of {since} has changed.")
    since = day(data.restatement[0]["since_night"])
    nets: dict[str, Decimal] = {}
    for row in data.restatement:
        nets[row["currency"]] = nets.get(row["currency"], Decimal(0)) + row["net"]
    sums = " and ".join(amount(net, currency) for currency, net in sorted(nets.items()))
    order = data.in_order(row["site_id"] for row in data.restatement)
    rows = sorted(data.restatement, key=lambda row: (order.index(row["site_id"]), -abs(row["net"]), row["cause"]))
    lead = f"Net revenue of days that the report of {since} covered has changed by {sums} since:"
    return paragraph(lead) + bullets(_line(data, row) for row in rows)


def _line(data: ReportData, row: Row) -> str:
    days = "one day" if row["days"] == 1 else f"{count(row['days'])} days"
    period = day(row["first_date"])
    if row["days"] > 1:
        period += f" to {day(row['last_date'])}"
    cause = _CAUSES.get(row["cause"], row["cause"])
    if row["net"]:
        way = "added" if row["net"] > 0 else "took off"
        said = f"{cause} {way} {amount(abs(row['net']), row['currency'])} on {days} ({period})."
    else:
        moved = amount(row["moved"] / 2, row["currency"])
        said = f"{cause} moved {moved} between cells of {days} ({period}); the totals stay."
    return f"{data.site_name(row['site_id'])}: {said}"
