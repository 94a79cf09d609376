{{ config(materialized='view', pre_hook=[]) }}

-- A view: the days of a window add up from their daily sums at read; nothing of them is written again every night.
select
    report_windows.night,
    days.report_date,
    days.site_id,
    days.scenario_id,
    days.slot,
    days.model_version,
    days.level,
    days.variant,
    days.channel,
    days.segment_id,
    cast(sum(days.requests) as bigint) as requests,
    cast(sum(days.impressions) as bigint) as impressions,
    cast(sum(days.viewable_impressions) as bigint) as viewable_impressions,
    cast(sum(days.slots) as bigint) as slots,
    cast(sum(days.slot_impressions) as bigint) as slot_impressions,
    cast(sum(days.slot_views) as bigint) as slot_views,
    cast(sum(days.clicks) as bigint) as clicks,
    cast(sum(days.clicked_requests) as bigint) as clicked_requests,
    cast(sum(days.carts) as bigint) as carts,
    cast(sum(days.orders) as bigint) as orders,
    cast(sum(days.revenue) as decimal(18, 4)) as revenue,
    cast(sum(days.net_revenue) as decimal(18, 4)) as net_revenue
from {{ source('measurement', 'report_windows') }} as report_windows
inner join {{ ref('funnel_days') }} as days
    on
        report_windows.night >= days.night
        and days.report_date between report_windows.starts_on and report_windows.ends_on
group by
    report_windows.night,
    days.report_date,
    days.site_id,
    days.scenario_id,
    days.slot,
    days.model_version,
    days.level,
    days.variant,
    days.channel,
    days.segment_id
