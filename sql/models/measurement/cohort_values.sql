{% set night = night_literal() %}

with orders as (
    select * from {{ ref('orders_as_of_night') }}
    where is_counted
),

months as (
    select
        site_id,
        acquisition_channel,
        cast(date_trunc('month', first_order_date) as date) as cohort_month,
        {{ datediff("date_trunc('month', first_order_date)", "date_trunc('month', order_date)", 'month') }} as months_since,
        count(distinct person_id) as active_customers,
        count(*) as orders,
        sum(net) as net,
        sum(margin) as margin
    from orders
    group by site_id, acquisition_channel, cohort_month, months_since
),

cohorts as (
    select site_id, acquisition_channel, cohort_month, active_customers as customers from months
    where months_since = 0
),

final as (
    select
        months.*,
        cohorts.customers,
        sum(months.net) over (
            partition by months.site_id, months.acquisition_channel, months.cohort_month order by months.months_since
        ) as net_so_far
    from months
    inner join cohorts
        on
            months.site_id = cohorts.site_id
            and months.acquisition_channel = cohorts.acquisition_channel
            and months.cohort_month = cohorts.cohort_month
)

select
    {{ night }} as night,
    final.site_id,
    final.cohort_month,
    final.acquisition_channel,
    cast(final.months_since as bigint) as months_since,
    sites.currency,
    final.customers,
    final.active_customers,
    final.orders,
    cast(final.net as decimal(18, 4)) as net,
    cast(final.margin as decimal(18, 4)) as margin,
    cast(final.net_so_far as decimal(18, 4)) as net_so_far,
    cast(final.net_so_far as double) / final.customers as value_per_customer
from final
left join {{ source('raw', 'sites') }} as sites on final.site_id = sites.site_id
