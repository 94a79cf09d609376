{{ config(materialized='view', pre_hook=[]) }}

with counts as (
    select
        night,
        site_id,
        orders,
        sum(customers) as customers
    from {{ ref('customer_cells') }}
    group by night, site_id, orders
),

-- customers with at least so many orders
reached as (
    select
        night,
        site_id,
        orders,
        sum(customers) over (
            partition by night, site_id order by orders desc rows between unbounded preceding and current row
        ) as customers_with_at_least,
        customers as customers_with_exactly
    from counts
)

select
    night,
    site_id,
    cast(orders as bigint) as orders,
    cast(customers_with_at_least as bigint) as customers_with_at_least,
    cast(customers_with_at_least - customers_with_exactly as bigint) as customers_with_more,
    cast(customers_with_at_least - customers_with_exactly as double) / customers_with_at_least as repeat_probability
from reached
