{{ config(meta={'dagster': {'ref': {'name': 'order_lines'}}}) }}
-- The ledger and its movements are the same money. Two sums over a few numeric columns: cheap on any history.
with lines as (
    select
        sum(net) as net,
        sum(gross) as gross,
        sum(quantity) as quantity
    from {{ ref('order_lines') }}
),

movements as (
    select
        sum(net) as net,
        sum(gross) as gross,
        sum(quantity) as quantity
    from {{ ref('order_movements') }}
)

select
    lines.net,
    movements.net as movements_net
from lines
cross join movements
where
    lines.net is distinct from movements.net
    or lines.gross is distinct from movements.gross
    or lines.quantity is distinct from movements.quantity
