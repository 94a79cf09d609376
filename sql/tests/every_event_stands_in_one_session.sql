{{ config(meta={'dagster': {'ref': {'name': 'sessions'}}}) }}
-- depends_on: {{ ref('session_days') }}
-- Every staged event is in session_events, and each session counts exactly its events.
{%- set near = days_around_touched() if execute else [] %}

with staged as (
    select count(*) as events
    from {{ ref('stg_storefront_events') }}
    where {{ in_days('event_date', near) }}
),

counted as (
    select
        session_id,
        count(*) as events,
        count(*) filter (where {{ in_days('event_date', near) }}) as near_events
    from {{ ref('session_events') }}
    where {{ in_days('event_date', days_of_blocks(ref('session_days'), near) if execute else []) }}
    group by session_id
),

assigned as (
    select coalesce(sum(near_events), 0) as events
    from counted
)

select
    'staged' as what,
    staged.events,
    assigned.events as counted_events
from staged
cross join assigned
where staged.events <> assigned.events
union all
select
    sessions.session_id as what,
    sessions.events,
    counted.events as counted_events
from {{ ref('sessions') }} as sessions
left join counted on sessions.session_id = counted.session_id
where
    {{ in_days('sessions.session_date', near) }}
    and sessions.events is distinct from counted.events
