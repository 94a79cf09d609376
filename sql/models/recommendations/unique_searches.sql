{% set night = night_literal() %}
{%- set reach = var('search_reach_days') | int %}
{{ config(materialized='ephemeral') }}

with people as (
    select identifier, person_id from {{ source('identity', 'identity_map') }}
    where known_on <= {{ night }} and (void_on is null or void_on > {{ night }})
),

answers as (
    select
        site_id,
        search_id,
        max(results_count) as results_count
    from {{ ref('stg_storefront_events') }}
    where
        event_type = 'search_response'
        and known_on <= {{ night }}
        and event_date <= {{ night }}
        and event_date > {{ dateadd('day', -reach, night) }}
    group by site_id, search_id
),

requests as (
    select
        events.event_id,
        events.site_id,
        events.visitor_id,
        people.person_id,
        {{ search_term('events.search_query') }} as term,
        answers.results_count,
        events.event_date,
        events.occurred_at
    from {{ ref('stg_storefront_events') }} as events
    inner join people on {{ identifier('events.customer_id', 'events.visitor_id') }} = people.identifier
    left join answers on events.site_id = answers.site_id and events.search_id = answers.search_id
    where
        events.event_type = 'search_request'
        and trim(events.search_query) <> ''
        and events.is_robot is not true
        and events.known_on <= {{ night }}
        and events.event_date <= {{ night }}
        and events.event_date > {{ dateadd('day', -reach, night) }}
),

steps as (
    select
        *,
        lag(occurred_at) over (partition by site_id, person_id, term order by occurred_at, event_id) as searched_before_at
    from requests
),

marks as (
    select
        *,
        coalesce(occurred_at > {{ dateadd('minute', var('search_repeat_minutes'), 'searched_before_at') }}, true) as is_unique
    from steps
)

select
    event_id,
    site_id,
    visitor_id,
    person_id,
    term,
    results_count,
    event_date,
    occurred_at,
    is_unique,
    -- a repetition belongs to the search that it repeats
    sum(case when is_unique then 1 else 0 end) over (
        partition by site_id, person_id, term order by occurred_at, event_id rows unbounded preceding
    ) as search_no
from marks
