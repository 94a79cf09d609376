-- the days to recompute follow from this as well
-- depends_on: {{ ref('session_days') }}
{{ config(meta={'streams': ['storefront_events'], 'replaced_rows': 'sessions'}, contract={'enforced': true}) }}

{% set recomputed = 'true' -%}
{%- if execute and is_incremental() -%}
{%- set near = days_around_touched() -%}
{%- set far = days_of_blocks(ref('session_days'), near) -%}
{%- set recomputed -%}
(
            {{ in_days('event_date', near) }}
            or (
                {{ in_days('event_date', far) }}
                and (site_id, visitor_id, block_started_at) in ({{ blocks_on_days(ref('session_days'), near) }})
            )
        )
{%- endset -%}
{%- endif %}

-- where the visit came from and what it came with is said by its first event alone
with visits as (
    select
        session_id,
        max(site_id) filter (where is_session_start) as site_id,
        max(visitor_id) filter (where is_session_start) as visitor_id,
        max(url) filter (where is_session_start) as landing_url,
        max(referrer) filter (where is_session_start) as referrer,
        max(utm_source) filter (where is_session_start) as utm_source,
        max(utm_medium) filter (where is_session_start) as utm_medium,
        max(utm_campaign) filter (where is_session_start) as utm_campaign,
        max(click_id) filter (where is_session_start) as click_id,
        max(user_agent) filter (where is_session_start) as user_agent,
        max(country) filter (where is_session_start) as country,
        min_by(customer_id, row(occurred_at, event_id)) filter (where customer_id is not null) as customer_id,
        min(event_date) as session_date,
        max(event_date) as last_event_date,
        min(block_started_at) as block_started_at,
        min(occurred_at) as started_at,
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
),

measured as (
    select
        *,
        {{ datediff('started_at', 'ended_at', 'second') }} as duration_seconds
    from visits
)

select
    session_id,
    site_id,
    visitor_id,
    customer_id,
    {{ identifier() }} as identifier,
    session_date,
    last_event_date,
    started_at,
    ended_at,
    block_started_at,
    duration_seconds,
    events,
    product_views,
    cart_adds,
    searches,
    orders,
    landing_url,
    referrer,
    utm_source,
    utm_medium,
    utm_campaign,
    click_id,
    {{ channel('utm_source', 'utm_medium', 'utm_campaign', 'click_id', 'referrer', 'landing_url') }} as channel,
    {{ device_type('user_agent') }} as device_type,
    country,
    is_robot,
    events = 1 as is_bounce,
    views > 1 or orders > 0 or duration_seconds >= 10 as is_engaged,
    events > 1000 or duration_seconds > 24 * 60 * 60 as is_overlong,
    known_on
from measured
