{% set night = night_literal() %}
{% set counted_until = funnel_counted_until() %}
{% set first_day = funnel_first_day(counted_until) %}
{% set cells = ['night', 'report_date', 'site_id', 'scenario_id', 'model_version', 'levels', 'variant', 'channel'] %}
{% set figures = {
    'requests': 'request', 'impressions': 'list_rendered', 'viewable_impressions': 'list_viewed', 'slots': 'slot',
    'slot_impressions': 'rendered', 'slot_views': 'viewed', 'clicks': 'clicked', 'clicked_requests': 'list_clicked',
    'carts': 'added_to_cart', 'orders': 'order',
} %}

-- a record counts from the night that knows it, or from its own day where a clock ran ahead
with events as (
    select
        *,
        {{ counts_on() }} as counted_on
    from {{ ref('stg_recommendation_events') }}
    where known_on <= {{ night }} and event_date between {{ first_day }} and {{ night }} and is_robot is not true
),

-- money in the site's currency: of a line that names a list, with what was cancelled and paid back of it
sales as (
    select
        site_id,
        order_id,
        order_line_id,
        min(request_id) as request_id,
        min(known_on) as known_on
    from {{ ref('order_movements') }}
    where movement = 'sale' and request_id is not null
    group by site_id, order_id, order_line_id
),

money as (
    select
        movements.site_id,
        sales.request_id,
        movements.order_id,
        movements.item_id,
        movements.order_date,
        movements.movement,
        amounts.site_gross - amounts.site_discount as revenue,
        amounts.site_net as net_revenue,
        greatest(amounts.converted_on, movements.movement_date, sales.known_on) as counted_on
    from {{ ref('order_movements') }} as movements
    inner join sales
        on movements.site_id = sales.site_id
        and movements.order_id = sales.order_id
        and movements.order_line_id = sales.order_line_id
    inner join {{ ref('site_amounts') }} as amounts
        on movements.movement_id = amounts.movement_id and movements.movement_date = amounts.movement_date
    where amounts.converted_on is not null
),

fresh_money as (
    select * from money
    where counted_on > {{ counted_until }} and counted_on <= {{ night }}
),

touched as (
    select site_id, request_id from events where counted_on > {{ counted_until }}
    union
    select site_id, request_id from fresh_money
),

-- of a list served twice the copy counts that became known first
first_moments as (
    select
        site_id,
        request_id,
        min(row(counted_on, occurred_at, event_id)) as first_moment
    from events
    where event_type = 'served' and (site_id, request_id) in (select site_id, request_id from touched)
    group by site_id, request_id
),

-- by number and not by name: what is joined and grouped below is a row per slot and figure
lists as (
    select
        events.*,
        {{ row_fingerprint(['events.site_id', 'events.request_id']) }} as list_number
    from events
    inner join first_moments
        on events.site_id = first_moments.site_id
        and events.request_id = first_moments.request_id
        and row(events.counted_on, events.occurred_at, events.event_id) = first_moments.first_moment
    where events.event_type = 'served'
),

visits as (
    select site_id, visitor_id, session_id, started_at, ended_at, channel, known_on from {{ ref('sessions') }}
    where session_date >= {{ dateadd('day', -1, first_day) }} and known_on <= {{ night }}
),

-- no asof join: where DuckDB expects few rows it makes a loop of one, and 90,000 lists took 15 s
list_visits as (
    select
        lists.list_number,
        max_by(visits.channel, row(visits.started_at, visits.session_id)) as channel
    from lists
    inner join visits
        on lists.site_id = visits.site_id
        and lists.visitor_id = visits.visitor_id
        and lists.occurred_at >= visits.started_at
        and lists.occurred_at <= visits.ended_at + interval '{{ var("session_gap_minutes") }}' minute
        and lists.counted_on >= visits.known_on
    group by lists.list_number
),

served as (
    select
        lists.list_number,
        lists.site_id,
        lists.event_date as report_date,
        lists.scenario_id,
        lists.variant,
        coalesce(lists.model_version, 'none') as model_version,
        {{ json_integers('lists.payload', 'levels') }} as levels,
        lists.counted_on,
        coalesce(list_visits.channel, 'unknown') as channel
    from lists
    left join list_visits on lists.list_number = list_visits.list_number
),

outcomes as (
    select
        lists.list_number,
        events.event_type,
        events.counted_on,
        events.item_id,
        {{ position_in('lists.item_ids', 'events.item_id') }} as slot,
        -- a page may say that it drew or saw a list without saying which items; mostly it names them all
        case
            when events.item_ids is null or events.item_ids = lists.item_ids then {{ all_positions('lists.item_ids') }}
            else {{ positions_of('lists.item_ids', 'events.item_ids') }}
        end as slots_named
    from events
    inner join lists on events.site_id = lists.site_id and events.request_id = lists.request_id
    where
        events.event_type <> 'served'
        and events.event_date between lists.event_date and {{ dateadd('day', var('outcome_days'), 'lists.event_date') }}
),

shown as (
    select
        list_number,
        event_type,
        count(*) as events,
        min(counted_on) as counted_on,
        any_value(slots_named) as slots_named
    from outcomes
    where event_type in ('rendered', 'viewed')
    group by list_number, event_type
),

slots_shown_again as (
    select outcomes.list_number, outcomes.event_type, outcomes.counted_on, unnest(outcomes.slots_named) as slot
    from outcomes
    inner join shown on outcomes.list_number = shown.list_number and outcomes.event_type = shown.event_type
    where shown.events > 1
),

items_chosen as (
    select
        list_number,
        event_type,
        item_id,
        coalesce(min(slot), 0) as slot,
        min(counted_on) as counted_on
    from outcomes
    where event_type in ('clicked', 'added_to_cart') and item_id is not null
    group by list_number, event_type, item_id
),

