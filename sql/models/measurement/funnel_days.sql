{% set night = night_literal() %}
{% set counted_until = funnel_counted_until() %}
{% set first_day = funnel_first_day(counted_until) %}

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

lists as (
    select events.*
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
        lists.site_id,
        lists.request_id,
        max_by(visits.channel, row(visits.started_at, visits.session_id)) as channel
    from lists
    inner join visits
        on lists.site_id = visits.site_id
        and lists.visitor_id = visits.visitor_id
        and lists.occurred_at >= visits.started_at
        and lists.occurred_at <= visits.ended_at + interval '{{ var("session_gap_minutes") }}' minute
        and lists.counted_on >= visits.known_on
    group by lists.site_id, lists.request_id
),

served as (
    select
        lists.site_id,
        lists.request_id,
        lists.event_date as report_date,
        lists.scenario_id,
        lists.variant,
        coalesce(lists.model_version, 'none') as model_version,
        lists.visitor_id,
        lists.item_ids,
        {{ json_integers('lists.payload', 'levels') }} as levels,
        lists.counted_on,
        list_visits.channel
    from lists
    left join list_visits on lists.site_id = list_visits.site_id and lists.request_id = list_visits.request_id
),

-- each outcome once, on the first night that knows it; item null means the list as a whole
told as (
    select site_id, request_id, event_type, cast(null as varchar) as item_id, counted_on, event_date
    from events
    where event_type in ('rendered', 'viewed')
    union all
    select site_id, request_id, event_type, unnest(item_ids) as item_id, counted_on, event_date
    from events
    where event_type in ('rendered', 'viewed') and item_ids is not null
    union all
    select site_id, request_id, event_type, item_id, counted_on, event_date
    from events
    where event_type in ('clicked', 'added_to_cart')
),

answers as (
    select
        told.site_id,
        told.request_id,
        told.event_type,
        told.item_id,
        min(told.counted_on) as counted_on
    from told
    inner join lists on told.site_id = lists.site_id and told.request_id = lists.request_id
    where told.event_date between lists.event_date and {{ dateadd('day', var('outcome_days'), 'lists.event_date') }}
    group by told.site_id, told.request_id, told.event_type, told.item_id
),

-- a page may say that it drew or saw the list without saying which items
unnamed as (
    select
        events.site_id,
        events.request_id,
        events.event_type,
        min(events.counted_on) as counted_on
    from events
    inner join lists on events.site_id = lists.site_id and events.request_id = lists.request_id
    where
        events.event_type in ('rendered', 'viewed') and events.item_ids is null
        and events.event_date between lists.event_date and {{ dateadd('day', var('outcome_days'), 'lists.event_date') }}
    group by events.site_id, events.request_id, events.event_type
),

slots as (
    select
        site_id,
        request_id,
        counted_on,
        {{ with_position('item_ids', 'item_id', 'slot') }}
    from served
),

slot_answers as (
    select
        answers.site_id,
        answers.request_id,
        answers.event_type,
        {{ position_in('served.item_ids', 'answers.item_id') }} as slot,
        answers.counted_on
    from answers
    inner join served on answers.site_id = served.site_id and answers.request_id = served.request_id
    where answers.item_id is not null
    union all
    select slots.site_id, slots.request_id, unnamed.event_type, slots.slot, unnamed.counted_on
    from unnamed
    inner join slots on unnamed.site_id = slots.site_id and unnamed.request_id = slots.request_id
),

-- every figure as marks that add up; what belongs to a whole list stands at its first slot
marks as (
    select site_id, request_id, 1 as slot, 'request' as mark, counted_on, 0 as revenue, 0 as net_revenue
    from served
    union all
    select site_id, request_id, slot, 'slot' as mark, counted_on, 0 as revenue, 0 as net_revenue
    from slots
    union all
    select site_id, request_id, 1 as slot, 'list_' || event_type as mark, counted_on, 0 as revenue, 0 as net_revenue
    from answers
    where item_id is null and event_type in ('rendered', 'viewed')
    union all
    select
        site_id, request_id, coalesce(slot, 0) as slot, event_type as mark, min(counted_on) as counted_on,
        0 as revenue, 0 as net_revenue
    from slot_answers
    where slot > 0 or event_type in ('clicked', 'added_to_cart')
    group by site_id, request_id, slot, event_type
    union all
    select
        site_id, request_id, 1 as slot, 'list_clicked' as mark, min(counted_on) as counted_on,
        0 as revenue, 0 as net_revenue
    from answers
    where event_type = 'clicked'
    group by site_id, request_id
    union all
    select
        money.site_id, money.request_id, 1 as slot, 'order' as mark, min(money.counted_on) as counted_on,
        0 as revenue, 0 as net_revenue
    from money
    inner join served on money.site_id = served.site_id and money.request_id = served.request_id
    where
        money.movement = 'sale'
        and money.order_date between served.report_date and {{ dateadd('day', var('outcome_days'), 'served.report_date') }}
    group by money.site_id, money.request_id, money.order_id
    union all
    select
        fresh_money.site_id,
        fresh_money.request_id,
        coalesce({{ position_in('served.item_ids', 'fresh_money.item_id') }}, 0) as slot,
        'money' as mark,
        fresh_money.counted_on,
        fresh_money.revenue,
        fresh_money.net_revenue
    from fresh_money
    inner join served on fresh_money.site_id = served.site_id and fresh_money.request_id = served.request_id
    where
        fresh_money.order_date
        between served.report_date and {{ dateadd('day', var('outcome_days'), 'served.report_date') }}
),

