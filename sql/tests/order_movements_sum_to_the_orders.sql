{{ config(meta={'dagster': {'ref': {'name': 'order_movements'}}}) }}
-- What was sold on a day is what the orders say: gross = amount + discount of order_placed, to the cent.
{%- set days = in_days('event_date', touched_days(['order_events'])) if execute else 'true' %}

with placed as (
    select
        event_date,
        sum(amount + coalesce(discount, 0)) as gross
    from {{ ref('stg_order_events') }}
    where event_type = 'order_placed' and {{ days }}
    group by event_date
),

movements as (
    select
        movement_date,
        sum(gross) as gross
    from {{ ref('order_movements') }}
    where movement = 'sale' and {{ days | replace('event_date', 'movement_date') }}
    group by movement_date
)

select
    placed.event_date,
    movements.movement_date,
    placed.gross as placed_gross,
    movements.gross as movements_gross
from placed
full outer join movements on placed.event_date = movements.movement_date
where placed.gross is distinct from movements.gross
