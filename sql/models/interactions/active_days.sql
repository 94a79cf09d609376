-- the days to recompute follow from these as well
-- depends_on: {{ ref('stg_order_events') }}
-- depends_on: {{ ref('stg_catalog_items') }}
-- depends_on: {{ ref('session_days') }}
{{ config(
    meta={'streams': ['storefront_events', 'order_events'], 'replaced_rows': 'visit_and_movement_days'},
    contract={'enforced': true}
) }}

{%- if execute and is_incremental() -%}
{%- set days = visit_and_movement_days() -%}
{%- endif %}

-- an order counts on the night its first line of the day became known
with orders as (
    select
        site_id,
        identifier,
        movement_date as event_date,
        order_id,
        min(known_on) as known_on,
        bool_or(coalesce(order_channel in ('store', 'phone'), visitor_id is null)) as is_offline
    from {{ ref('order_movements') }}
    where
        movement = 'sale'
        and identifier is not null
        {%- if execute and is_incremental() %}
        and {{ in_days('movement_date', days) }}
        {%- endif %}
    group by site_id, identifier, movement_date, order_id
),

-- a visitor's day belongs to the customer who signed in first on it, so that it is not counted for both
visitor_days as (
    select
        site_id,
        visitor_id,
        session_date,
        min(known_on) as known_on,
        coalesce(
            'customer:' || min_by(customer_id, row(started_at, session_id)) filter (where customer_id is not null),
            'visitor:' || visitor_id
        ) as identifier
    from {{ ref('sessions') }}
    where
        is_robot is not true
        {%- if execute and is_incremental() %}
        and {{ in_days('session_date', days) }}
        {%- endif %}
    group by site_id, visitor_id, session_date
),

signs as (
    select site_id, identifier, session_date as event_date, known_on, 0 as online_orders, 0 as offline_orders
    from visitor_days
    union all
    select
        site_id,
        identifier,
        event_date,
        known_on,
        case when is_offline then 0 else 1 end as online_orders,
        case when is_offline then 1 else 0 end as offline_orders
    from orders
),

summed as (
    select
        site_id,
        identifier,
        event_date,
        known_on,
        cast(sum(online_orders) as bigint) as online_orders,
        cast(sum(offline_orders) as bigint) as offline_orders
    from signs
    group by site_id, identifier, event_date, known_on
)

select
    site_id,
    identifier,
    event_date,
    known_on,
    row_number() over (partition by site_id, identifier, event_date order by known_on) = 1 as is_new_day,
    online_orders,
    offline_orders
from summed
