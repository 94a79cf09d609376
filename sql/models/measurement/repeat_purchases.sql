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

-- from 1 to the most: where nobody stopped at a number, everybody went on
most as (
    select
        night,
        site_id,
        max(orders) as orders
    from counts
    group by night, site_id
),

numbers as (
    select
        night,
        site_id,
        {{ each_number('1', 'orders') }} as orders
    from most
),

-- customers with at least so many orders
reached as (
    select
        numbers.night,
        numbers.site_id,
        numbers.orders,
        coalesce(counts.customers, 0) as stopped_here,
        sum(coalesce(counts.customers, 0)) over (
            partition by numbers.night, numbers.site_id order by numbers.orders desc
            rows between unbounded preceding and current row
        ) as customers_with_at_least
    from numbers
    left join counts
        on numbers.night = counts.night and numbers.site_id = counts.site_id and numbers.orders = counts.orders
)

select
    night,
    site_id,
    cast(orders as bigint) as orders,
    cast(customers_with_at_least as bigint) as customers_with_at_least,
    cast(customers_with_at_least - stopped_here as bigint) as customers_with_more,
    cast(customers_with_at_least - stopped_here as double) / customers_with_at_least as repeat_probability
from reached
