{{ config(materialized='view', pre_hook=[]) }}

with sums as (
    select
        night,
        report_date,
        site_id,
        scenario_id,
        model_version,
        variant,
        sum(requests) as requests,
        sum(impressions) as impressions,
        sum(viewable_impressions) as viewable_impressions,
        sum(slots) as slots,
        sum(clicks) as clicks,
        sum(clicked_requests) as clicked_requests,
        sum(carts) as carts,
        sum(orders) as orders,
        sum(net_revenue) as net_revenue
    from {{ ref('recommendation_funnel') }}
    group by night, report_date, site_id, scenario_id, model_version, variant
)

select
    night,
    report_date,
    site_id,
    scenario_id,
    model_version,
    variant,
    cast(requests as bigint) as requests,
    cast(impressions as bigint) as impressions,
    cast(viewable_impressions as bigint) as viewable_impressions,
    cast(clicks as bigint) as clicks,
    cast(clicked_requests as bigint) as clicked_requests,
    cast(clicks as double) / nullif(impressions, 0) as ctr_per_impression,
    cast(clicks as double) / nullif(viewable_impressions, 0) as ctr_per_viewable_impression,
    cast(clicks as double) / nullif(requests, 0) as ctr_per_call,
    cast(clicked_requests as double) / nullif(requests, 0) as clicked_request_rate,
    cast(viewable_impressions as double) / nullif(impressions, 0) as viewability,
    cast(slots as double) / nullif(requests, 0) as slots_per_request,
    cast(carts as double) / nullif(clicks, 0) as cart_rate,
    cast(orders as double) / nullif(requests, 0) as order_rate,
    cast(net_revenue as double) / nullif(requests, 0) as net_revenue_per_request
from sums
