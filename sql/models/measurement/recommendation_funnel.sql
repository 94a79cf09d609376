{% set night = night_literal() %}

with report_window as (
    select starts_on, ends_on from {{ source('measurement', 'report_windows') }}
    where night = {{ night }}
),

-- from the events and not from recommendation_requests, whose flags may know what later nights brought
recommendation_events as (
    select * from {{ ref('stg_recommendation_events') }}
    where known_on <= {{ night }} and event_date <= {{ night }}
),

served as (
    select
        recommendation_events.site_id,
        recommendation_events.request_id,
        min(recommendation_events.event_date) as report_date,
        min_by(recommendation_events.scenario_id, (occurred_at, event_id)) as scenario_id,
        coalesce(min_by(recommendation_events.model_version, (occurred_at, event_id)), 'none') as model_version,
        min_by(recommendation_events.variant, (occurred_at, event_id)) as variant,
        min_by(coalesce(len(recommendation_events.item_ids), 0), (occurred_at, event_id)) as slots
    from recommendation_events
    cross join report_window
    where
        recommendation_events.event_type = 'served'
        and recommendation_events.is_robot is not true
        and recommendation_events.event_date between report_window.starts_on and report_window.ends_on
    group by recommendation_events.site_id, recommendation_events.request_id
),

outcomes as (
    select
        site_id,
        request_id,
        max(case when event_type = 'rendered' then 1 else 0 end) as rendered,
        max(case when event_type = 'viewed' then 1 else 0 end) as viewed,
        count(distinct item_id) filter (where event_type = 'clicked') as clicks,
        count(distinct item_id) filter (where event_type = 'added_to_cart') as carts
    from recommendation_events
    where event_type in ('rendered', 'viewed', 'clicked', 'added_to_cart')
    group by site_id, request_id
),

bought as (
    select
        site_id,
        request_id,
        count(distinct order_id) filter (where movement = 'sale') as orders,
        sum(gross - discount) as revenue,
        sum(net) as net_revenue
    from {{ ref('movements_as_of_night') }}
    where request_id is not null
    group by site_id, request_id
),

final as (
    select
        served.report_date,
        served.site_id,
        served.scenario_id,
        served.model_version,
        served.variant,
        count(*) as requests,
        sum(served.slots) as slots,
        sum(coalesce(outcomes.rendered, 0)) as impressions,
        sum(coalesce(outcomes.viewed, 0)) as viewed,
        sum(coalesce(outcomes.clicks, 0)) as clicks,
        count(*) filter (where outcomes.clicks > 0) as clicked_requests,
        sum(coalesce(outcomes.carts, 0)) as carts,
        sum(coalesce(bought.orders, 0)) as orders,
        sum(coalesce(bought.revenue, 0)) as revenue,
        sum(coalesce(bought.net_revenue, 0)) as net_revenue
    from served
    left join outcomes on served.site_id = outcomes.site_id and served.request_id = outcomes.request_id
    left join bought on served.site_id = bought.site_id and served.request_id = bought.request_id
    group by served.report_date, served.site_id, served.scenario_id, served.model_version, served.variant
)

select
    {{ night }} as night,
    report_date,
    site_id,
    scenario_id,
    model_version,
    variant,
    requests,
    cast(slots as bigint) as slots,
    cast(impressions as bigint) as impressions,
    cast(viewed as bigint) as viewed,
    cast(clicks as bigint) as clicks,
    clicked_requests,
    cast(carts as bigint) as carts,
    cast(orders as bigint) as orders,
    cast(revenue as decimal(18, 4)) as revenue,
    cast(net_revenue as decimal(18, 4)) as net_revenue,
    cast(clicks as double) / nullif(impressions, 0) as ctr,
    cast(clicked_requests as double) / nullif(requests, 0) as clicked_request_rate,
    cast(clicks as double) / nullif(viewed, 0) as viewable_ctr,
    cast(viewed as double) / nullif(impressions, 0) as viewability
from final
