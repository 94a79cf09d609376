-- the days to recompute follow from these as well
-- depends_on: {{ ref('stg_order_events') }}
-- depends_on: {{ ref('stg_catalog_items') }}
-- depends_on: {{ ref('session_days') }}
{{ config(
    meta={'streams': ['order_events', 'catalog_items', 'storefront_events'], 'replaced_rows': 'orders'},
    contract={'enforced': true}
) }}

{%- if execute and is_incremental() -%}
{%- set order_days = touched_days(['order_events']) -%}
{%- set session_days = days_of_blocks(ref('session_days'), days_around_touched()) -%}
{%- endif %}

with movements as (
    select *
    from {{ ref('order_movements') }}
    {%- if execute and is_incremental() %}
    where (site_id, order_id) in (
        select site_id, order_id from {{ ref('stg_order_events') }} where {{ in_days('event_date', order_days) }}
        union
        {{ orders_to_redo() }}
        union
        select site_id, order_id from {{ this }}
        where {{ in_days('order_date', order_days) }} or {{ in_days('last_movement_date', order_days) }}
        union
        select site_id, order_id from {{ ref('session_events') }}
        where event_type = 'checkout_complete' and {{ in_days('event_date', session_days) }}
    )
    {%- endif %}
),

checkouts as (
    select
        site_id,
        order_id,
        min_by(session_id, row(occurred_at, event_id)) as session_id
    from {{ ref('session_events') }}
    where
        event_type = 'checkout_complete'
        {%- if execute and is_incremental() %}
        and (site_id, order_id) in (select site_id, order_id from movements)
        {%- endif %}
    group by site_id, order_id
),

-- the sale says who and where; a line without one takes it from its first movement
firsts as (
    select
        *,
        row_number() over (
            partition by site_id, order_id, order_line_id
            order by case when movement = 'sale' then 0 else 1 end, occurred_at, movement_id
        ) as movement_rank
    from movements
),

lines as (
    select
        site_id,
        order_id,
        order_line_id,
        min(order_date) as order_date,
        max(movement_date) as last_movement_date,
        bool_and(is_goods) as is_goods,
        sum(quantity) as quantity,
        sum(gross) as gross,
        sum(discount) as discount,
        sum(cancelled) as cancelled,
        sum(refunded) as refunded,
        sum(adjusted) as adjusted,
        sum(net) as net,
        case when count(*) = count(cost) then sum(cost) end as cost,
        min(known_on) as known_on
    from movements
    group by site_id, order_id, order_line_id
)

select
    lines.site_id,
    lines.order_id,
    lines.order_line_id,
    lines.order_date,
    lines.last_movement_date,
    firsts.identifier,
    firsts.customer_id,
    firsts.visitor_id,
    firsts.item_id,
    lines.is_goods,
    cast(lines.quantity as bigint) as quantity,
    cast(lines.gross as decimal(18, 4)) as gross,
    cast(lines.discount as decimal(18, 4)) as discount,
    cast(lines.cancelled as decimal(18, 4)) as cancelled,
    cast(lines.refunded as decimal(18, 4)) as refunded,
    cast(lines.adjusted as decimal(18, 4)) as adjusted,
    cast(lines.net as decimal(18, 4)) as net,
    cast(lines.cost as decimal(18, 4)) as cost,
    cast(lines.net - lines.cost as decimal(18, 4)) as margin,
    firsts.currency,
    firsts.country,
    firsts.order_channel,
    firsts.request_id,
    checkouts.session_id,
    coalesce(sessions.channel, case when firsts.visitor_id is null then 'offline' else 'unknown' end) as channel,
    lines.known_on
from lines
inner join firsts
    on lines.site_id = firsts.site_id
    and lines.order_id = firsts.order_id
    and lines.order_line_id = firsts.order_line_id
    and firsts.movement_rank = 1
left join checkouts on lines.site_id = checkouts.site_id and lines.order_id = checkouts.order_id
left join {{ ref('sessions') }} as sessions on checkouts.session_id = sessions.session_id
