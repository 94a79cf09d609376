{% set night = night_literal() %}
{%- set first_day = dateadd('day', -(var('search_days') | int), night) %}
{{ config(materialized='ephemeral') }}

with searches as (
    select * from {{ ref('unique_searches') }}
    where event_date > {{ first_day }}
),

steps as (
    select
        events.site_id,
        events.visitor_id,
        events.item_id,
        events.event_type,
        events.request_id,
        events.occurred_at,
        -- the last search or category page on the way to a product
        max(case when events.event_type <> 'product_view' then row(events.occurred_at, events.event_id) end) over (
            partition by events.site_id, events.visitor_id
            order by events.occurred_at, events.event_id rows unbounded preceding
        ) as last_way
    from {{ ref('stg_storefront_events') }} as events
    inner join (select distinct site_id, visitor_id from searches) as searchers
        on events.site_id = searchers.site_id and events.visitor_id = searchers.visitor_id
    where
        events.event_type in ('search_request', 'category_view', 'product_view')
        and events.is_robot is not true
        and events.known_on <= {{ night }}
        and events.event_date <= {{ night }}
        and events.event_date > {{ first_day }}
)

select
    searches.site_id,
    searches.person_id,
    searches.term,
    searches.search_no,
    steps.item_id,
    min(steps.occurred_at) as clicked_at
from steps
inner join searches
    on steps.site_id = searches.site_id
    and steps.visitor_id = searches.visitor_id
    and steps.last_way = row(searches.occurred_at, searches.event_id)
where
    steps.event_type = 'product_view'
    and steps.request_id is null
    and coalesce(searches.results_count, 1) > 0
    and steps.occurred_at <= {{ dateadd('minute', var('session_gap_minutes'), 'searches.occurred_at') }}
group by searches.site_id, searches.person_id, searches.term, searches.search_no, steps.item_id
