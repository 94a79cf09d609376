"""Who ordered in the days after a cut-off date: the truth that likelihoods learn. Keep features out."""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from perso_pipeline.contracts.warehouse import Warehouse

# A person of the cut-off date may have been merged since: their identifiers say who they are now.
_ORDERED = """
with people_then as (
    select identifier, person_id from identity.identity_map
    where known_on <= $cut and (void_on is null or void_on > $cut)
),
people_now as (
    select identifier, person_id from identity.identity_map
    where known_on <= $known_by and (void_on is null or void_on > $known_by)
),
buyers as (
    select people_now.person_id, min(days.event_date) as first_date, max(days.event_date) as last_date
    from interactions.person_days as days
    inner join people_now on days.identifier = people_now.identifier
    where
        days.site_id = $site_id and days.orders > 0 and days.known_on <= $known_by
        and days.event_date > $cut and days.event_date <= $until
    group by people_now.person_id
)
select people_then.person_id, min(buyers.first_date) as first_date, max(buyers.last_date) as last_date
from buyers
inner join people_now on buyers.person_id = people_now.person_id
inner join people_then on people_now.identifier = people_then.identifier
group by people_then.person_id
order by people_then.person_id
"""


def read_ordered(
    warehouse: Warehouse, site_id: str, people: pa.Array, *, cut: date, until: date, known_by: date
) -> NDArray[np.bool_]:
    """For each of ``people`` (as of ``cut``) whether they ordered after ``cut`` and not after ``until``.

    Raises:
        AssertionError: an order outside the window got in: a leak, and a fault of the query.
    """
    rows = warehouse.query(_ORDERED, {"site_id": site_id, "cut": cut, "until": until, "known_by": known_by})
    if rows.num_rows:
        first, last = pc.min(rows.column("first_date")).as_py(), pc.max(rows.column("last_date")).as_py()
        assert cut < first <= last <= until, f"labels of {cut} rest on orders of {first} to {last}"
    return pc.is_in(people, value_set=rows.column("person_id").combine_chunks()).to_numpy(zero_copy_only=False)
