{% set night = night_literal() %}
{{ config(materialized='ephemeral') }}

with movements as (
    select * from {{ ref('movements_as_of_night') }}
),

amounts as (
    select * from {{ ref('site_amounts') }}
    where converted_on <= {{ night }}
),

coupons as (
    select
        site_id,
        order_id,
        min(coupon_code) as coupon_code
    from {{ ref('stg_order_events') }}
    where
        event_type = 'order_placed' and coupon_code is not null
        and known_on <= {{ night }} and event_date <= {{ night }}
    group by site_id, order_id
),

orders as (
    select
        movements.site_id,
        movements.order_id,
        min(movements.person_id) as person_id,
        min(movements.order_date) as order_date,
        min(movements.occurred_at) as ordered_at,
        min(movements.channel) as channel,
        bool_or(movements.movement = 'sale') as has_sale,
        sum(movements.gross - movements.discount - movements.cancelled) > 0 as is_kept,
        count(*) as movements,
        count(*) filter (where amounts.movement_id is null) as unconverted,
        coalesce(sum(movements.quantity) filter (where movements.is_goods and movements.movement = 'sale'), 0) as units_sold,
        coalesce(-sum(movements.quantity) filter (where movements.is_goods and movements.movement = 'refund'), 0)
            as units_returned,
        coalesce(sum(amounts.site_gross), 0) as gross,
        coalesce(sum(amounts.site_discount), 0) as discount,
        coalesce(sum(amounts.site_cancelled), 0) as cancelled,
        coalesce(sum(amounts.site_refunded), 0) as refunded,
        coalesce(sum(amounts.site_adjusted), 0) as adjusted,
        coalesce(sum(amounts.site_net), 0) as net,
        sum(amounts.site_net - amounts.site_cost) as margin
    from movements
    left join amounts
        on movements.movement_id = amounts.movement_id and movements.movement_date = amounts.movement_date
    group by movements.site_id, movements.order_id
),

-- an order of which nothing was left before shipping makes nobody a customer
counted as (
    select
        *,
        coalesce(person_id is not null and has_sale and is_kept, false) as is_counted
    from orders
),

numbered as (
    select
        *,
        row_number() over (partition by site_id, person_id, is_counted order by ordered_at, order_id) as place,
        min(order_date) over (partition by site_id, person_id, is_counted) as earliest_date,
        first_value(channel) over (partition by site_id, person_id, is_counted order by ordered_at, order_id) as earliest_channel,
        lead(order_date) over (partition by site_id, person_id, is_counted order by ordered_at, order_id) as next_order_date
    from counted
)

select
    numbered.site_id,
    numbered.order_id,
    numbered.person_id,
    numbered.order_date,
    numbered.channel,
    numbered.has_sale,
    numbered.is_kept,
    numbered.is_counted,
    case when numbered.is_counted then numbered.place end as order_number,
    case when numbered.is_counted then numbered.earliest_date end as first_order_date,
    case when numbered.is_counted then numbered.earliest_channel end as acquisition_channel,
    case when numbered.is_counted then numbered.next_order_date end as next_order_date,
    coupons.coupon_code,
    numbered.movements,
    numbered.unconverted,
    numbered.units_sold,
    numbered.units_returned,
    numbered.gross,
    numbered.discount,
    numbered.cancelled,
    numbered.refunded,
    numbered.adjusted,
    numbered.net,
    numbered.margin
from numbered
left join coupons on numbered.site_id = coupons.site_id and numbered.order_id = coupons.order_id
