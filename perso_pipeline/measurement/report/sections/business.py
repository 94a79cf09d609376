"""How business goes: visits to orders, customers won and kept, promotions, seasons, products."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from perso_pipeline.measurement.report.data import RECENT_DAYS, ReportData, Row
from perso_pipeline.measurement.report.html import Cell, Column, folded, paragraph, table
from perso_pipeline.measurement.report.words import DASH, amount, count, percent, plain, share

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_SUMMED = ("visits", "orders", "new_orders", "net", "new_net", "returned_orders", "coupon_orders", "units_sold",
           "units_returned")  # fmt: skip


def business(data: ReportData) -> str:
    """The sites side by side, then each subject folded."""
    if not data.business:
        return paragraph("No visit and no order is known for these days.")
    subjects: list[tuple[str, str]] = [
        ("By channel", _channels(data)),
        ("What customers are worth by the channel that won them", _cohorts(data)),
        ("How likely another order follows, and who stays away", _repeats(data) + _churn(data)),
        ("Coupons and discounts", _promotions(data)),
        ("Weekdays and months", _seasons(data)),
        ("Best products", _products(data)),
    ]
    return _sites(data) + "".join(folded(title, body) for title, body in subjects if body)


def _sites(data: ReportData) -> str:
    """One row per figure, one column per site with the change against as many days before."""
    sites = data.in_order(row["site_id"] for row in data.business)
    recent = {site: _sum(row for row in data.business if row["site_id"] == site and row["is_recent"]) for site in sites}
    before = {
        site: _sum(row for row in data.business if row["site_id"] == site and not row["is_recent"]) for site in sites
    }
    currencies = {row["site_id"]: row["currency"] for row in data.business}
    figures: dict[str, tuple[Callable[[Row], float | Decimal | None], Callable[[float | Decimal | None], str]]] = {
        "Visits": (lambda row: row["visits"], count),
        "Orders": (lambda row: row["orders"], count),
        "Conversion (orders per visit)": (lambda row: _part(row["orders"], row["visits"]), _percent),
        "Net per order": (lambda row: _part(row["net"], row["orders"]), amount),
        "Orders of new customers": (lambda row: _part(row["new_orders"], row["orders"]), _percent),
        "Net of new customers": (lambda row: share(row["new_net"], row["net"]), _percent),
        "Orders with something returned": (lambda row: _part(row["returned_orders"], row["orders"]), _percent),
        "Orders with a coupon": (lambda row: _part(row["coupon_orders"], row["orders"]), _percent),
    }
    columns = [Column("Figure")]
    for site in sites:
        columns += [Column(f"{data.site_name(site)} ({currencies[site]})", "num"), Column("before", "num")]
    body: list[list[Cell]] = [
        [name, *(shown(value(sums[site])) for site in sites for sums in (recent, before))]
        for name, (value, shown) in figures.items()
    ]
    caption = f"Business figures of the last {RECENT_DAYS} days beside as many before"
    return table(columns, body, caption=caption)


def _channels(data: ReportData) -> str:
    columns = [Column("Site", "pick"), Column("Channel", "pick")]
    names = ("Visits", "Orders", "Conversion", "Net", "Net per order", "Of new customers", "Returned")
    columns += [Column(name, "num") for name in names]
    body: list[list[Cell]] = [
        [
            data.site_name(row["site_id"]), plain(row["channel"]), count(row["visits"]), count(row["orders"]),
            percent(_part(row["orders"], row["visits"])), amount(row["net"]),
            amount(_part(row["net"], row["orders"])), percent(_part(row["new_orders"] or 0, row["orders"])),
            percent(_part(row["returned_orders"], row["orders"])),
        ]
        for row in _ordered(data, data.business)
        if row["is_recent"]
    ]  # fmt: skip
    return table(columns, body, caption="Business figures by channel", is_sortable=True)


def _cohorts(data: ReportData) -> str:
    columns = [Column("Site", "pick"), Column("Won by", "pick")]
    columns += [
        Column(name, "num")
        for name in ("Customers", "Orders", "Orders per customer", "Net", "Net per customer", "Margin per customer")
    ]
    body: list[list[Cell]] = [
        [
            data.site_name(row["site_id"]), plain(row["acquisition_channel"]), count(row["customers"]),
            count(row["orders"]), f"{row['orders'] / row['customers']:.2f}" if row["customers"] else DASH,
            amount(row["net"]), amount(_part(row["net"], row["customers"])),
            amount(_part(row["margin"], row["customers"])),
        ]
        for row in _ordered(data, data.cohorts)
    ]  # fmt: skip
    return table(columns, body, caption="Value of customers by the channel of their first order", is_sortable=True)


def _repeats(data: ReportData) -> str:
    columns = [Column("Site")]
    columns += [Column(name, "num") for name in ("Orders so far", "Customers", "Ordered again", "Share")]
    body: list[list[Cell]] = [
        [
            data.site_name(row["site_id"]), count(row["orders"]), count(row["customers_with_at_least"]),
            count(row["customers_with_more"]), percent(row["repeat_probability"]),
        ]
        for row in _ordered(data, data.repeats)
    ]  # fmt: skip
    return table(columns, body, caption="How likely another order follows") if body else ""


def _churn(data: ReportData) -> str:
    known = [row for row in _ordered(data, data.churn) if row["churn_rate"] is not None]
    if not known:
        days = max((row["churn_days"] for row in data.churn), default=None)
        return paragraph(f"No month is {count(days)} days past, so nobody counts as lost yet.") if days else ""
    columns = [Column("Site", "pick"), Column("Month"), Column("Customers so far", "num"), Column("Lost", "num")]
    columns += [Column("Churn", "num")]
    body: list[list[Cell]] = [
        [
            data.site_name(row["site_id"]), f"{row['month']:%B %Y}", count(row["customers_so_far"]),
            count(row["churned"]), percent(row["churn_rate"]),
        ]
        for row in known
    ]  # fmt: skip
    return table(columns, body, caption="Churn by month", is_sortable=True)


def _promotions(data: ReportData) -> str:
    columns = [Column("Site", "pick"), Column("Orders with", "pick")]
    names = ("Orders", "Net", "Margin", "Net per order", "Discount", "Returned", "New customers", "Came back")
    columns += [Column(name, "num") for name in names]
    body: list[list[Cell]] = [
        [
            data.site_name(row["site_id"]),
            row["promotion"] if row["coupon_code"] == "none" else f"{row['promotion']} {row['coupon_code']}",
            count(row["orders"]), amount(row["net"]), amount(row["margin"]), amount(row["average_order_value"]),
            percent(row["discount_rate"]), percent(row["return_rate"]), count(row["new_customers"]),
            percent(row["came_back_rate"]),
        ]
        for row in _ordered(data, data.promotions)
    ]  # fmt: skip
    note = paragraph("Nobody was held back from a promotion: this compares, it proves no effect.", kind="soft")
    return note + table(columns, body, caption="Orders with and without promotions", is_sortable=True) if body else ""


def _seasons(data: ReportData) -> str:
    names = {"weekday": _WEEKDAYS, "month": _MONTHS}
    columns = [Column("Site", "pick"), Column("Season"), Column("Days", "num"), Column("Orders", "num")]
    columns += [Column("Net per day", "num"), Column("Of an average day", "num")]
    body: list[list[Cell]] = [
        [
            data.site_name(row["site_id"]), names[row["season_type"]][row["season"] - 1], count(row["days"]),
            count(row["orders"]), amount(row["net_per_day"]), percent(row["season_index"], 0),
        ]
        for row in _ordered(data, data.seasons)
    ]  # fmt: skip
    return table(columns, body, caption="Weekdays and months", is_sortable=True) if body else ""


def _products(data: ReportData) -> str:
    columns = [Column("Site", "pick"), Column("Product", "wrap"), Column("Brand")]
    columns += [Column(name, "num") for name in ("Views", "Pieces", "Net", "Bought per view", "Returned", "Stock")]
    body: list[list[Cell]] = [
        [
            data.site_name(row["site_id"]), row["name"] or row["item_id"], row["brand"] or DASH,
            count(row["views_28d"]), count(row["units_28d"]), amount(row["net_28d"]),
            percent(row["purchase_rate"]), percent(row["return_rate"]), count(row["stock"]),
        ]
        for row in _ordered(data, data.products)
    ]  # fmt: skip
    return table(columns, body, caption="Best products", is_sortable=True) if body else ""


def _ordered(data: ReportData, rows: Sequence[Row]) -> list[Row]:
    """The sites in the order of the page, each site's rows as they come."""
    order = data.in_order(row["site_id"] for row in rows)
    return sorted(rows, key=lambda row: order.index(row["site_id"]))


def _sum(rows: Iterable[Row]) -> Row:
    found: Row = dict.fromkeys(_SUMMED, 0)
    for row in rows:
        for name in _SUMMED:
            found[name] += row[name] or 0
    return found


def _part(part: float | Decimal | None, whole: float | None) -> float | None:
    return float(part) / float(whole) if part is not None and whole else None


def _percent(value: float | Decimal | None) -> str:
    return percent(None if value is None else float(value))
