{{ config(meta={'dagster': {'ref': {'name': 'sessions'}}}) }}
-- depends_on: {{ ref('session_days') }}
-- Every staged event is in session_events, and each session counts exactly its events. The counts of all sessions are
-- compared at once, each weighed with a fingerprint of its id: grouping by session costs a third more and tells no more.
{%- set near = days_around_touched() if execute else [] %}
{%- set weight = 'cast(' ~ row_fingerprint(['session_id']) ~ ' as decimal(38, 0))' %}

with staged as (
    select count(*) as events
    from {{ ref('stg_storefront_events') }}
    where {{ in_days('event_date', near) }}
),

assigned as (
    select
        count(*) filter (where {{ in_days('event_date', near) }}) as events,
        sum({{ weight }}) filter (where {{ in_days('session_date', near) }}) as weighed_events
    from {{ ref('session_events') }}
    where {{ in_days('event_date', days_of_blocks(ref('session_days'), near) if execute else []) }}
),

counted as (
    select sum({{ weight }} * events) as weighed_events
    from {{ ref('sessions') }}
    where {{ in_days('session_date', near) }}
)

select
    staged.events as staged_events,
    assigned.events as assigned_events,
    assigned.weighed_events,
    counted.weighed_events as counted_weighed_events
from staged
cross join assigned
cross join counted
where
    staged.events <> assigned.events
    or assigned.weighed_events is distinct from counted.weighed_events
