-- the days to recompute follow from these as well
-- depends_on: {{ ref('stg_order_events') }}
-- depends_on: {{ ref('stg_catalog_items') }}
-- depends_on: {{ ref('session_days') }}
{{ config(
    meta={'streams': ['storefront_events', 'order_events'], 'replaced_rows': 'session_and_movement_days'},
    contract={'enforced': true}
) }}

with item_events as (
    select *
    from {{ ref('session_events') }}
    where
        event_type in (
            'product_view', 'add_to_cart', 'remove_from_cart', 'add_to_wish_list', 'remove_from_wish_list',
            'content_consumed', 'rating', 'owns', 'block_item'
        )
        {%- if execute and is_incremental() %}
        and {{ in_days('event_date', session_and_movement_days()) }}
        {%- endif %}
),

sales as (
    select *
    from {{ ref('order_movements') }}
    where
        movement = 'sale' and is_goods
        {%- if execute and is_incremental() %}
        and {{ in_days('movement_date', session_and_movement_days()) }}
        {%- endif %}
)

select
    event_id,
    event_date,
    occurred_at,
    site_id,
    identifier,
    visitor_id,
    customer_id,
    session_id,
    item_id,
    event_type,
    quantity,
    cast(case when event_type in ('add_to_cart', 'remove_from_cart') then price * quantity end as decimal(18, 4)) as amount,
    request_id,
    is_robot,
    known_on
from item_events
union all
select
    movement_id as event_id,
    movement_date as event_date,
    occurred_at,
    site_id,
    identifier,
    visitor_id,
    customer_id,
    null as session_id,
    item_id,
    'purchase' as event_type,
    quantity,
    net as amount,
    request_id,
    false as is_robot,
    known_on
from sales
