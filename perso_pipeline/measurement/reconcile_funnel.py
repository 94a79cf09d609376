"""Whether the funnel counts what was delivered, neither twice nor not at all.

The other side is counted here anew from the events of the last days; a fault of the daily sums shows on the night that
makes it. Keep Dagster out.
"""

from datetime import date

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.measurement.cells import Difference, differences, read_cells

FIGURES = ("requests", "slots", "clicks", "carts")
DAYS = 3
"""Days of lists that are counted again."""

_FUNNEL = f"""
select site_id, scenario_id as currency, {", ".join(f"sum({figure}) as {figure}" for figure in FIGURES)}
from measurement.recommendation_funnel
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
    select site_id, lists.scenario_id,
        count(distinct row(request_id, events.item_id)) filter (where events.event_type = 'clicked') as clicks,
        count(distinct row(request_id, events.item_id)) filter (where events.event_type = 'added_to_cart') as carts
    from events inner join lists using (site_id, request_id)
    where events.event_date >= lists.event_date and events.event_type in ('clicked', 'added_to_cart')
    group by site_id, lists.scenario_id
)
select lists.site_id, lists.scenario_id as currency, count(*) as requests, sum(len(item_ids)) as slots,
    any_value(clicks) as clicks, any_value(carts) as carts
from lists left join outcomes on lists.site_id = outcomes.site_id and lists.scenario_id = outcomes.scenario_id
group by lists.site_id, lists.scenario_id
"""


def funnel_differences(warehouse: Warehouse, night: date) -> list[Difference]:
    """Compare the funnel of the last days with their events, by scenario in place of the currency."""
    counted = read_cells(warehouse, _FUNNEL, night, FIGURES)
    delivered = read_cells(warehouse, _EVENTS, night, FIGURES)
    return differences("recommendation_funnel", "stg_recommendation_events", counted, delivered, FIGURES)
