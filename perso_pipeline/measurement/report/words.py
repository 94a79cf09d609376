"""Figures and effects in the words of the report. Keep HTML and arithmetic that decides anything out."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"
"""Between a figure and its unit, so that no line ends between them."""

_ROUND_FROM = 1000
METRIC_NAMES = {
    "net_revenue_per_visitor": "Net revenue per visitor",
    "capped_net_revenue_per_visitor": "Net revenue per visitor, largest capped",
    "orders_per_visitor": "Orders per visitor",
    "conversion": "Visitors who ordered",
    "net_revenue_per_order": "Net revenue per order",
}
VERDICT_SENSES = {"better": "good", "worse": "bad", "broken": "bad", "no difference larger than x": "soft"}


def amount(value: Decimal | float | None, currency: str = "") -> str:
    """Money with two decimals; a dash where nothing is known."""
    return DASH if value is None else f"{value:,.2f}{NBSP}{currency}".strip().replace("-", MINUS)


def round_amount(value: Decimal | float | None, currency: str = "") -> str:
    """Money for a headline: whole units from a thousand on."""
    if value is None or abs(float(value)) < _ROUND_FROM:
        return amount(value, currency)
    return f"{value:,.0f}{NBSP}{currency}".strip().replace("-", MINUS)


def count(value: float | Decimal | None) -> str:
    return DASH if value is None else f"{int(value):,}".replace("-", MINUS)


def percent(value: float | None, digits: int = 1, *, signed: bool = False) -> str:
    if value is None:
        return DASH
    return (f"{value:+.{digits}%}" if signed else f"{value:.{digits}%}").replace("-", MINUS).replace("%", f"{NBSP}%")


def day(value: date) -> str:
    return f"{value.day} {value:%B %Y}"


def short_day(value: date) -> str:
    return f"{value:%a} {value.day} {value:%b}"


def plain(identifier: str) -> str:
    return identifier.replace("_", " ").replace("-", " ")


def listed(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def share(part: Decimal | None, whole: Decimal | None) -> float | None:
    """Part of whole; None where the whole is not above zero."""
    return float((part or Decimal(0)) / whole) if whole and whole > 0 else None


def span(low: float | None, high: float | None) -> str:
    """An interval of relative effects."""
    return DASH if low is None or high is None else f"{percent(low, signed=True)} to {percent(high, signed=True)}"


def effect(row: Row, confidence: float) -> str:
    """One row of ``measurement.lift`` as a sentence."""
    if row["verdict"] == "broken":
        return f"The comparison is broken and says nothing: {_lower(row['reason'])}"
    if row["difference"] is None:
        return f"Cannot be said: {row['reason']}"
    if row["relative_lift"] is None:
        interval = f"{percent(confidence, 0)} interval {amount(row['ci_low'])} to {amount(row['ci_high'])}"
        return f"Difference per visitor {amount(row['difference'])} ({interval}). {row['reason']}"
    more = "higher" if row["relative_lift"] >= 0 else "lower"
    interval = span(row["relative_sequence_low"], row["relative_sequence_high"])
    sentence = (
        f"{METRIC_NAMES[row['metric']]}: {percent(abs(row['relative_lift']))} {more} than among those held back "
        f"({percent(confidence, 0)} interval {interval})"
    )
    endings = {
        "better": "; chance alone does not explain it.",
        "worse": "; chance alone does not explain it.",
        "no difference larger than x": f". {row['reason']}",
    }
    return sentence + endings.get(row["verdict"], "; this may still be chance.")


def headline(totals: Sequence[Row], lift: Sequence[Row], *, night: date, days: int) -> str:
    """The report in one sentence: what was earned, what came through recommendations, what they added."""
    if not totals:
        return f"No order is known for the {days} days to {day(night)}."
    by_currency: dict[str, tuple[Decimal, Decimal]] = {}
    for row in totals:
        net, through = by_currency.get(row["currency"], (Decimal(0), Decimal(0)))
        by_currency[row["currency"]] = (net + row["net"], through + (row["recommended_net"] or Decimal(0)))
    amounts = listed([round_amount(net, currency) for currency, (net, _) in sorted(by_currency.items())])
    shares = listed([percent(share(through, net)) for _, (net, through) in sorted(by_currency.items())])
    return (
        f"In the {days} days to {day(night)} net revenue was {amounts}, {shares} of it through recommendations; "
        f"{added(lift)}."
    )


def added(lift: Sequence[Row]) -> str:
    """What recommendations added, as the end of a sentence."""
    row = main_effect(lift)
    if row is None:
        return "what they added cannot be said, for no list was served while a group was held back"
    if row["verdict"] == "broken":
        return "what they added cannot be said, for the comparison with those held back is broken"
    if row["relative_lift"] is None:
        return f"what they added cannot be said: {_lower(row['reason'] or 'no interval holds').rstrip('.')}"
    thing = METRIC_NAMES[row["metric"]].lower()
    interval = span(row["relative_sequence_low"], row["relative_sequence_high"])
    if row["verdict"] == "better":
        return f"they raised {thing} by {percent(row['relative_lift'])} (interval {interval})"
    if row["verdict"] == "worse":
        return f"they lowered {thing} by {percent(-row['relative_lift'])} (interval {interval})"
    if row["verdict"] == "no difference larger than x":
        return f"what they added to {thing} is small (interval {interval})"
    return f"whether they added any cannot be told yet (effect on {thing} anything from {interval})"


def main_effect(lift: Sequence[Row]) -> Row | None:
    """The row the headline is about: the holdout over all sites, by revenue if that can be said, else by orders."""
    served = [row for row in lift if row["kind"] == "holdout" and (row["treatment_units"] or row["control_units"])]
    if not served:
        return None
    site_id = served[0]["site_id"]  # 'all' comes first where there is more than one site
    metrics = {row["metric"]: row for row in reversed(served) if row["site_id"] == site_id}
    wanted = [metrics[name] for name in ("net_revenue_per_visitor", "orders_per_visitor") if name in metrics]
    stated = [row for row in wanted if row["relative_lift"] is not None]
    return (stated or wanted or served)[0]


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
