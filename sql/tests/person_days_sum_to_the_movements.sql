{{ config(meta={'dagster': {'ref': {'name': 'person_days'}}}) }}
-- Day by day, what people paid is what the movements of named people say.
{%- set days = in_days('event_date', touched_days(['order_events', 'storefront_events'])) if execute else 'true' %}

with people as (
    select
        event_date,
        sum(net) as net
    from {{ ref('person_days') }}
    where {{ days }}
    group by event_date
),

movements as (
    select
        movement_date,
        sum(net) as net
    from {{ ref('order_movements') }}
    where identifier is not null and {{ days | replace('event_date', 'movement_date') }}
    group by movement_date
)

select
    coalesce(people.event_date, movements.movement_date) as event_date,
    people.net as people_net,
    movements.net as movements_net
from people
full outer join movements on people.event_date = movements.movement_date
where coalesce(people.net, 0) <> coalesce(movements.net, 0)
