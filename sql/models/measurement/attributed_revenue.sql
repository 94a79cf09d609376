{% set night = night_literal() %}

with movements as (
    select * from {{ ref('movements_as_of_night') }}
),

report_window as (
    select starts_on, ends_on from {{ source('measurement', 'report_windows') }}
    where night = {{ night }}
),

final as (
    select
        movements.order_date,
        movements.site_id,
        movements.scenario_id,
        movements.model_version,
        movements.variant,
        movements.currency,
        count(*) as movements,
        count(distinct movements.order_id) filter (where movements.is_order_head) as orders,
        count(distinct movements.order_id) filter (where movements.movement = 'sale') as orders_touched,
        coalesce(sum(movements.quantity) filter (where movements.is_goods), 0) as units,
        sum(movements.gross) as gross,
        sum(movements.discount) as discount,
        sum(movements.cancelled) as cancelled,
        sum(movements.refunded) as refunded,
        sum(movements.adjusted) as adjusted,
        sum(movements.net) as net,
        sum(movements.cost) as cost,
        sum(movements.margin) as margin
    from movements
    inner join report_window
        on movements.order_date between report_window.starts_on and report_window.ends_on
    group by
        movements.order_date,
        movements.site_id,
        movements.scenario_id,
        movements.model_version,
        movements.variant,
        movements.currency
)

select
    {{ night }} as night,
    order_date,
    site_id,
    scenario_id,
    model_version,
    variant,
    currency,
    movements,
    orders,
    orders_touched,
    cast(units as bigint) as units,
    cast(gross as decimal(18, 4)) as gross,
    cast(discount as decimal(18, 4)) as discount,
    cast(cancelled as decimal(18, 4)) as cancelled,
    cast(refunded as decimal(18, 4)) as refunded,
    cast(adjusted as decimal(18, 4)) as adjusted,
    cast(net as decimal(18, 4)) as net,
    cast(cost as decimal(18, 4)) as cost,
    cast(margin as decimal(18, 4)) as margin
from final
