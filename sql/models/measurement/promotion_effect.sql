{% set night = night_literal() %}

with orders as (
    select * from {{ ref('orders_as_of_night') }}
),

report_window as (
    select starts_on, ends_on from {{ source('measurement', 'report_windows') }}
    where night = {{ night }}
),

sold as (
    select
        orders.*,
        case
            when orders.coupon_code is not null then 'coupon'
            when orders.discount > 0 then 'discount'
            else 'full price'
        end as promotion
    from orders
    inner join report_window on orders.order_date between report_window.starts_on and report_window.ends_on
    where orders.has_sale
)

select
    {{ night }} as night,
    sold.site_id,
    sold.promotion,
    coalesce(sold.coupon_code, 'none') as coupon_code,
    sites.currency,
    count(*) as orders,
    count(distinct sold.person_id) filter (where sold.is_counted) as customers,
    count(*) filter (where sold.order_number = 1) as new_customers,
    count(*) filter (where sold.order_number = 1 and sold.next_order_date is not null) as new_customers_who_came_back,
    cast(sum(sold.gross) as decimal(18, 4)) as gross,
    cast(sum(sold.discount) as decimal(18, 4)) as discount,
    cast(sum(sold.refunded) as decimal(18, 4)) as refunded,
    cast(sum(sold.net) as decimal(18, 4)) as net,
    cast(sum(sold.margin) as decimal(18, 4)) as margin,
    cast(sum(sold.net) as double) / count(*) as average_order_value,
    cast(sum(sold.discount) as double) / nullif(sum(sold.gross), 0) as discount_rate,
    cast(sum(sold.refunded) as double) / nullif(sum(sold.gross - sold.discount), 0) as return_rate,
    cast(count(*) filter (where sold.order_number = 1 and sold.next_order_date is not null) as double)
    / nullif(count(*) filter (where sold.order_number = 1), 0) as came_back_rate
from sold
left join {{ source('raw', 'sites') }} as sites on sold.site_id = sites.site_id
group by sold.site_id, sold.promotion, sold.coupon_code, sites.currency
