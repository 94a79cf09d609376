-- the days to recompute follow from these as well
-- depends_on: {{ ref('stg_order_events') }}
-- depends_on: {{ ref('stg_catalog_items') }}
{{ config(meta={'streams': ['storefront_events', 'order_events'], 'replaced_rows': 'event_and_movement_days'}) }}

{%- if execute and is_incremental() -%}
{%- set days = event_and_movement_days() -%}
{%- endif %}

with event_counts as (
    select
        site_id,
        item_id,
        event_date,
        known_on,
        count(*) filter (where event_type = 'product_view') as views,
        count(*) filter (where event_type = 'add_to_cart') as cart_adds,
        count(*) filter (where event_type = 'add_to_wish_list') as wish_list_adds
    from {{ ref('stg_storefront_events') }}
    where
        not is_robot
        and event_type in ('product_view', 'add_to_cart', 'add_to_wish_list')
        {%- if execute and is_incremental() %}
        and {{ in_days('event_date', days) }}
        {%- endif %}
    group by site_id, item_id, event_date, known_on
),

money as (
    select
        site_id,
        item_id,
        movement_date,
        known_on,
        count(*) filter (where movement = 'sale') as purchases,
        sum(quantity) as units,
        sum(gross) as gross,
        sum(refunded) as refunded,
        sum(net) as net,
        case when count(*) = count(cost) then sum(cost) end as cost
    from {{ ref('order_movements') }}
    {%- if execute and is_incremental() %}
    where {{ in_days('movement_date', days) }}
    {%- endif %}
    group by site_id, item_id, movement_date, known_on
)

select
    coalesce(event_counts.site_id, money.site_id) as site_id,
    coalesce(event_counts.item_id, money.item_id) as item_id,
    coalesce(event_counts.event_date, money.movement_date) as event_date,
    coalesce(event_counts.known_on, money.known_on) as known_on,
    coalesce(event_counts.views, 0) as views,
    coalesce(event_counts.cart_adds, 0) as cart_adds,
    coalesce(event_counts.wish_list_adds, 0) as wish_list_adds,
    coalesce(money.purchases, 0) as purchases,
    cast(coalesce(money.units, 0) as bigint) as units,
    cast(coalesce(money.gross, 0) as decimal(18, 4)) as gross,
    cast(coalesce(money.refunded, 0) as decimal(18, 4)) as refunded,
    cast(coalesce(money.net, 0) as decimal(18, 4)) as net,
    cast(case when money.site_id is null then 0 else money.cost end as decimal(18, 4)) as cost
from event_counts
full outer join money
    on event_counts.site_id = money.site_id
    and event_counts.item_id = money.item_id
    and event_counts.event_date = money.movement_date
    and event_counts.known_on = money.known_on