-- an outcome that came before its list was known counts when the list is
dated as (
    select
        marks.slot,
        marks.mark,
        marks.revenue,
        marks.net_revenue,
        served.report_date,
        served.site_id,
        served.scenario_id,
        served.model_version,
        {{ value_at('served.levels', 'marks.slot') }} as level,
        served.variant,
        served.channel,
        served.visitor_id,
        greatest(marks.counted_on, served.counted_on) as night
    from marks
    inner join served on marks.site_id = served.site_id and marks.request_id = served.request_id
),

fresh as (
    select
        night,
        report_date,
        site_id,
        scenario_id,
        slot,
        model_version,
        level,
        variant,
        coalesce(channel, 'unknown') as channel,
        visitor_id,
        count(*) filter (where mark = 'request') as requests,
        count(*) filter (where mark = 'list_rendered') as impressions,
        count(*) filter (where mark = 'list_viewed') as viewable_impressions,
        count(*) filter (where mark = 'slot') as slots,
        count(*) filter (where mark = 'rendered') as slot_impressions,
        count(*) filter (where mark = 'viewed') as slot_views,
        count(*) filter (where mark = 'clicked') as clicks,
        count(*) filter (where mark = 'list_clicked') as clicked_requests,
        count(*) filter (where mark = 'added_to_cart') as carts,
        count(*) filter (where mark = 'order') as orders,
        sum(revenue) as revenue,
        sum(net_revenue) as net_revenue
    from dated
    where night > {{ counted_until }} and night <= {{ night }}
    group by all
),

-- the person and segment as of the night that brought the record; a night that was never run has no segments
people as (
    select identifier, person_id, known_on, void_on from {{ source('identity', 'identity_map') }}
    where known_on <= {{ night }}
),

primary_segments as (
    select night, site_id, person_id, segment_id from {{ source('segments', 'primary_segment') }}
    where night > {{ counted_until }} and night <= {{ night }}
),

segmented_nights as (
    select distinct night from primary_segments
),

final as (
    select
        fresh.*,
        case
            when segmented_nights.night is null then 'not-measured'
            when people.person_id is null then 'unknown'
            else coalesce(primary_segments.segment_id, 'everyone-else')
        end as segment_id
    from fresh
    left join people
        on 'visitor:' || fresh.visitor_id = people.identifier
        and fresh.night >= people.known_on
        and (people.void_on is null or fresh.night < people.void_on)
    left join segmented_nights on fresh.night = segmented_nights.night
    left join primary_segments
        on fresh.night = primary_segments.night
        and fresh.site_id = primary_segments.site_id
        and people.person_id = primary_segments.person_id
)

select
    night,
    report_date,
    site_id,
    scenario_id,
    cast(slot as bigint) as slot,
    model_version,
    cast(level as bigint) as level,
    variant,
    channel,
    segment_id,
    cast(sum(requests) as bigint) as requests,
    cast(sum(impressions) as bigint) as impressions,
    cast(sum(viewable_impressions) as bigint) as viewable_impressions,
    cast(sum(slots) as bigint) as slots,
    cast(sum(slot_impressions) as bigint) as slot_impressions,
    cast(sum(slot_views) as bigint) as slot_views,
    cast(sum(clicks) as bigint) as clicks,
    cast(sum(clicked_requests) as bigint) as clicked_requests,
    cast(sum(carts) as bigint) as carts,
    cast(sum(orders) as bigint) as orders,
    cast(sum(revenue) as decimal(18, 4)) as revenue,
    cast(sum(net_revenue) as decimal(18, 4)) as net_revenue
from final
group by
    night, report_date, site_id, scenario_id, slot, model_version, level, variant, channel, segment_id
