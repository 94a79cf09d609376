{{ config(materialized='view', pre_hook=[]) }}

with items as (
    select
        *,
        sum(net_28d) over (partition by night, site_id) as site_net_28d,
        sum(net_28d) over (
            partition by night, site_id order by net_28d desc, item_id
            rows between unbounded preceding and current row
        ) as net_so_far
    from {{ ref('item_profiles') }}
    where item_type = 'product' and (views_28d > 0 or purchases_28d > 0 or net_28d <> 0)
)

select
    night,
    site_id,
    item_id,
    name,
    category_path,
    brand,
    currency,
    views_28d,
    cart_adds_28d,
    purchases_28d,
    units_28d,
    net_28d,
    cast(cart_adds_28d as double) / nullif(views_28d, 0) as cart_rate,
    cast(purchases_28d as double) / nullif(views_28d, 0) as purchase_rate,
    cast(net_28d as double) / nullif(site_net_28d, 0) as net_share,
    case
        when net_28d <= 0 then 'C'
        when net_so_far - net_28d < 0.8 * site_net_28d then 'A'
        when net_so_far - net_28d < 0.95 * site_net_28d then 'B'
        else 'C'
    end as revenue_class,
    return_rate,
    stock,
    is_available
from items
