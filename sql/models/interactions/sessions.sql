-- the test of the sessions reads these, so that whoever makes the one has the other
-- depends_on: {{ ref('session_events') }}
{{ config(meta={'streams': ['storefront_events'], 'replaced_rows': 'sessions'}, contract={'enforced': true}) }}

{%- if execute and is_incremental() -%}
{%- set near = days_around_touched() -%}
{%- set far = days_of_blocks(ref('session_days'), near) -%}
{%- endif %}

-- what a session holds stands on each of its days; where it came from and what it came with is said by its first event
with measured as (
    select
        session_days.session_id,
        session_days.site_id,
        session_days.visitor_id,
        session_days.customer_id,
        session_days.session_date,
        session_days.last_event_date,
        session_days.block_started_at,
        session_days.started_at,
        session_days.ended_at,
        session_days.events,
        session_days.product_views,
        session_days.views,
        session_days.cart_adds,
        session_days.searches,
        session_days.orders,
        session_days.is_robot,
        session_days.known_on,
        first_events.url as landing_url,
        first_events.referrer,
        first_events.utm_source,
        first_events.utm_medium,
        first_events.utm_campaign,
        first_events.click_id,
        first_events.user_agent,
        first_events.country,
        {{ datediff('session_days.started_at', 'session_days.ended_at', 'second') }} as duration_seconds,
        lower({{ split_part('first_events.click_id', "':'", 1) }}) as click_kind,
        case
            when first_events.referrer is null then null
            when {{ host_of('first_events.referrer') }} <> coalesce({{ host_of('first_events.url') }}, '')
                then {{ host_of('first_events.referrer') }}
        end as referrer_host
    from {{ ref('session_days') }} as session_days
    inner join {{ ref('stg_storefront_events') }} as first_events
        on session_days.site_id = first_events.site_id
        and session_days.visitor_id = first_events.visitor_id
        and session_days.started_at = first_events.occurred_at
        and session_days.first_event_id = first_events.event_id
    where
        session_days.day = session_days.session_date
        {%- if execute and is_incremental() %}
        and {{ in_days('first_events.event_date', far) }}
        and {{ in_days('session_days.day', far) }}
        and (session_days.site_id, session_days.visitor_id, session_days.block_started_at)
        in ({{ blocks_on_days(ref('session_days'), near) }})
        {%- endif %}
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
