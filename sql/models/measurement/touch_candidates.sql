{% set night = night_literal() %}

with lines as (
    select * from {{ ref('attributable_lines') }}
    where night = {{ night }}
),

report_window as (
    select cast({{ dateadd('day', -(var('outcome_days') | int), 'attribution_starts_on') }} as date) as starts_on
    from {{ source('measurement', 'report_windows') }}
    where night = {{ night }}
),

people as (
    select identifier, person_id from {{ source('identity', 'identity_map') }}
    where known_on <= {{ night }} and (void_on is null or void_on > {{ night }})
),

items as (
    select site_id, item_id, parent_item_id from {{ ref('item_profiles') }}
    where night = {{ night }} and parent_item_id is not null
),

events as (
    select events.*
    from {{ ref('stg_recommendation_events') }} as events
    cross join report_window
    where
        events.known_on <= {{ night }}
        and events.event_date between report_window.starts_on and {{ night }}
        and events.is_robot is not true
),

-- putting an item into the cart from the list is a click on the list; distinct keeps the join to people before that to
-- the orders, where DuckDB would begin with the site alone and pair every click with every order
clicks as (
    select distinct
        events.site_id,
        events.request_id,
        people.person_id,
        events.item_id,
        events.event_id,
        events.occurred_at
    from events
    inner join people on 'visitor:' || events.visitor_id = people.identifier
    where
        events.event_type in ('clicked', 'added_to_cart')
        and people.person_id in (select lines.person_id from lines)
),

lists as (
    select
        site_id,
        request_id,
        min_by(scenario_id, (occurred_at, event_id)) as scenario_id,
        coalesce(min_by(model_version, (occurred_at, event_id)), 'none') as model_version,
        min_by(variant, (occurred_at, event_id)) as variant
    from events
    where event_type = 'served' and (site_id, request_id) in (select site_id, request_id from clicks)
    group by site_id, request_id
),

-- of several clicks on one item of one list the last counts
clicked_lines as (
    select
        lines.site_id,
        lines.order_id,
        lines.order_line_id,
        lines.ordered_at,
        lines.item_id as ordered_item_id,
        lines.family_item_id,
        clicks.request_id,
        clicks.item_id,
        max(clicks.occurred_at) as touched_at,
        max_by(clicks.event_id, (clicks.occurred_at, clicks.event_id)) as touch_id
    from lines
    inner join clicks on lines.site_id = clicks.site_id and lines.person_id = clicks.person_id
    where
        clicks.occurred_at <= lines.ordered_at
        and clicks.occurred_at > lines.ordered_at - interval '{{ var("outcome_days") }}' day
    group by all
),

click_touches as (
    select
        clicked_lines.*,
        lists.scenario_id,
        lists.model_version,
        lists.variant,
        coalesce(items.parent_item_id, clicked_lines.item_id) as clicked_family_item_id
    from clicked_lines
    inner join lists on clicked_lines.site_id = lists.site_id and clicked_lines.request_id = lists.request_id
    left join items on clicked_lines.site_id = items.site_id and clicked_lines.item_id = items.item_id
),

visits as (
    select distinct
        sessions.site_id,
        sessions.session_id,
        people.person_id,
        sessions.started_at,
        sessions.channel
    from {{ ref('sessions') }} as sessions
    inner join people on sessions.identifier = people.identifier
    cross join report_window
    where
        sessions.known_on <= {{ night }}
        and sessions.session_date between report_window.starts_on and {{ night }}
        and sessions.is_robot is not true
        and people.person_id in (select lines.person_id from lines)
),

touches as (
    select
        site_id,
        order_id,
        order_line_id,
        'request' as touch_type,
        request_id as touch_id,
        cast(null as timestamp) as touched_at,
        cast(null as bigint) as seconds_before,
        scenario_id,
        model_version,
        variant,
        cast(null as varchar) as channel,
        item_id,
        true as is_same_item,
        true as is_same_family
    from lines
    where scenario_id <> 'none'
    union all
    select
        site_id,
        order_id,
        order_line_id,
        'click' as touch_type,
        touch_id,
        touched_at,
        {{ datediff('touched_at', 'ordered_at', 'second') }} as seconds_before,
        scenario_id,
        model_version,
        variant,
        cast(null as varchar) as channel,
        item_id,
        item_id = ordered_item_id as is_same_item,
        clicked_family_item_id = family_item_id as is_same_family
    from click_touches
    union all
    select
        lines.site_id,
        lines.order_id,
        lines.order_line_id,
        'visit' as touch_type,
        visits.session_id as touch_id,
        visits.started_at as touched_at,
        {{ datediff('visits.started_at', 'lines.ordered_at', 'second') }} as seconds_before,
        cast(null as varchar) as scenario_id,
        cast(null as varchar) as model_version,
        cast(null as varchar) as variant,
        coalesce(visits.channel, 'unknown') as channel,
        cast(null as varchar) as item_id,
        cast(null as boolean) as is_same_item,
        cast(null as boolean) as is_same_family
    from lines
    inner join visits on lines.site_id = visits.site_id and lines.person_id = visits.person_id
    where
        visits.started_at <= lines.ordered_at
        and visits.started_at > lines.ordered_at - interval '{{ var("outcome_days") }}' day
)

select
    {{ night }} as night,
    site_id,
    order_id,
    order_line_id,
    touch_type,
    touch_id,
    touched_at,
    seconds_before,
    scenario_id,
    model_version,
    variant,
    channel,
    item_id,
    is_same_item,
    is_same_family
from touches
