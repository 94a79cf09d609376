{% set night = night_literal() %}

with assignments as (
    select * from {{ ref('assignments') }}
    where night = {{ night }}
),

experiments as (
    select
        experiment_id,
        ends_on
    from {{ source('measurement', 'experiments') }}
    where night = {{ night }}
),

movements as (
    select * from {{ ref('movements_as_of_night') }}
    where visitor_id is not null
),

-- calendar windows: what was ordered up to the last day of the experiment, and what was paid back of it since
dated as (
    select
        assignments.experiment_id,
        assignments.site_id,
        assignments.unit_id,
        assignments.variant,
        movements.order_id,
        movements.movement,
        movements.net,
        movements.currency,
        movements.order_date < assignments.assigned_date as is_earlier,
        movements.order_date > {{ night }} - interval 28 day as is_recent
    from assignments
    inner join experiments on assignments.experiment_id = experiments.experiment_id
    inner join movements
        on assignments.site_id = movements.site_id and assignments.unit_id = movements.visitor_id
    where movements.order_date <= coalesce(experiments.ends_on, {{ night }})
),

final as (
    select
        experiment_id,
        site_id,
        unit_id,
        min(variant) as variant,
        count(distinct order_id) filter (where movement = 'sale' and not is_earlier) as orders,
        coalesce(sum(net) filter (where not is_earlier), 0) as net,
        count(distinct order_id) filter (where movement = 'sale' and not is_earlier and is_recent) as recent_orders,
        coalesce(sum(net) filter (where not is_earlier and is_recent), 0) as recent_net,
        count(distinct order_id) filter (where movement = 'sale' and is_earlier) as earlier_orders,
        coalesce(sum(net) filter (where is_earlier), 0) as earlier_net,
        min(currency) as first_currency,
        max(currency) as last_currency
    from dated
    group by experiment_id, site_id, unit_id
)

select
    {{ night }} as night,
    experiment_id,
    site_id,
    unit_id,
    variant,
    orders,
    cast(net as decimal(18, 4)) as net,
    recent_orders,
    cast(recent_net as decimal(18, 4)) as recent_net,
    earlier_orders,
    cast(earlier_net as decimal(18, 4)) as earlier_net,
    first_currency,
    last_currency
from final
