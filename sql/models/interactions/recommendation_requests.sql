{{ config(meta={'streams': ['recommendation_events', 'order_events'], 'replaced_rows': 'requests'}, contract={'enforced': true}) }}

{#- a request's fate is looked for on its own day and outcome_days after it, so touched days reach that far back -#}
{%- if execute and is_incremental() -%}
{%- set touched = touched_days(['recommendation_events', 'order_events']) -%}
{%- set days = widened_days(touched, var('outcome_days') | int + 1) -%}
{%- endif %}

with events as (
    select *
    from {{ ref('stg_recommendation_events') }}
    {%- if execute and is_incremental() %}
    where {{ in_days('event_date', days) }}
    {%- endif %}
),

orders as (
    select *
    from {{ ref('stg_order_events') }}
    where
        event_type = 'order_placed' and request_id is not null
        {%- if execute and is_incremental() %}
        and {{ in_days('event_date', days) }}
        {%- endif %}
),

{%- if execute and is_incremental() %}
touched as (
    select site_id, request_id from events where {{ in_days('event_date', touched) }}
    union
    select site_id, request_id from orders where {{ in_days('event_date', touched) }}
),
{%- endif %}

ranked as (
    select
        *,
        row_number() over (partition by site_id, request_id order by occurred_at, event_id) as request_rank
    from events
    where
        event_type = 'served'
        {%- if execute and is_incremental() %}
        and (site_id, request_id) in (select site_id, request_id from touched)
        {%- endif %}
),

served as (
    select * from ranked where request_rank = 1
),

slots as (
    select
        site_id,
        request_id,
        item_ids,
        unnest(item_ids) as item_id,
        unnest(range(1, len(item_ids) + 1)) as slot
    from served
),

-- an item that stands in a list twice answers for its first slot
first_slots as (
    select
        site_id,
        request_id,
        item_id,
        min(slot) as slot
    from slots
    group by site_id, request_id, item_id
),

fates as (
    select
        events.site_id,
        events.request_id,
        events.event_type,
        case
            when events.event_type in ('clicked', 'added_to_cart') then [events.item_id]
            else coalesce(events.item_ids, served.item_ids)
        end as item_ids
    from events
    inner join served on events.site_id = served.site_id and events.request_id = served.request_id
    where
        events.event_type <> 'served'
        and events.event_date between served.event_date
        and {{ dateadd('day', var('outcome_days'), 'served.event_date') }}
),

item_fates as (
    select
        site_id,
        request_id,
        item_id,
        bool_or(event_type = 'rendered') as is_rendered,
        bool_or(event_type = 'viewed') as is_viewed,
        bool_or(event_type = 'clicked') as is_clicked,
        bool_or(event_type = 'added_to_cart') as is_carted
    from (
        select
            site_id,
            request_id,
            event_type,
            unnest(item_ids) as item_id
        from fates
    ) as unnested
    group by site_id, request_id, item_id
),

item_orders as (
    select
        orders.site_id,
        orders.request_id,
        orders.item_id,
        sum(orders.quantity) as ordered_quantity,
        sum(orders.amount) as ordered_amount
    from orders
    inner join served on orders.site_id = served.site_id and orders.request_id = served.request_id
    where
        orders.event_date between served.event_date
        and {{ dateadd('day', var('outcome_days'), 'served.event_date') }}
    group by orders.site_id, orders.request_id, orders.item_id
)

select
    served.request_id,
    slots.slot,
    served.site_id,
    served.scenario_id,
    served.variant,
    {{ identifier('served.customer_id', 'served.visitor_id') }} as identifier,
    served.visitor_id,
    served.customer_id,
    slots.item_id,
    served.context_item_id,
    served.model_version,
    served.occurred_at as served_at,
    served.event_date,
    coalesce(item_fates.is_rendered, false) as is_rendered,
    coalesce(item_fates.is_viewed, false) as is_viewed,
    coalesce(item_fates.is_clicked, false) as is_clicked,
    coalesce(item_fates.is_carted, false) as is_carted,
    item_orders.item_id is not null as is_ordered,
    cast(coalesce(item_orders.ordered_quantity, 0) as bigint) as ordered_quantity,
    cast(coalesce(item_orders.ordered_amount, 0) as decimal(18, 4)) as ordered_amount,
    served.is_robot,
    served.known_on
from slots
inner join served on slots.site_id = served.site_id and slots.request_id = served.request_id
left join first_slots
    on slots.site_id = first_slots.site_id
    and slots.request_id = first_slots.request_id
    and slots.slot = first_slots.slot
left join item_fates
    on first_slots.site_id = item_fates.site_id
    and first_slots.request_id = item_fates.request_id
    and first_slots.item_id = item_fates.item_id
left join item_orders
    on first_slots.site_id = item_orders.site_id
    and first_slots.request_id = item_orders.request_id
    and first_slots.item_id = item_orders.item_id
