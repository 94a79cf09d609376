{% set night = night_literal() %}

with orders as (
    select * from {{ ref('orders_as_of_night') }}
    where is_counted
),

report_window as (
    select churn_days from {{ source('measurement', 'report_windows') }}
    where night = {{ night }}
),

customers as (
    select
        site_id,
        person_id,
        min(first_order_date) as first_order_date,
        min(acquisition_channel) as acquisition_channel,
        max(order_date) as last_order_date,
        count(*) as orders,
        sum(net) as net
    from orders
    group by site_id, person_id
)

select
    {{ night }} as night,
    customers.site_id,
    cast(date_trunc('month', customers.first_order_date) as date) as first_order_month,
    cast(date_trunc('month', customers.last_order_date) as date) as last_order_month,
    customers.acquisition_channel,
    customers.orders,
    customers.last_order_date <= {{ dateadd('day', '-report_window.churn_days', night) }} as is_churned,
    count(*) as customers,
    cast(sum(customers.net) as decimal(18, 4)) as net
from customers
cross join report_window
group by
    customers.site_id,
    first_order_month,
    last_order_month,
    customers.acquisition_channel,
    customers.orders,
    is_churned
