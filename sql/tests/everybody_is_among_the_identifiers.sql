{{ config(meta={'dagster': {'ref': {'name': 'identifiers'}}}) }}
-- Whoever did something on a touched day is an identifier from the night on which it became known.
with people as (
    select
        identifier,
        min(known_on) as known_on
    from {{ ref('person_days') }}
    where {{ in_days('event_date', touched_days(['storefront_events', 'order_events'])) if execute else 'true' }}
    group by identifier
)

select people.identifier
from people
where not exists (
    select 1
    from {{ ref('identifiers') }} as seen
    where people.identifier = seen.identifier and people.known_on >= seen.known_on
)
