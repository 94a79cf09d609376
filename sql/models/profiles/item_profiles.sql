{% set night = night_literal() %}
{% set base = catalog_base(ref('catalog_checkpoints')) %}
{% set base_known_until = catalog_known_until(ref('catalog_checkpoints'), base) if execute else base %}

with targets as (
    select
        {{ night }} as day,
        {{ night }} as known_until
),

{{ catalog_items_since(ref('catalog_checkpoints'), base, base_known_until, 'targets') }},

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

prices as (
    select
        site_id,
        item_id,
        event_date,
        occurred_at,
        event_id,
        price,
        lag(price) over (partition by site_id, item_id order by occurred_at, event_id) as price_before
    from catalog_items
    where event_type = 'item_upserted' and price is not null
),

-- the last time that the price became another one
price_changes as (
    select
        site_id,
        item_id,
        max_by(price_before, row(occurred_at, event_id)) as previous_price,
        max_by(event_date, row(occurred_at, event_id)) as price_changed_on
    from prices
    where price_before <> price
    group by site_id, item_id
),

settings as (
    select name, number from {{ source('profiles', 'settings') }}
    where night = {{ night }} and topic = 'item_segment'
),

limits as (
    select
        {%- for name in ['fast_units_per_week', 'steady_units_per_week', 'high_margin_rate', 'low_margin_rate', 'new_days',
            'high_return_rate', 'high_return_units', 'seasonal_index', 'trending_index', 'smoothing_views'] %}
        max(number) filter (where name = '{{ name }}') as {{ name }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from settings
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
        cast(attributes as varchar) as attributes,
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
        sum(views) filter (where event_date > {{ night }} - interval 7 day) as views_7d,
        sum(views) filter (where event_date > {{ night }} - interval 90 day) as views_90d,
        sum(cart_adds) filter (where event_date > {{ night }} - interval 90 day) as cart_adds_90d,
        sum(purchases) filter (where event_date > {{ night }} - interval 90 day) as purchases_90d,
        sum(units) as units_365d,
        sum(units) filter (where event_date <= {{ night }} - interval 337 day) as units_a_year_ago,
        sum(gross) as gross,
        sum(refunded) as refunded,
        sum(net) filter (where cost is not null) as costed_net,
        sum(cost) as cost
    from item_days
    group by site_id, item_id
),

-- an item with few views borrows from its category and its brand, and these from the site
of_categories as (
    select
        latest.site_id,
        latest.category_path,
        sum(sums.views_90d) as views,
        sum(sums.cart_adds_90d) as cart_adds,
        sum(sums.purchases_90d) as purchases
    from latest
    inner join sums on latest.site_id = sums.site_id and latest.item_id = sums.item_id
    where latest.category_path is not null
    group by latest.site_id, latest.category_path
),

of_brands as (
    select
        latest.site_id,
        latest.brand,
        sum(sums.views_90d) as views,
        sum(sums.cart_adds_90d) as cart_adds,
        sum(sums.purchases_90d) as purchases
    from latest
    inner join sums on latest.site_id = sums.site_id and latest.item_id = sums.item_id
    where latest.brand is not null
    group by latest.site_id, latest.brand
),

of_sites as (
    select
        site_id,
        cast(sum(cart_adds_90d) as double) / nullif(sum(views_90d), 0) as view_to_cart,
        cast(sum(purchases_90d) as double) / nullif(sum(views_90d), 0) as view_to_purchase
    from sums
    group by site_id
),

-- rates may pass 1 where something is bought without being seen; a share cannot
conversions as (
    select
        latest.site_id,
        latest.item_id,
        coalesce(sums.views_90d, 0) as views,
        coalesce(sums.cart_adds_90d, 0) as cart_adds,
        coalesce(sums.purchases_90d, 0) as purchases,
        (coalesce(of_categories.cart_adds, 0) + coalesce(of_brands.cart_adds, 0) + limits.smoothing_views * of_sites.view_to_cart)
        / (coalesce(of_categories.views, 0) + coalesce(of_brands.views, 0) + limits.smoothing_views) as prior_view_to_cart,
        (coalesce(of_categories.purchases, 0) + coalesce(of_brands.purchases, 0) + limits.smoothing_views * of_sites.view_to_purchase)
        / (coalesce(of_categories.views, 0) + coalesce(of_brands.views, 0) + limits.smoothing_views) as prior_view_to_purchase,
        limits.smoothing_views as k
    from latest
    cross join limits
    left join sums on latest.site_id = sums.site_id and latest.item_id = sums.item_id
    left join of_categories on latest.site_id = of_categories.site_id and latest.category_path = of_categories.category_path
    left join of_brands on latest.site_id = of_brands.site_id and latest.brand = of_brands.brand
    left join of_sites on latest.site_id = of_sites.site_id
),

-- fifths of the site's prices within the top category; equal prices share a band
price_ranks as (
    select
        site_id,
        item_id,
        percent_rank() over (partition by site_id, currency, {{ split_part('category_path', "'/'", 1) }} order by price) as price_rank
    from latest
    where price is not null and item_type = 'product'
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
        latest.attributes,
        latest.first_seen_date,
        cast(coalesce(sums.views_28d, 0) as bigint) as views_28d,
        cast(coalesce(sums.cart_adds_28d, 0) as bigint) as cart_adds_28d,
        cast(coalesce(sums.purchases_28d, 0) as bigint) as purchases_28d,
        cast(coalesce(sums.units_28d, 0) as bigint) as units_28d,
        cast(coalesce(sums.net_28d, 0) as decimal(18, 4)) as net_28d,
        case
            when sums.gross > 0 then cast(sums.refunded as double) / cast(sums.gross as double)
        end as return_rate,
        case
            when price_ranks.price_rank < 0.2 then '1 lowest'
            when price_ranks.price_rank < 0.4 then '2 low'
            when price_ranks.price_rank < 0.6 then '3 middle'
            when price_ranks.price_rank < 0.8 then '4 high'
            when price_ranks.price_rank is not null then '5 highest'
        end as price_band,
        cast(price_changes.previous_price as decimal(18, 4)) as previous_price,
        price_changes.price_changed_on,
        cast(latest.price as double) / cast(nullif(price_changes.previous_price, 0) as double) - 1 as price_change,
        cast(coalesce(sums.units_365d, 0) as bigint) as units_365d,
        case
            when sums.costed_net > 0 then cast(sums.costed_net - sums.cost as double) / cast(sums.costed_net as double)
        end as margin_rate,
        case when sums.units_28d > 0 then cast(latest.stock as double) * 28 / sums.units_28d end as days_of_stock,
        (coalesce(sums.views_7d, 0) / 7.0 + 1) / ((coalesce(sums.views_28d, 0) - coalesce(sums.views_7d, 0)) / 21.0 + 1) as trending_index,
        case
            when latest.first_seen_date <= {{ night }} - interval 365 day and sums.units_365d > 0
                then coalesce(sums.units_a_year_ago, 0) * 365.0 / 28 / sums.units_365d
        end as seasonal_index,
        (conversions.cart_adds + conversions.k * conversions.prior_view_to_cart) / (conversions.views + conversions.k) as view_to_cart_rate,
        (conversions.purchases + conversions.k * conversions.prior_view_to_purchase) / (conversions.views + conversions.k)
            as view_to_purchase_rate,
        case
            when conversions.prior_view_to_cart > 0
                then
                    (conversions.purchases + conversions.k * conversions.prior_view_to_purchase)
                    / (conversions.cart_adds + conversions.k * conversions.prior_view_to_cart)
        end as cart_to_purchase_rate,
        limits.fast_units_per_week,
        limits.steady_units_per_week,
        limits.high_margin_rate,
        limits.low_margin_rate,
        limits.new_days,
        limits.high_return_rate,
        limits.high_return_units,
        limits.seasonal_index as seasonal_limit,
        limits.trending_index as trending_limit
    from latest
    cross join limits
    left join price_ranks on latest.site_id = price_ranks.site_id and latest.item_id = price_ranks.item_id
    left join price_changes on latest.site_id = price_changes.site_id and latest.item_id = price_changes.item_id
    left join conversions on latest.site_id = conversions.site_id and latest.item_id = conversions.item_id
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
    attributes,
    first_seen_date,
    views_28d,
    cart_adds_28d,
    purchases_28d,
    units_28d,
    net_28d,
    return_rate,
    price_band,
    previous_price,
    price_changed_on,
    price_change,
    units_365d,
    margin_rate,
    days_of_stock,
    view_to_cart_rate,
    cart_to_purchase_rate,
    view_to_purchase_rate,
    trending_index,
    seasonal_index,
    case
        when units_28d >= 4 * fast_units_per_week then 'fast'
        when units_28d >= 4 * steady_units_per_week then 'steady'
        when units_28d > 0 then 'slow'
        else 'none'
    end as velocity,
    case
        when margin_rate >= high_margin_rate then 'high'
        when margin_rate < low_margin_rate then 'low'
        when margin_rate is not null then 'middle'
    end as margin_band,
    {{ dbt.datediff('first_seen_date', night, 'day') }} < new_days as is_new,
    case
        when units_365d >= high_return_units then return_rate >= high_return_rate
    end as has_high_returns,
    seasonal_index >= seasonal_limit as is_seasonal,
    trending_index >= trending_limit as is_trending
from final
