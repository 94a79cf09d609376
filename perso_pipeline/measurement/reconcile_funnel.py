"""Whether the funnel counts what the night brought, neither twice nor not at all.

The other side is counted here anew from the events. Only what the night itself learned is compared: an erasure takes
events of earlier nights away, and their counts stay. Keep Dagster out.
"""

from datetime import date

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.measurement.cells import Difference, differences, read_cells

FIGURES = ("requests", "slots", "clicks", "carts")
DAYS = 3
"""Days of lists that are counted again."""

_FUNNEL = f"""
select site_id, scenario_id as currency, {", ".join(f"sum({figure}) as {figure}" for figure in FIGURES)}
from measurement.funnel_days
where night = $night and report_date > $night - interval {DAYS} day
group by site_id, scenario_id
"""

# a list that came a second time within a week counts as the copy that was known first
_EVENTS = f"""
with events as (
    select *, greatest(known_on, event_date) as counted_on from staging.stg_recommendation_events
    where known_on <= $night and event_date between $night - interval {DAYS + 7} day and $night
        and is_robot is not true
),
lists as (
    select * from events where event_type = 'served'
    qualify row_number() over (partition by site_id, request_id order by counted_on, occurred_at, event_id) = 1
        and event_date > $night - interval {DAYS} day
),
outcomes as (
    select site_id, request_id, lists.scenario_id, events.event_type, events.item_id,
        greatest(min(events.counted_on), any_value(lists.counted_on)) as counted_on
    from events inner join lists using (site_id, request_id)
    where events.event_date >= lists.event_date and events.event_type in ('clicked', 'added_to_cart')
    group by all
),
counted as (
    select site_id, scenario_id, 1 as requests, len(item_ids) as slots, 0 as clicks, 0 as carts
    from lists where counted_on = $night
    union all
    select site_id, scenario_id, 0, 0, (event_type = 'clicked')::int, (event_type = 'added_to_cart')::int
    from outcomes where counted_on = $night
)
select site_id, scenario_id as currency, {", ".join(f"sum({figure}) as {figure}" for figure in FIGURES)}
from counted group by site_id, scenario_id
"""


def funnel_differences(warehouse: Warehouse, night: date) -> list[Difference]:
    """Compare what the night added to the funnel with its events, by scenario in place of the currency."""
    counted = read_cells(warehouse, _FUNNEL, night, FIGURES)
    delivered = read_cells(warehouse, _EVENTS, night, FIGURES)
    return differences("funnel_days", "stg_recommendation_events", counted, delivered, FIGURES)
