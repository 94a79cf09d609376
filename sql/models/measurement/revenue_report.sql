{{ config(on_schema_change='append_new_columns') }}
{% set night = night_literal() %}

with movements as (
    select * from {{ ref('movements_as_of_night') }}
),

report_window as (
    select starts_on, ends_on from {{ source('measurement', 'report_windows') }}
    where night = {{ night }}
),

-- at the rate of the order's day; what has none yet on the night stays out and is counted as unconverted
amounts as (
    select * from {{ ref('site_amounts') }}
    where converted_on <= {{ night }}
),

celled as (
    select
        movements.*,
        amounts.movement_id is null as is_unconverted,
        amounts.site_gross,
        amounts.site_discount,
        amounts.site_cancelled,
        amounts.site_refunded,
        amounts.site_adjusted,
        amounts.site_net,
        amounts.site_cost,
        amounts.site_net - amounts.site_cost as site_margin
    from movements
    left join amounts
        on movements.movement_id = amounts.movement_id and movements.movement_date = amounts.movement_date
),

-- each movement counts on two days, in separate columns: the day of its order and its own day
on_order_day as (
    select
        celled.order_date as report_date,
        celled.site_id,
        celled.channel,
        celled.segment_id,
        celled.scenario_id,
        celled.currency,
        count(*) as movements,
        count(distinct celled.order_id) filter (where celled.is_order_head) as orders,
        count(distinct celled.order_id) filter (where celled.movement = 'sale') as orders_touched,
        coalesce(sum(celled.quantity) filter (where celled.is_goods), 0) as units,
        sum(celled.gross) as gross,
        sum(celled.discount) as discount,
        sum(celled.cancelled) as cancelled,
        sum(celled.refunded) as refunded,
        sum(celled.adjusted) as adjusted,
        sum(celled.net) as net,
        sum(celled.cost) as cost,
        sum(celled.margin) as margin,
        count(*) filter (where celled.is_unconverted) as unconverted,
        sum(celled.site_gross) as site_gross,
        sum(celled.site_discount) as site_discount,
        sum(celled.site_cancelled) as site_cancelled,
        sum(celled.site_refunded) as site_refunded,
        sum(celled.site_adjusted) as site_adjusted,
        sum(celled.site_net) as site_net,
        sum(celled.site_cost) as site_cost,
        sum(celled.site_margin) as site_margin
    from celled
    inner join report_window on celled.order_date between report_window.starts_on and report_window.ends_on
    group by all
),

on_movement_day as (
    select
        celled.movement_date as report_date,
        celled.site_id,
        celled.channel,
        celled.segment_id,
        celled.scenario_id,
        celled.currency,
        count(*) as movements_on_day,
        sum(celled.refunded) as refunded_on_return_day,
        sum(celled.net) as net_on_movement_day,
        sum(celled.site_refunded) as site_refunded_on_return_day,
        sum(celled.site_net) as site_net_on_movement_day
    from celled
    inner join report_window on celled.movement_date between report_window.starts_on and report_window.ends_on
    group by all
),

final as (
    select
        coalesce(on_order_day.report_date, on_movement_day.report_date) as report_date,
        coalesce(on_order_day.site_id, on_movement_day.site_id) as site_id,
        coalesce(on_order_day.channel, on_movement_day.channel) as channel,
        coalesce(on_order_day.segment_id, on_movement_day.segment_id) as segment_id,
        coalesce(on_order_day.scenario_id, on_movement_day.scenario_id) as scenario_id,
        coalesce(on_order_day.currency, on_movement_day.currency) as currency,
        coalesce(on_order_day.movements, 0) as movements,
        coalesce(on_order_day.orders, 0) as orders,
        coalesce(on_order_day.orders_touched, 0) as orders_touched,
        coalesce(on_order_day.units, 0) as units,
        coalesce(on_order_day.gross, 0) as gross,
        coalesce(on_order_day.discount, 0) as discount,
        coalesce(on_order_day.cancelled, 0) as cancelled,
        coalesce(on_order_day.refunded, 0) as refunded,
        coalesce(on_order_day.adjusted, 0) as adjusted,
        coalesce(on_order_day.net, 0) as net,
        on_order_day.cost,
        on_order_day.margin,
        coalesce(on_movement_day.movements_on_day, 0) as movements_on_day,
        coalesce(on_movement_day.refunded_on_return_day, 0) as refunded_on_return_day,
        coalesce(on_movement_day.net_on_movement_day, 0) as net_on_movement_day,
        coalesce(on_order_day.unconverted, 0) as unconverted,
        coalesce(on_order_day.site_gross, 0) as site_gross,
        coalesce(on_order_day.site_discount, 0) as site_discount,
        coalesce(on_order_day.site_cancelled, 0) as site_cancelled,
        coalesce(on_order_day.site_refunded, 0) as site_refunded,
        coalesce(on_order_day.site_adjusted, 0) as site_adjusted,
        coalesce(on_order_day.site_net, 0) as site_net,
        on_order_day.site_cost,
        on_order_day.site_margin,
        coalesce(on_movement_day.site_refunded_on_return_day, 0) as site_refunded_on_return_day,
        coalesce(on_movement_day.site_net_on_movement_day, 0) as site_net_on_movement_day
    from on_order_day
    full outer join on_movement_day
        on
            on_order_day.report_date = on_movement_day.report_date
            and on_order_day.site_id = on_movement_day.site_id
            and on_order_day.channel = on_movement_day.channel
            and on_order_day.segment_id = on_movement_day.segment_id
            and on_order_day.scenario_id = on_movement_day.scenario_id
            and on_order_day.currency = on_movement_day.currency
)

select
    {{ night }} as night,
    final.report_date,
    final.site_id,
    final.channel,
    final.segment_id,
    final.scenario_id,
    final.currency,
    final.movements,
    final.orders,
    final.orders_touched,
    cast(final.units as bigint) as units,
    cast(final.gross as decimal(18, 4)) as gross,
    cast(final.discount as decimal(18, 4)) as discount,
    cast(final.cancelled as decimal(18, 4)) as cancelled,
    cast(final.refunded as decimal(18, 4)) as refunded,
    cast(final.adjusted as decimal(18, 4)) as adjusted,
    cast(final.net as decimal(18, 4)) as net,
    cast(final.cost as decimal(18, 4)) as cost,
    cast(final.margin as decimal(18, 4)) as margin,
    final.movements_on_day,
    cast(final.refunded_on_return_day as decimal(18, 4)) as refunded_on_return_day,
    cast(final.net_on_movement_day as decimal(18, 4)) as net_on_movement_day,
    sites.currency as site_currency,
    final.unconverted,
    cast(final.site_gross as decimal(18, 4)) as site_gross,
    cast(final.site_discount as decimal(18, 4)) as site_discount,
    cast(final.site_cancelled as decimal(18, 4)) as site_cancelled,
    cast(final.site_refunded as decimal(18, 4)) as site_refunded,
    cast(final.site_adjusted as decimal(18, 4)) as site_adjusted,
    cast(final.site_net as decimal(18, 4)) as site_net,
    cast(final.site_cost as decimal(18, 4)) as site_cost,
    cast(final.site_margin as decimal(18, 4)) as site_margin,
    cast(final.site_refunded_on_return_day as decimal(18, 4)) as site_refunded_on_return_day,
    cast(final.site_net_on_movement_day as decimal(18, 4)) as site_net_on_movement_day
from final
left join {{ source('raw', 'sites') }} as sites on final.site_id = sites.site_id
