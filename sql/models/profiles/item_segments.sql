{% set night = night_literal() %}

with items as (
    select * from {{ ref('item_profiles') }}
    where night = {{ night }} and item_type = 'product'
),

memberships as (
    select site_id, item_id, 'velocity-' || velocity as segment_id from items
    union all
    select site_id, item_id, 'margin-' || coalesce(margin_band, 'unknown') as segment_id from items
    union all
    select site_id, item_id, 'new' as segment_id from items
    where is_new
    union all
    select site_id, item_id, 'high-returns' as segment_id from items
    where has_high_returns
    union all
    select site_id, item_id, 'trending' as segment_id from items
    where is_trending
    union all
    select
        site_id,
        item_id,
        case when is_seasonal then 'seasonal' when is_seasonal is null then 'season-unknown' else 'all-year' end as segment_id
    from items
    union all
    select site_id, item_id, case when price_change < 0 then 'price-cut' else 'price-rise' end as segment_id from items
    where price_changed_on > {{ night }} - interval 28 day and price_change <> 0
)

select
    {{ night }} as night,
    site_id,
    item_id,
    segment_id
from memberships
