{{ config(meta={'streams': ['storefront_events'], 'replaced_rows': 'sessions'}, contract={'enforced': true}) }}

-- session_events is named twice, not read through a CTE: DuckDB would keep a CTE that is used twice in memory whole.
-- What holds for the whole session comes from its first event, cheaper than the least of ten million texts.
{% set recomputed = 'true' -%}
{%- if execute and is_incremental() -%}
{%- set near = days_around_touched() -%}
{%- set far = days_of_blocks(ref('session_events'), near) -%}
{%- set recomputed -%}
(
            {{ in_days('event_date', near) }}
            or (
                {{ in_days('event_date', far) }}
                and (site_id, visitor_id, block_started_at) in ({{ blocks_on_days(ref('session_events'), near) }})
            )
        )
{%- endset -%}
{%- endif %}

with starts as (
    select
        session_id,
        event_id,
        event_date,
        site_id,
        visitor_id,
        occurred_at,
        block_started_at
    from {{ ref('session_events') }}
    where
        is_session_start
        and {{ recomputed }}
),

landings as (
    select
        starts.session_id,
        starts.site_id,
        starts.visitor_id,
        starts.block_started_at,
        starts.event_date as session_date,
        starts.occurred_at as started_at,
        landing.url as landing_url,
        landing.referrer,
        landing.utm_source,
        landing.utm_medium,
        landing.utm_campaign,
        landing.click_id,
        landing.user_agent,
        landing.country
    from starts
    inner join {{ ref('stg_storefront_events') }} as landing
        on starts.event_id = landing.event_id and starts.event_date = landing.event_date
    {%- if execute and is_incremental() %}
    where {{ in_days('landing.event_date', far) }}
    {%- endif %}
),

visits as (
    select
        session_id,
        min_by(customer_id, row(occurred_at, event_id)) filter (where customer_id is not null) as customer_id,
        max(event_date) as last_event_date,
        max(occurred_at) as ended_at,
        count(*) as events,
        count(*) filter (where event_type = 'product_view') as product_views,
        count(*) filter (where event_type in ('page_view', 'category_view', 'product_view')) as views,
        count(*) filter (where event_type = 'add_to_cart') as cart_adds,
        count(*) filter (where event_type = 'search_request') as searches,
        count(distinct order_id) filter (where event_type = 'checkout_complete') as orders,
        bool_or(is_robot) as is_robot,
        min(known_on) as known_on
    from {{ ref('session_events') }}
    where {{ recomputed }}
    group by session_id
)

select
    visits.session_id,
    landings.site_id,
    landings.visitor_id,
    visits.customer_id,
    {{ identifier('visits.customer_id', 'landings.visitor_id') }} as identifier,
    landings.session_date,
    visits.last_event_date,
    landings.started_at,
    visits.ended_at,
    landings.block_started_at,
    {{ datediff('landings.started_at', 'visits.ended_at', 'second') }} as duration_seconds,
    visits.events,
    visits.product_views,
    visits.cart_adds,
    visits.searches,
    visits.orders,
    landings.landing_url,
    landings.referrer,
    landings.utm_source,
    landings.utm_medium,
    landings.utm_campaign,
    landings.click_id,
    {{ channel(
        'landings.utm_source', 'landings.utm_medium', 'landings.utm_campaign', 'landings.click_id',
        'landings.referrer', 'landings.landing_url'
    ) }} as channel,
    {{ device_type('landings.user_agent') }} as device_type,
    landings.country,
    visits.is_robot,
    visits.events = 1 as is_bounce,
    (
        visits.views > 1 or visits.orders > 0
        or {{ datediff('landings.started_at', 'visits.ended_at', 'second') }} >= 10
    ) as is_engaged,
    (
        visits.events > 1000
        or {{ datediff('landings.started_at', 'visits.ended_at', 'second') }} > 24 * 60 * 60
    ) as is_overlong,
    visits.known_on
from visits
inner join landings on visits.session_id = landings.session_id
