"""Figures and effects in the words of the report. Keep HTML and arithmetic that decides anything out."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"

METRIC_NAMES = {"orders_per_visitor": "Orders per visitor", "net_revenue_per_visitor": "Net revenue per visitor"}


def amount(value: Decimal | float | None, currency: str = "") -> str:
    """Money with two decimals; a dash where nothing is known."""
    return DASH if value is None else f"{value:,.2f} {currency}".strip().replace("-", MINUS)


def count(value: float | Decimal | None) -> str:
    return DASH if value is None else f"{int(value):,}".replace("-", MINUS)


def percent(value: float | None, digits: int = 1, *, signed: bool = False) -> str:
    if value is None:
        return DASH
    return (f"{value:+.{digits}%}" if signed else f"{value:.{digits}%}").replace("-", MINUS).replace("%", " %")


def day(value: date) -> str:
    return f"{value.day} {value:%B %Y}"


def share(part: Decimal | None, whole: Decimal | None) -> float | None:
    """Part of whole; None where the whole is not above zero."""
    return float((part or Decimal(0)) / whole) if whole and whole > 0 else None


def effect(row: Row, confidence: float) -> str:
    """One row of ``measurement.lift`` as a sentence."""
    thing = {"orders_per_visitor": "placed", "net_revenue_per_visitor": "spent"}[row["metric"]]
    noun = " orders" if thing == "placed" else ""
    if row["difference"] is None:
        return f"Cannot be said: {row['reason']}"
    if row["relative_lift"] is None:
        low, high = amount(row["ci_low"]), amount(row["ci_high"])
        interval = f"{confidence:.0%} interval {low} to {high}"
        return f"Difference per visitor {amount(row['difference'])} ({interval}). {row['reason']}"
    more = "more" if row["relative_lift"] >= 0 else "fewer" if noun else "less"
    low, high = percent(row["relative_ci_low"], signed=True), percent(row["relative_ci_high"], signed=True)
    sentence = (
        f"Visitors who were shown recommendations {thing} {percent(abs(row['relative_lift']))} {more}{noun} than those "
        f"who were not ({confidence:.0%} interval {low} to {high})".replace("95%", "95 %")
    )
    endings = {
        "better": "; chance alone does not explain it.",
        "worse": "; chance alone does not explain it.",
        "no difference larger than x": f". {row['reason']}",
    }
    return sentence + endings.get(row["verdict"], "; this may still be chance.")


def headline(totals: Sequence[Row], lift: Sequence[Row], *, night: date, days: int, confidence: float) -> str:
    """The report in two sentences."""
    if not totals:
        return f"No order is known for the {days} days to {day(night)}."
    by_currency: dict[str, list[Row]] = {}
    for row in totals:
        by_currency.setdefault(row["currency"], []).append(row)
    parts = []
    for currency, rows in sorted(by_currency.items()):
        net = sum((row["net"] for row in rows), Decimal(0))
        recommended = sum((row["recommended_net"] or Decimal(0) for row in rows), Decimal(0))
        parts.append(f"{amount(net, currency)} ({percent(share(recommended, net))} of it through recommendations)")
    return (
        f"Net revenue of the {days} days to {day(night)} was {' and '.join(parts)}. {_lift_sentence(lift, confidence)}"
    )


def _lift_sentence(lift: Sequence[Row], confidence: float) -> str:
    served = [row for row in lift if row["treatment_units"] or row["control_units"]]
    if not served:
        return "What recommendations added cannot be said: no request was served."
    site = served[0]["site_id"]  # 'all' comes first where there is more than one site
    rows = sorted((row for row in served if row["site_id"] == site), key=lambda row: row["metric"])
    stated = [row for row in rows if row["difference"] is not None]
    if not stated:
        return f"What recommendations added cannot be said: {rows[0]['reason'][0].lower()}{rows[0]['reason'][1:]}"
    return effect(stated[0], confidence)
