"""How much of a night's lists is cold start: people and items that behaviour cannot place, and slots explored.

A list is cold where the champion has no candidates of its own for the person or item it is made for. Counts only;
what fills such lists are the scenario's levels.
"""

from datetime import date

import pyarrow as pa

from perso_pipeline.contracts.warehouse import Warehouse

_COLD_START = """
with lists as (
    select night, site_id, scenario_id, subject_type, subject_id, count(*) as slots
    from recommendations.recommendations
    where night = $night and subject_type in ('person', 'item')
    group by all
    union all
    select night, site_id, scenario_id, subject_type, subject_id, 0
    from recommendations.short_lists
    where night = $night and filled = 0 and subject_type in ('person', 'item')
),

known as (
    select site_id, subject_type, subject_id
    from models.candidates
    where night = $night and submodel = 'main' and subject_type in ('person', 'item') and rank = 1
    group by all
),

judged as (
    select l.*, k.subject_id is null as is_cold
    from lists as l
    left join known as k using (site_id, subject_type, subject_id)
),

of_lists as (
    select
        night, site_id, scenario_id, count(*) as lists, count(*) filter (is_cold) as cold_lists,
        count(*) filter (is_cold and slots = 0) as empty_cold_lists,
        coalesce(sum(slots) filter (is_cold), 0)::bigint as cold_list_slots
    from judged
    group by night, site_id, scenario_id
),

of_slots as (
    select
        r.night, r.site_id, r.scenario_id, count(*) as slots, count(c.item_id) as cold_item_slots,
        count(*) filter (r.strategy = 'exploration') as explored_slots
    from recommendations.recommendations as r
    left join models.cold_items as c
        on c.night = r.night and c.site_id = r.site_id and c.item_id = r.item_id and c.is_cold
    where r.night = $night and r.subject_type in ('person', 'item')
    group by r.night, r.site_id, r.scenario_id
)

select
    l.night, l.site_id, l.scenario_id, l.lists, l.cold_lists, l.empty_cold_lists, l.cold_list_slots,
    coalesce(s.slots, 0) as slots, coalesce(s.cold_item_slots, 0) as cold_item_slots,
    coalesce(s.explored_slots, 0) as explored_slots
from of_lists as l
left join of_slots as s using (night, site_id, scenario_id)
order by l.site_id, l.scenario_id"""


def cold_start_counts(warehouse: Warehouse, *, night: date) -> pa.Table:
    """One row per site and scenario of the night's lists, which must have been written."""
    return warehouse.query(_COLD_START, {"night": night})
