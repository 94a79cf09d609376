{{ config(materialized='view', pre_hook=[]) }}

with days as (
    select
        night,
        site_id,
        currency,
        report_date,
        sum(visits) as visits,
        sum(orders) as orders,
        sum(net) as net
    from {{ ref('business_days') }}
    group by night, site_id, currency, report_date
),

-- from the first day on which something happened: a day without anything counts as nothing from then on
seasons as (
    select
        *,
        'weekday' as season_type,
        {{ iso_weekday('report_date') }} as season
    from days
    union all
    select
        *,
        'month' as season_type,
        extract(month from report_date) as season
    from days
),

sums as (
    select
        night,
        site_id,
        currency,
        season_type,
        season,
        count(*) as days,
        sum(visits) as visits,
        sum(orders) as orders,
        sum(net) as net
    from seasons
    group by night, site_id, currency, season_type, season
)

select
    night,
    site_id,
    season_type,
    cast(season as bigint) as season,
    currency,
    days,
    cast(visits as bigint) as visits,
    cast(orders as bigint) as orders,
    cast(net as decimal(18, 4)) as net,
    cast(net as double) / days as net_per_day,
    (cast(net as double) / days)
    / nullif(
        cast(sum(net) over (partition by night, site_id, season_type) as double)
        / sum(days) over (partition by night, site_id, season_type),
        0
    ) as season_index
from sums
