{% set night = night_literal() %}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='fail',
    pre_hook="{% if is_incremental() %}delete from {{ this }} where night = {{ night_literal() }}{% endif %}",
) }}

with catalog_items as (
    select * from {{ ref('stg_catalog_items') }}
    where known_on <= {{ night }} and event_date <= {{ night }}
),

item_days as (
    select * from {{ ref('item_days') }}
    where
        known_on <= {{ night }}
        and event_date <= {{ night }}
        and event_date > {{ night }} - interval 365 day
),

records as (
    select
        *,
        row_number() over (
            partition by site_id, item_id order by occurred_at desc, event_id desc
        ) as place,
        row_number() over (
            partition by site_id, item_id, event_type order by occurred_at desc, event_id desc
        ) as place_of_type,
        min(event_date) over (partition by site_id, item_id) as first_seen_date
    from catalog_items
),

deleted as (
    select site_id, item_id from records
    where place = 1 and event_type = 'item_deleted'
),

latest as (
    select
        site_id,
        item_id,
        item_type,
        name,
        description,
        brand,
        category_paths[1] as category_path,
        price,
        currency,
        unit_cost,
        stock,
        valid_from,
        valid_to,
        parent_item_id,
        first_seen_date
    from records
    where event_type = 'item_upserted' and place_of_type = 1
),

sums as (
    select
        site_id,
        item_id,
        sum(views) filter (where event_date > {{ night }} - interval 28 day) as views_28d,
        sum(cart_adds) filter (where event_date > {{ night }} - interval 28 day) as cart_adds_28d,
        sum(purchases) filter (where event_date > {{ night }} - interval 28 day) as purchases_28d,
        sum(units) filter (where event_date > {{ night }} - interval 28 day) as units_28d,
        sum(net) filter (where event_date > {{ night }} - interval 28 day) as net_28d,
        sum(gross) as gross,
        sum(refunded) as refunded
    from item_days
    group by site_id, item_id
),

final as (
    select
        {{ night }} as night,
        latest.site_id,
        latest.item_id,
        latest.item_type,
        latest.name,
        latest.description,
        latest.brand,
        latest.category_path,
        cast(latest.price as decimal(18, 4)) as price,
        latest.currency,
        cast(latest.unit_cost as decimal(18, 4)) as unit_cost,
        cast(latest.stock as bigint) as stock,
        (
            deleted.item_id is null
            and latest.item_type in ('product', 'content')
            and (latest.stock is null or latest.stock > 0)
            and (latest.valid_from is null or latest.valid_from <= {{ night }} + interval 1 day)
            and (latest.valid_to is null or latest.valid_to > {{ night }} + interval 1 day)
        ) as is_available,
        cast(latest.valid_from as timestamp) as valid_from,
        cast(latest.valid_to as timestamp) as valid_to,
        latest.parent_item_id,
        latest.first_seen_date,
        cast(coalesce(sums.views_28d, 0) as bigint) as views_28d,
        cast(coalesce(sums.cart_adds_28d, 0) as bigint) as cart_adds_28d,
        cast(coalesce(sums.purchases_28d, 0) as bigint) as purchases_28d,
        cast(coalesce(sums.units_28d, 0) as bigint) as units_28d,
        cast(coalesce(sums.net_28d, 0) as decimal(18, 4)) as net_28d,
        case
            when sums.gross > 0 then cast(sums.refunded as double) / cast(sums.gross as double)
        end as return_rate
    from latest
    left join deleted on latest.site_id = deleted.site_id and latest.item_id = deleted.item_id
    left join sums on latest.site_id = sums.site_id and latest.item_id = sums.item_id
)

select
    night,
    site_id,
    item_id,
    item_type,
    name,
    description,
    brand,
    category_path,
    price,
    currency,
    unit_cost,
    stock,
    is_available,
    valid_from,
    valid_to,
    parent_item_id,
    first_seen_date,
    views_28d,
    cart_adds_28d,
    purchases_28d,
    units_28d,
    net_28d,
    return_rate
from final
