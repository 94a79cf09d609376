"""Whether the report's cells add up to the money that moved, to the cent.

The ledger side is computed here anew from ``interactions``, not from what the report was made of. Add a
figure to ``FIGURES`` when the report gets one. Keep Dagster out.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from perso_pipeline.contracts.warehouse import Warehouse

FIGURES = (
    "movements", "gross", "discount", "cancelled", "refunded", "adjusted", "net", "cost",
    "movements_on_day", "refunded_on_return_day", "net_on_movement_day",
)  # fmt: skip
"""Columns of ``measurement.revenue_report`` that add up over all its rows."""

ORDER_DAY_FIGURES = FIGURES[:8]
LEDGER_FIGURES = ("gross", "discount", "cancelled", "refunded", "adjusted", "net", "cost")

# A line whose sale is not known on the night is dated by its own movement, as in movements_as_of_night.
_MOVEMENTS = """
with known as (
    select *, bool_or(movement = 'sale') over (partition by site_id, order_id, order_line_id) as has_sale
    from interactions.order_movements
    where known_on <= $night and movement_date <= $night
),
dated as (
    select *, case when has_sale then order_date else movement_date end as booked_on,
        report_windows.starts_on, report_windows.ends_on
    from known
    cross join (select starts_on, ends_on from measurement.report_windows where night = $night) as report_windows
)
select site_id, currency,
    count(*) filter (where booked_on between starts_on and ends_on) as movements,
    sum(gross) filter (where booked_on between starts_on and ends_on) as gross,
    sum(discount) filter (where booked_on between starts_on and ends_on) as discount,
    sum(cancelled) filter (where booked_on between starts_on and ends_on) as cancelled,
    sum(refunded) filter (where booked_on between starts_on and ends_on) as refunded,
    sum(adjusted) filter (where booked_on between starts_on and ends_on) as adjusted,
    sum(net) filter (where booked_on between starts_on and ends_on) as net,
    sum(cost) filter (where booked_on between starts_on and ends_on) as cost,
    count(*) filter (where movement_date between starts_on and ends_on) as movements_on_day,
    sum(refunded) filter (where movement_date between starts_on and ends_on) as refunded_on_return_day,
    sum(net) filter (where movement_date between starts_on and ends_on) as net_on_movement_day
from dated group by site_id, currency
"""

# The ledger has no nights: it can be compared only where it knows no more than the night and no day is cut off.
_LEDGER_COMPARABLE = """
select
    coalesce(max(known_on) <= $night and max(movement_date) <= $night, false)
    and coalesce(min(least(order_date, movement_date)) >= min(starts_on), false) as comparable
from interactions.order_movements cross join (
    select starts_on from measurement.report_windows where night = $night
) as report_windows
"""


@dataclass(frozen=True)
class Difference:
    """A figure that is not the same on both sides."""

    table: str
    ledger: str
    site_id: str
    currency: str
    figure: str
    reported: Decimal
    moved: Decimal

    def __str__(self) -> str:
        return (
            f"{self.table}: {self.figure} of {self.site_id} in {self.currency} is {self.reported:,}, "
            f"{self.ledger} has {self.moved:,} (difference {self.reported - self.moved:+,})"
        )


@dataclass(frozen=True)
class Reconciliation:
    """What was compared and what differs.

    Attributes:
        movements: Order movements of the window, over all sites.
        compared_with_ledger: Whether order_lines could be compared too (window over all history, no later night known).
        differences: Empty when everything adds up.
    """

    movements: int
    compared_with_ledger: bool
    differences: tuple[Difference, ...]


def reconcile(warehouse: Warehouse, night: date) -> Reconciliation:
    """Compare ``revenue_report`` and ``attributed_revenue`` of a night with ``interactions``."""
    moved = _cells(warehouse, _MOVEMENTS, night, FIGURES)
    reported = _cells(warehouse, _sums("revenue_report", FIGURES), night, FIGURES)
    attributed = _cells(warehouse, _sums("attributed_revenue", ORDER_DAY_FIGURES), night, ORDER_DAY_FIGURES)
    differences = [
        *_differences("revenue_report", "order_movements", reported, moved, FIGURES),
        *_differences("attributed_revenue", "order_movements", attributed, moved, ORDER_DAY_FIGURES),
    ]
    comparable = bool(warehouse.query(_LEDGER_COMPARABLE, {"night": night}).column("comparable")[0].as_py())
    if comparable:
        sums = ", ".join(f"sum({figure}) as {figure}" for figure in LEDGER_FIGURES)
        query = f"""
            select site_id, currency, {sums} from interactions.order_lines
            where $night is not null group by site_id, currency
        """
        ledger = _cells(warehouse, query, night, LEDGER_FIGURES)
        differences += _differences("revenue_report", "order_lines", reported, ledger, LEDGER_FIGURES)
    movements = sum(int(figures["movements"]) for figures in moved.values())
    return Reconciliation(movements, comparable, tuple(differences))


Cells = dict[tuple[str, str], dict[str, Decimal]]


def _sums(table: str, figures: tuple[str, ...]) -> str:
    sums = ", ".join(f"sum({figure}) as {figure}" for figure in figures)
    return f"select site_id, currency, {sums} from measurement.{table} where night = $night group by site_id, currency"


def _cells(warehouse: Warehouse, query: str, night: date, figures: tuple[str, ...]) -> Cells:
    rows = warehouse.query(query, {"night": night}).to_pylist()
    return {(row["site_id"], row["currency"]): {name: _known(row[name]) for name in figures} for row in rows}


def _known(value: Decimal | int | None) -> Decimal:
    return Decimal(0) if value is None else Decimal(value)  # no cost known in a cell adds nothing


def _differences(table: str, ledger: str, reported: Cells, moved: Cells, figures: tuple[str, ...]) -> list[Difference]:
    nothing = dict.fromkeys(FIGURES, Decimal(0))
    return [
        Difference(table, ledger, *cell, figure, left, right)
        for cell in sorted({*reported, *moved})
        for figure in figures
        if (left := reported.get(cell, nothing)[figure]) != (right := moved.get(cell, nothing)[figure])
    ]
