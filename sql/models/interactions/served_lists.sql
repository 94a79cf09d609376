{{ config(meta={'streams': ['recommendation_events', 'order_events'], 'replaced_rows': 'requests'}, contract={'enforced': true}) }}

{#- a request's fate is looked for on its own day and outcome_days after it, so touched days reach that far back -#}
{%- if execute and is_incremental() -%}
{%- set touched = touched_days(['recommendation_events', 'order_events']) -%}
{%- set days = widened_days(touched, var('outcome_days') | int + 1) -%}
{%- endif %}

{#- read where it is needed: DuckDB would keep a CTE that is named several times, with its lists -#}
{%- set events -%}
    from {{ ref('stg_recommendation_events') }} as events
    where
        {%- if execute and is_incremental() %}
        {{ in_days('events.event_date', days) }} and
        {%- endif %}
{%- endset %}

with orders as (
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
    select site_id, request_id {{ events }} {{ in_days('event_date', touched) }}
    union
    select site_id, request_id from orders where {{ in_days('event_date', touched) }}
),
{%- endif %}

-- nearly every request is served once: finding the first moment and joining it costs half of ranking whole rows
first_moments as (
    select
        site_id,
        request_id,
        min(row(occurred_at, event_id)) as first_moment,
        min_by(event_date, row(occurred_at, event_id)) as served_date,
        min_by({{ row_fingerprint(['item_ids']) }}, row(occurred_at, event_id)) as list_fingerprint
    {{ events }}
        event_type = 'served'
        {%- if execute and is_incremental() %}
        and (site_id, request_id) in (select site_id, request_id from touched)
        {%- endif %}
    group by site_id, request_id
),

served as (
    select events.*
    from (
        select *
        {{ events }}
            event_type = 'served'
    ) as events
    inner join first_moments
        on events.site_id = first_moments.site_id
        and events.request_id = first_moments.request_id
        and row(events.occurred_at, events.event_id) = first_moments.first_moment
),

-- a page mostly draws what it was given: a list that is the one served again (by its fingerprint) is not kept a second time
answers as (
    select
        events.site_id,
        events.request_id,
        events.event_type,
        events.item_id,
        events.item_ids is null or {{ row_fingerprint(['events.item_ids']) }} = first_moments.list_fingerprint as is_of_all,
        case when {{ row_fingerprint(['events.item_ids']) }} <> first_moments.list_fingerprint then events.item_ids end as item_ids
    from (
        select *
        {{ events }}
            event_type <> 'served'
    ) as events
    inner join first_moments
        on events.site_id = first_moments.site_id and events.request_id = first_moments.request_id
    where
        events.event_date between first_moments.served_date
        and {{ dateadd('day', var('outcome_days'), 'first_moments.served_date') }}
),

fates as (
    select
        site_id,
        request_id,
        bool_or(event_type = 'rendered' and is_of_all) as is_all_rendered,
        bool_or(event_type = 'viewed' and is_of_all) as is_all_viewed,
        {{ values_of('item_ids', "event_type = 'rendered'") }} as rendered_lists,
        {{ values_of('item_ids', "event_type = 'viewed'") }} as viewed_lists,
        {{ values_of('item_id', "event_type = 'clicked'") }} as clicks,
        {{ values_of('item_id', "event_type = 'added_to_cart'") }} as cart_adds
    from answers
    group by site_id, request_id
),

item_orders as (
    select
        orders.site_id,
        orders.request_id,
        orders.item_id,
        cast(sum(orders.quantity) as bigint) as quantity,
        cast(sum(orders.amount) as decimal(18, 4)) as amount
    from orders
    inner join first_moments
        on orders.site_id = first_moments.site_id and orders.request_id = first_moments.request_id
    where
        orders.event_date between first_moments.served_date
        and {{ dateadd('day', var('outcome_days'), 'first_moments.served_date') }}
    group by orders.site_id, orders.request_id, orders.item_id
),

request_orders as (
    select
        site_id,
        request_id,
        {{ values_in_order('item_id', 'item_id') }} as ordered_item_ids,
        {{ values_in_order('quantity', 'item_id') }} as ordered_quantities,
        {{ values_in_order('amount', 'item_id') }} as ordered_amounts
    from item_orders
    group by site_id, request_id
)

select
    served.request_id,
    served.site_id,
    served.scenario_id,
    served.variant,
    served.visitor_id,
    served.customer_id,
    served.context_item_id,
    served.model_version,
    served.occurred_at as served_at,
    served.event_date,
    served.item_ids,
    coalesce(fates.is_all_rendered, false) as is_all_rendered,
    coalesce(fates.is_all_viewed, false) as is_all_viewed,
    {{ members_of('fates.rendered_lists') }} as rendered_item_ids,
    {{ members_of('fates.viewed_lists') }} as viewed_item_ids,
    {{ distinct_values('fates.clicks') }} as clicked_item_ids,
    {{ distinct_values('fates.cart_adds') }} as carted_item_ids,
    request_orders.ordered_item_ids,
    request_orders.ordered_quantities,
    request_orders.ordered_amounts,
    served.is_robot,
    served.known_on
from served
left join fates on served.site_id = fates.site_id and served.request_id = fates.request_id
left join request_orders on served.site_id = request_orders.site_id and served.request_id = request_orders.request_id
