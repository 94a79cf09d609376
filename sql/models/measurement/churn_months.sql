{{ config(materialized='view', pre_hook=[]) }}

with cells as (
    select * from {{ ref('customer_cells') }}
),

months as (
    select distinct night, site_id, first_order_month as month from cells
    union
    select distinct night, site_id, last_order_month as month from cells
),

counts as (
    select
        months.night,
        months.site_id,
        months.month,
        coalesce(sum(cells.customers) filter (where cells.first_order_month <= months.month), 0) as customers_so_far,
        coalesce(sum(cells.customers) filter (where cells.last_order_month = months.month and cells.is_churned), 0) as churned,
        coalesce(sum(cells.customers) filter (where cells.last_order_month <= months.month), 0) as last_ordered_so_far
    from months
    inner join cells on months.night = cells.night and months.site_id = cells.site_id
    group by months.night, months.site_id, months.month
)

select
    counts.night,
    counts.site_id,
    counts.month,
    report_windows.churn_days,
    cast(counts.customers_so_far as bigint) as customers_so_far,
    cast(counts.churned as bigint) as churned,
    cast(counts.last_ordered_so_far as bigint) as last_ordered_so_far,
    -- whoever ordered in the newest months may still come back
    case
        when {{ dateadd('month', 1, 'counts.month') }} <= {{ dateadd('day', '-report_windows.churn_days', 'counts.night') }}
            then
                cast(counts.churned as double)
                / nullif(counts.customers_so_far + counts.churned - counts.last_ordered_so_far, 0)
    end as churn_rate
from counts
inner join {{ source('measurement', 'report_windows') }} as report_windows on counts.night = report_windows.night
