"""Each buyer's repeat purchases as of a night: what BG/NBD and gamma-gamma learn from and score.

A purchase is a day with an order. Keep the models out.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from perso_pipeline.contracts.warehouse import Warehouse

Floats = NDArray[np.float64]
DAYS_PER_WEEK = 7.0

_ORDER_DAYS = """
with people as (
    select identifier, person_id from identity.identity_map
    where known_on <= $night and (void_on is null or void_on > $night)
),
order_days as (
    select
        people.person_id,
        days.event_date,
        cast(sum(days.gross - days.discount) as double) as sold
    from interactions.person_days as days
    inner join people on days.identifier = people.identifier
    where
        days.site_id = $site_id and days.known_on <= $night
        and days.event_date <= $until and days.orders > 0
    group by people.person_id, days.event_date
),
firsts as (
    select *, min(event_date) over (partition by person_id) as first_date from order_days
)
select
    person_id,
    count(*) - 1 as repeats,
    max(event_date) as last_date,
    min(first_date) as first_date,
    coalesce(sum(case when event_date > first_date and sold > 0 then cast(sold as decimal(18, 4)) end), 0)
        as repeat_sold,
    count(*) filter (where event_date > first_date and sold > 0) as repeats_sold
from firsts
group by person_id
order by person_id
"""

_KEPT = """
with people as (
    select identifier from identity.identity_map
    where known_on <= $night and (void_on is null or void_on > $night)
)
select cast(sum(days.net) as double) as net, cast(sum(days.gross - days.discount) as double) as sold
from interactions.person_days as days
inner join people on days.identifier = people.identifier
where days.site_id = $site_id and days.known_on <= $night and days.event_date <= $night
"""


@dataclass(frozen=True, slots=True)
class Purchases:
    """One element per buyer, sorted by person.

    Attributes:
        people: person_id; empty where only the numbers matter.
        repeats: days with an order after the first one (x).
        last_weeks: weeks from the first to the last of them (t_x).
        age_weeks: weeks from the first to the end of observation (T).
        repeat_value: average amount of the repeats with an amount above 0, in the site's currency; NaN without any.
        repeats_valued: how many repeats stand behind ``repeat_value``.
    """

    people: pa.Array
    repeats: Floats
    last_weeks: Floats
    age_weeks: Floats
    repeat_value: Floats
    repeats_valued: Floats

    def __len__(self) -> int:
        return len(self.repeats)


def read_purchases(warehouse: Warehouse, site_id: str, night: date, *, until: date | None = None) -> Purchases:
    """Buyers of a site by what is known on ``night``, with orders up to ``until`` (the night itself by default)."""
    end = until or night
    rows = warehouse.query(_ORDER_DAYS, {"site_id": site_id, "night": night, "until": end})
    first, last = (days_of(rows.column(name)) for name in ("first_date", "last_date"))
    valued = rows.column("repeats_sold").to_numpy().astype(float)
    sold = rows.column("repeat_sold").cast(pa.float64()).to_numpy()
    return Purchases(
        people=rows.column("person_id").combine_chunks(),
        repeats=rows.column("repeats").to_numpy().astype(float),
        last_weeks=(last - first) / DAYS_PER_WEEK,
        age_weeks=(np.datetime64(end, "D").astype(int) - first) / DAYS_PER_WEEK,
        repeat_value=np.divide(sold, valued, out=np.full(len(sold), np.nan), where=valued > 0),
        repeats_valued=valued,
    )


def kept_share(warehouse: Warehouse, site_id: str, night: date) -> float | None:
    """Net over sold: what refunds and cancellations leave of an order; None where nothing was sold."""
    row = warehouse.query(_KEPT, {"site_id": site_id, "night": night}).to_pylist()[0]
    return row["net"] / row["sold"] if row["sold"] else None


def days_of(dates: pa.ChunkedArray) -> Floats:
    """Days since 1970-01-01; NaN where there is no date."""
    return dates.cast(pa.date32()).cast(pa.int32()).cast(pa.float64()).to_numpy(zero_copy_only=False)
