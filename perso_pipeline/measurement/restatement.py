"""Whether every change of a published figure has a cause, and causes add up to the change.

The change is taken from the two reports themselves, not from what the log was made of. Keep Dagster out.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.measurement.cells import differences, read_cells

FIGURES = ("movements", "orders", "gross", "discount", "cancelled", "refunded", "adjusted", "net", "cost", "margin")
"""Figures of ``measurement.revenue_report`` whose changes ``measurement.restatement_log`` explains."""

_CHANGED = f"""
with nights as (
    select this.starts_on, earlier.night as since_night
    from measurement.report_windows as this
    inner join measurement.report_windows as earlier on earlier.night = (
        select max(night) from measurement.revenue_report where night < $night
    )
    where this.night = $night
)
select site_id, currency,
    {", ".join(f"sum(case when night = $night then {f} else -{f} end) as {f}" for f in FIGURES)}
from measurement.revenue_report inner join nights
    on night in ($night, since_night) and report_date between starts_on and since_night
group by site_id, currency
"""

_LOGGED = f"""
select site_id, currency, {", ".join(f"sum({figure}) as {figure}" for figure in FIGURES)}
from measurement.restatement_log where night = $night group by site_id, currency
"""

_CAUSES = """
select cause, count(distinct report_date) as days, sum(movements)::bigint as movements, sum(net) as net
from measurement.restatement_log where night = $night group by cause order by cause
"""

_UNEXPLAINED = """
select report_date, site_id, currency, sum(movements)::bigint as movements, sum(net) as net, sum(margin) as margin
from measurement.restatement_log where night = $night and cause = 'unexplained'
group by all order by all
"""


@dataclass(frozen=True)
class Cause:
    """What one cause changed: days touched, movements more or fewer, and net over all currencies' rows."""

    name: str
    days: int
    movements: int
    net: Decimal


@dataclass(frozen=True)
class Restatement:
    """What a night changed of what was published before.

    Attributes:
        causes: By name; empty when nothing changed.
        faults: A sentence for each change without a cause, and for each figure whose causes do not add up.
    """

    causes: tuple[Cause, ...]
    faults: tuple[str, ...]


def explain(warehouse: Warehouse, night: date) -> Restatement:
    """Read the night's log and compare it with the two reports that it explains."""
    parameters = {"night": night}
    causes = tuple(Cause(*row.values()) for row in warehouse.query(_CAUSES, parameters).to_pylist())
    changed = read_cells(warehouse, _CHANGED, night, FIGURES)
    logged = read_cells(warehouse, _LOGGED, night, FIGURES)
    unexplained = [
        f"{row['site_id']} changed on {row['report_date']} without a cause: movements by {row['movements']:+}, "
        f"net by {row['net']:+,} and margin by {row['margin']:+,} in {row['currency']}"
        for row in warehouse.query(_UNEXPLAINED, parameters).to_pylist()
    ]
    wrong = [str(found) for found in differences("restatement_log", "revenue_report", logged, changed, FIGURES)]
    return Restatement(causes, (*unexplained, *wrong))
