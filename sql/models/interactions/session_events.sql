{{ config(materialized='view') }}

-- A view: the events are all there and so are the stretches of the sessions. Writing the events a second time cost
-- three times what the four readings of a night cost that meet them here.
select
    events.event_id,
    session_days.session_id,
    events.event_id = session_days.first_event_id and events.occurred_at = session_days.started_at as is_session_start,
    session_days.block_started_at,
    session_days.session_date,
    events.occurred_at,
    events.event_date,
    events.site_id,
    events.visitor_id,
    {{ proven_customer('events') }} as customer_id,
    {{ identifier(proven_customer('events'), 'events.visitor_id') }} as identifier,
    events.event_type,
    events.item_id,
    events.category_path,
    events.quantity,
    events.price,
    events.currency,
    events.cart_id,
    events.order_id,
    events.request_id,
    events.search_query,
    events.results_count,
    events.percentage,
    events.rating,
    events.url,
    events.referrer,
    events.utm_source,
    events.utm_medium,
    events.utm_campaign,
    events.click_id,
    events.user_agent,
    events.country,
    events.is_robot,
    events.known_on
from {{ ref('stg_storefront_events') }} as events
inner join {{ ref('session_days') }} as session_days
    on events.site_id = session_days.site_id
    and events.visitor_id = session_days.visitor_id
    and events.event_date = session_days.day
    and (
        events.occurred_at > session_days.started_at
        or (events.occurred_at = session_days.started_at and events.event_id >= session_days.first_event_id)
    )
    and events.occurred_at <= session_days.block_ended_at
    and (
        session_days.next_started_at is null
        or events.occurred_at < session_days.next_started_at
        or (events.occurred_at = session_days.next_started_at and events.event_id < session_days.next_event_id)
    )
