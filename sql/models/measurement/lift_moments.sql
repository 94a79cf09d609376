{% set night = night_literal() %}

with assignments as (
    select * from {{ ref('assignments') }}
    where night = {{ night }}
),

movements as (
    select * from {{ ref('movements_as_of_night') }}
    where visitor_id is not null
),

-- a refund counts with its order: net is what the order was worth in the end, as far as known on the night
outcomes as (
    select
        assignments.experiment_id,
        assignments.site_id,
        assignments.unit_id,
        count(distinct movements.order_id) filter (
            where movements.movement = 'sale' and movements.order_date >= assignments.assigned_date
        ) as orders,
        sum(movements.net) filter (where movements.order_date >= assignments.assigned_date) as net,
        sum(movements.net) filter (where movements.order_date < assignments.assigned_date) as earlier_net,
        min(movements.currency) filter (where movements.order_date >= assignments.assigned_date) as first_currency,
        max(movements.currency) filter (where movements.order_date >= assignments.assigned_date) as last_currency
    from assignments
    inner join movements
        on assignments.site_id = movements.site_id and assignments.unit_id = movements.visitor_id
    group by assignments.experiment_id, assignments.site_id, assignments.unit_id
),

per_unit as (
    select
        assignments.experiment_id,
        assignments.site_id,
        assignments.variant,
        assignments.is_mixed,
        assignments.is_switched,
        coalesce(outcomes.orders, 0) as orders,
        -- 28 digits: DuckDB multiplies decimals of up to 18 digits in 64 bits, which overflows from 316,228 on
        cast(coalesce(outcomes.net, 0) as decimal(28, 4)) as net,
        cast(coalesce(outcomes.earlier_net, 0) as decimal(28, 4)) as earlier_net,
        outcomes.first_currency,
        outcomes.last_currency
    from assignments
    left join outcomes
        on
            assignments.experiment_id = outcomes.experiment_id
            and assignments.site_id = outcomes.site_id
            and assignments.unit_id = outcomes.unit_id
),

final as (
    select
        experiment_id,
        site_id,
        variant,
        count(*) as units,
        count(*) filter (where orders > 0) as ordering_units,
        count(*) filter (where is_mixed) as mixed_units,
        count(*) filter (where is_switched) as switched_units,
        sum(orders) as orders,
        sum(orders * orders) as orders_squared,
        sum(net) as net,
        sum(net * net) as net_squared,
        sum(earlier_net) as earlier_net,
        sum(earlier_net * earlier_net) as earlier_net_squared,
        sum(net * earlier_net) as net_times_earlier_net,
        min(first_currency) as first_currency,
        max(last_currency) as last_currency
    from per_unit
    group by experiment_id, site_id, variant
)

select
    {{ night }} as night,
    experiment_id,
    site_id,
    variant,
    units,
    ordering_units,
    mixed_units,
    switched_units,
    cast(orders as bigint) as orders,
    cast(orders_squared as bigint) as orders_squared,
    cast(net as decimal(38, 4)) as net,
    cast(net_squared as decimal(38, 8)) as net_squared,
    cast(earlier_net as decimal(38, 4)) as earlier_net,
    cast(earlier_net_squared as decimal(38, 8)) as earlier_net_squared,
    cast(net_times_earlier_net as decimal(38, 8)) as net_times_earlier_net,
    first_currency,
    last_currency
from final
