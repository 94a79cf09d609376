-- the days to recompute follow from these as well
-- depends_on: {{ ref('stg_order_events') }}
-- depends_on: {{ ref('stg_catalog_items') }}
{{ config(meta={'streams': ['storefront_events', 'order_events'], 'replaced_rows': 'event_and_movement_days'}) }}

{%- if execute and is_incremental() -%}
{%- set days = event_and_movement_days() -%}
{%- endif %}

with events as (
    select
        site_id,
        {{ identifier(proven_customer()) }} as identifier,
        event_date,
        event_type,
        known_on
    from {{ ref('stg_storefront_events') }}
    where
        not is_robot
        {%- if execute and is_incremental() %}
        and {{ in_days('event_date', days) }}
        {%- endif %}
),

event_counts as (
    select
        site_id,
        identifier,
        event_date,
        known_on,
        count(*) as events,
        count(*) filter (where event_type = 'product_view') as product_views,
        count(*) filter (where event_type = 'add_to_cart') as cart_adds,
        count(*) filter (where event_type = 'search_request') as searches,
        count(*) filter (where event_type = 'add_to_wish_list') as wish_list_adds
    from events
    group by site_id, identifier, event_date, known_on
),

movements as (
    select *
    from {{ ref('order_movements') }}
    where
        identifier is not null
        {%- if execute and is_incremental() %}
        and {{ in_days('movement_date', days) }}
        {%- endif %}
),

-- an order counts once, on the night its first line became known
order_counts as (
    select
        site_id,
        identifier,
        movement_date,
        first_known_on as known_on,
        count(*) as orders
    from (
        select
            site_id,
            identifier,
            movement_date,
            order_id,
            min(known_on) as first_known_on
        from movements
        where movement = 'sale'
        group by site_id, identifier, movement_date, order_id
    ) as orders
    group by site_id, identifier, movement_date, first_known_on
),

money as (
    select
        site_id,
        identifier,
        movement_date,
        known_on,
        sum(case when is_goods then quantity else 0 end) as units,
        sum(gross) as gross,
        sum(discount) as discount,
        sum(cancelled) as cancelled,
        sum(refunded) as refunded,
        sum(adjusted) as adjusted,
        sum(net) as net,
        case when count(*) = count(cost) then sum(cost) end as cost
    from movements
    group by site_id, identifier, movement_date, known_on
),

ordered as (
    select
        money.*,
        coalesce(order_counts.orders, 0) as orders
    from money
    left join order_counts
        on money.site_id = order_counts.site_id
        and money.identifier = order_counts.identifier
        and money.movement_date = order_counts.movement_date
        and money.known_on = order_counts.known_on
)

select
    coalesce(event_counts.site_id, ordered.site_id) as site_id,
    coalesce(event_counts.identifier, ordered.identifier) as identifier,
    coalesce(event_counts.event_date, ordered.movement_date) as event_date,
    coalesce(event_counts.known_on, ordered.known_on) as known_on,
    coalesce(event_counts.events, 0) as events,
    coalesce(event_counts.product_views, 0) as product_views,
    coalesce(event_counts.cart_adds, 0) as cart_adds,
    coalesce(event_counts.searches, 0) as searches,
    coalesce(event_counts.wish_list_adds, 0) as wish_list_adds,
    coalesce(ordered.orders, 0) as orders,
    cast(coalesce(ordered.units, 0) as bigint) as units,
    cast(coalesce(ordered.gross, 0) as decimal(18, 4)) as gross,
    cast(coalesce(ordered.discount, 0) as decimal(18, 4)) as discount,
    cast(coalesce(ordered.cancelled, 0) as decimal(18, 4)) as cancelled,
    cast(coalesce(ordered.refunded, 0) as decimal(18, 4)) as refunded,
    cast(coalesce(ordered.adjusted, 0) as decimal(18, 4)) as adjusted,
    cast(coalesce(ordered.net, 0) as decimal(18, 4)) as net,
    cast(case when ordered.site_id is null then 0 else ordered.cost end as decimal(18, 4)) as cost
from event_counts
full outer join ordered
    on event_counts.site_id = ordered.site_id
    and event_counts.identifier = ordered.identifier
    and event_counts.event_date = ordered.movement_date
    and event_counts.known_on = ordered.known_on
