{{ config(meta={'dagster': {'ref': {'name': 'identity_map'}}}) }}
-- Whoever did something on a touched day has a person from the night on which it became known.
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
    from {{ ref('identity_map') }} as map
    where map.identifier = people.identifier and map.known_on <= people.known_on
)
