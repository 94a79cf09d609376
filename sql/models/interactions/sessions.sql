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
        {{ datediff('started_at', 'ended_at', 'second') }} as duration_seconds,
        lower({{ split_part('click_id', "':'", 1) }}) as click_kind,
        case when {{ host_of('referrer') }} <> coalesce({{ host_of('landing_url') }}, '') then {{ host_of('referrer') }} end
            as referrer_host
    from visits
),

-- there are few ways to come and many visits: thirty regular expressions a visit cost as much as all the rest
ways as (
    select distinct
        utm_source,
        utm_medium,
        utm_campaign,
        click_kind,
        referrer_host
    from measured
),

named_ways as (
    select
        *,
        {{ traffic_source('utm_source', 'utm_medium', 'utm_campaign', 'click_kind', 'referrer_host') }} as source,
        {{ traffic_medium('utm_source', 'utm_medium', 'utm_campaign', 'click_kind', 'referrer_host') }} as medium
    from ways
),

channels as (
    select
        *,
        {{ channel('source', 'medium', 'utm_campaign') }} as channel
    from named_ways
)

select
    measured.session_id,
    measured.site_id,
    measured.visitor_id,
    measured.customer_id,
    {{ identifier('measured.customer_id', 'measured.visitor_id') }} as identifier,
    measured.session_date,
    measured.last_event_date,
    measured.started_at,
    measured.ended_at,
    measured.block_started_at,
    measured.duration_seconds,
    measured.events,
    measured.product_views,
    measured.cart_adds,
    measured.searches,
    measured.orders,
    measured.landing_url,
    measured.referrer,
    measured.utm_source,
    measured.utm_medium,
    measured.utm_campaign,
    measured.click_id,
    channels.source,
    channels.medium,
    channels.channel,
    case when measured.user_agent is null then 'unknown' else coalesce(agents.device_type, 'other') end as device_type,
    agents.browser,
    agents.os,
    measured.country,
    measured.is_robot,
    measured.events = 1 as is_bounce,
    measured.views > 1 or measured.orders > 0 or measured.duration_seconds >= 10 as is_engaged,
    measured.events > 1000 or measured.duration_seconds > 24 * 60 * 60 as is_overlong,
    measured.known_on
from measured
inner join channels
    on measured.utm_source is not distinct from channels.utm_source
    and measured.utm_medium is not distinct from channels.utm_medium
    and measured.utm_campaign is not distinct from channels.utm_campaign
    and measured.click_kind is not distinct from channels.click_kind
    and measured.referrer_host is not distinct from channels.referrer_host
left join {{ source('raw', 'user_agents') }} as agents on measured.user_agent = agents.user_agent
