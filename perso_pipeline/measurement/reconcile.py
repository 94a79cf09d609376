"""Whether the report's cells add up to the money that moved, to the cent.

The ledger side is computed here anew from ``interactions``, not from what the report was made of. Add a
figure to ``FIGURES`` when the report gets one. Attribution and funnel have their own modules. Keep Dagster out.
"""

from dataclasses import dataclass
from datetime import date

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.measurement.cells import Difference, differences, read_cells
from perso_pipeline.measurement.reconcile_attribution import attribution_differences
from perso_pipeline.measurement.reconcile_funnel import funnel_differences

_OWN = ("gross", "discount", "cancelled", "refunded", "adjusted", "net", "cost")
_SITES_OWN = tuple(f"site_{figure}" for figure in _OWN)
_OF_THEIR_DAY = ("refunded_on_return_day", "net_on_movement_day")
FIGURES = (
    "movements", *_OWN, "unconverted", *_SITES_OWN, "movements_on_day", *_OF_THEIR_DAY,
    *(f"site_{figure}" for figure in _OF_THEIR_DAY),
)  # fmt: skip
"""Columns of ``measurement.revenue_report`` that add up over all its rows."""

# A line whose sale is not known on the night is dated by its own movement, as in movements_as_of_night.
_MOVEMENTS = f"""
with known as (
    select *, bool_or(movement = 'sale') over (partition by site_id, order_id, order_line_id) as has_sale
    from interactions.order_movements
    where known_on <= $night and movement_date <= $night
),
dated as (
    select known.*, amounts.* exclude (site_id), amounts.movement_id is null as is_unconverted,
        case when has_sale then known.order_date else known.movement_date end
            between report_windows.starts_on and report_windows.ends_on as is_ordered,
        known.movement_date between report_windows.starts_on and report_windows.ends_on as is_moved
    from known
    cross join (select starts_on, ends_on from measurement.report_windows where night = $night) as report_windows
    left join (
        select movement_id, site_id, {", ".join(_SITES_OWN)} from interactions.site_amounts
        where converted_on <= $night
    ) as amounts on known.movement_id = amounts.movement_id and known.site_id = amounts.site_id
)
select site_id, currency,
    count(*) filter (where is_ordered) as movements,
    {", ".join(f"sum({figure}) filter (where is_ordered) as {figure}" for figure in (*_OWN, *_SITES_OWN))},
    count(*) filter (where is_ordered and is_unconverted) as unconverted,
    count(*) filter (where is_moved) as movements_on_day,
    sum(refunded) filter (where is_moved) as refunded_on_return_day,
    sum(net) filter (where is_moved) as net_on_movement_day,
    sum(site_refunded) filter (where is_moved) as site_refunded_on_return_day,
    sum(site_net) filter (where is_moved) as site_net_on_movement_day
from dated group by site_id, currency
"""

_REPORTED = f"""
select site_id, currency, {", ".join(f"sum({figure}) as {figure}" for figure in FIGURES)}
from measurement.revenue_report where night = $night group by site_id, currency
"""

# The business figures are in the site's currency alone; the report was compared with the movements before.
_BUSINESS_FIGURES = ("movements", "unconverted", "gross", "discount", "cancelled", "refunded", "adjusted", "net")
_BUSINESS = f"""
select site_id, currency, {", ".join(f"sum({figure}) as {figure}" for figure in _BUSINESS_FIGURES)}
from measurement.business_days where night = $night group by site_id, currency
"""
_REPORTED_OF_SITES = f"""
select site_id, site_currency as currency, sum(movements) as movements, sum(unconverted) as unconverted,
    {", ".join(f"sum(site_{figure}) as {figure}" for figure in _BUSINESS_FIGURES[2:])}
from measurement.revenue_report where night = $night group by site_id, site_currency
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

_LEDGER = f"""
select site_id, currency, {", ".join(f"sum({figure}) as {figure}" for figure in _OWN)}
from interactions.order_lines where $night is not null group by site_id, currency
"""


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
    """Compare the money of a night's measurement with ``interactions``: report, attribution and funnel."""
    moved = read_cells(warehouse, _MOVEMENTS, night, FIGURES)
    reported = read_cells(warehouse, _REPORTED, night, FIGURES)
    found = [
        *differences("revenue_report", "order_movements", reported, moved, FIGURES),
        *differences(
            "business_days",
            "revenue_report",
            read_cells(warehouse, _BUSINESS, night, _BUSINESS_FIGURES),
            read_cells(warehouse, _REPORTED_OF_SITES, night, _BUSINESS_FIGURES),
            _BUSINESS_FIGURES,
        ),
        *attribution_differences(warehouse, night),
        *funnel_differences(warehouse, night),
    ]
    comparable = bool(warehouse.query(_LEDGER_COMPARABLE, {"night": night}).column("comparable")[0].as_py())
    if comparable:
        ledger = read_cells(warehouse, _LEDGER, night, _OWN)
        found += differences("revenue_report", "order_lines", reported, ledger, _OWN)
    movements = sum(int(figures["movements"]) for figures in moved.values())
    return Reconciliation(movements, comparable, tuple(found))