list_money as (
    select
        lists.list_number,
        money.order_id,
        money.movement,
        coalesce({{ position_in('lists.item_ids', 'money.item_id') }}, 0) as slot,
        money.revenue,
        money.net_revenue,
        money.counted_on
    from money
    inner join lists on money.site_id = lists.site_id and money.request_id = lists.request_id
    where money.order_date between lists.event_date and {{ dateadd('day', var('outcome_days'), 'lists.event_date') }}
),

-- every figure as marks that add up, each on the first night that knows it; what belongs to a list stands at slot 1
marks as (
    select list_number, 1 as slot, 'request' as mark, counted_on, 0 as revenue, 0 as net_revenue from lists
    union all
    select list_number, 1 as slot, 'list_' || event_type as mark, min(counted_on) as counted_on, 0 as revenue, 0 as net_revenue
    from outcomes
    where event_type <> 'added_to_cart' and (event_type <> 'clicked' or item_id is not null)
    group by list_number, event_type
    union all
    select list_number, slot, event_type as mark, min(counted_on) as counted_on, 0 as revenue, 0 as net_revenue
    from slots_shown_again
    where slot > 0
    group by list_number, slot, event_type
    union all
    select list_number, slot, event_type as mark, counted_on, 0 as revenue, 0 as net_revenue from items_chosen
    union all
    select list_number, 1 as slot, 'order' as mark, min(counted_on) as counted_on, 0 as revenue, 0 as net_revenue
    from list_money
    where movement = 'sale'
    group by list_number, order_id
    union all
    select list_number, slot, 'money' as mark, counted_on, revenue, net_revenue
    from list_money
),

-- an outcome that came before its list was known counts when the list is
dated as (
    select
        served.*,
        marks.slot,
        marks.mark,
        marks.revenue,
        marks.net_revenue,
        greatest(marks.counted_on, served.counted_on) as night
    from marks
    inner join served on marks.list_number = served.list_number
),

-- the person and segment as of the night that brought the record; a night that was never run has no segments
primary_segments as (
    select night, site_id, person_id, segment_id from {{ source('segments', 'primary_segment') }}
    where night > {{ counted_until }} and night <= {{ night }}
),

segmented_nights as (
    select distinct night from primary_segments
),

list_nights as (
    select list_number, counted_on from lists
    union
    select list_number, counted_on from outcomes
    union
    select list_number, counted_on from list_money
),

list_segments as (
    select
        lists.list_number,
        list_nights.counted_on as night,
        case when people.person_id is null then 'unknown' else coalesce(primary_segments.segment_id, 'everyone-else') end as segment_id
    from list_nights
    inner join segmented_nights on list_nights.counted_on = segmented_nights.night
    inner join lists on list_nights.list_number = lists.list_number
    left join {{ source('identity', 'identity_map') }} as people
        on 'visitor:' || lists.visitor_id = people.identifier
        and list_nights.counted_on >= people.known_on
        and (people.void_on is null or list_nights.counted_on < people.void_on)
    left join primary_segments
        on list_nights.counted_on = primary_segments.night
        and lists.site_id = primary_segments.site_id
        and people.person_id = primary_segments.person_id
),

-- what befell several slots of a list at once: of most lists all of them, so lists alike are counted before slots are told apart
stretches as (
    select list_number, 'slot' as mark, counted_on, {{ all_positions('item_ids') }} as slots from lists
    union all
    select list_number, event_type as mark, counted_on, slots_named as slots from shown
    where events = 1
),

dated_stretches as (
    select
        served.*,
        stretches.mark,
        stretches.slots,
        greatest(stretches.counted_on, served.counted_on) as night
    from stretches
    inner join served on stretches.list_number = served.list_number
),

counted_stretches as (
    select
        {%- for column in cells %}
        dated.{{ column }},
        {%- endfor %}
        list_segments.segment_id,
        dated.mark,
        dated.slots,
        count(*) as times
    from dated_stretches as dated
    left join list_segments on dated.list_number = list_segments.list_number and dated.night = list_segments.night
    where dated.night > {{ counted_until }} and dated.night <= {{ night }}
    group by
        {%- for column in cells %}
        dated.{{ column }},
        {%- endfor %}
        list_segments.segment_id,
        dated.mark,
        dated.slots
),

counted as (
    select
        {%- for column in cells %}
        dated.{{ column }},
        {%- endfor %}
        list_segments.segment_id,
        dated.slot,
        dated.mark,
        1 as times,
        dated.revenue,
        dated.net_revenue
    from dated
    left join list_segments on dated.list_number = list_segments.list_number and dated.night = list_segments.night
    where dated.night > {{ counted_until }} and dated.night <= {{ night }}
    union all
    select
        {{ cells | join(', ') }},
        segment_id,
        unnest({{ distinct_values('slots') }}) as slot,
        mark,
        times,
        0 as revenue,
        0 as net_revenue
    from counted_stretches
)

select
    night,
    report_date,
    site_id,
    scenario_id,
    cast(slot as bigint) as slot,
    model_version,
    cast({{ value_at('levels', 'slot') }} as bigint) as level,
    variant,
    channel,
    coalesce(segment_id, 'not-measured') as segment_id,
    {%- for column, mark in figures.items() %}
    cast(coalesce(sum(times) filter (where mark = '{{ mark }}'), 0) as bigint) as {{ column }},
    {%- endfor %}
    cast(sum(revenue) as decimal(18, 4)) as revenue,
    cast(sum(net_revenue) as decimal(18, 4)) as net_revenue
from counted
where slot > 0 or mark not in ('rendered', 'viewed')
group by
    night, report_date, site_id, scenario_id, slot, model_version, level, variant, channel, coalesce(segment_id, 'not-measured')
