{{ config(meta={'streams': ['order_events', 'catalog_items'], 'replaced_rows': 'movements'}) }}

{%- if execute and is_incremental() -%}
{%- set order_days = touched_days(['order_events']) -%}
{%- endif %}

with movements as (
    select *
    from {{ ref('stg_order_events') }}
    where
        event_type in ('order_placed', 'order_cancelled', 'line_refunded', 'balance_adjusted')
        {%- if execute and is_incremental() %}
        and (
            {{ in_days('event_date', order_days) }}
            or (site_id, order_id) in (
                {{ orders_to_redo() }}
                union
                select site_id, order_id from {{ this }}
                where movement = 'sale' and {{ in_days('movement_date', order_days) }}
            )
        )
        {%- endif %}
),

placed as (
    select *
    from {{ ref('stg_order_events') }}
    where
        event_type = 'order_placed'
        {%- if execute and is_incremental() %}
        and (site_id, order_id) in (select site_id, order_id from movements)
        {%- endif %}
),

-- a line that was placed twice is dated, and costed, by the first
ranked_sales as (
    select
        *,
        row_number() over (partition by site_id, order_id, order_line_id order by occurred_at, event_id) as sale_rank
    from placed
),

sales as (
    select * from ranked_sales where sale_rank = 1
),

catalog_costs as (
    select
        site_id,
        item_id,
        occurred_at,
        min(unit_cost) as unit_cost
    from {{ ref('stg_catalog_items') }}
    where unit_cost is not null
    group by site_id, item_id, occurred_at
),

services as (
    select distinct
        site_id,
        item_id
    from {{ ref('stg_catalog_items') }}
    where item_type = 'service'
),

costed as (
    select
        movements.*,
        sales.event_date as sale_date,
        sales.customer_id as sale_customer_id,
        sales.visitor_id as sale_visitor_id,
        sales.country as sale_country,
        sales.order_channel as sale_order_channel,
        sales.request_id as sale_request_id,
        case
            when movements.event_type = 'order_placed' then movements.unit_cost
            else coalesce(sales.unit_cost, movements.unit_cost)
        end as own_unit_cost,
        case
            when movements.event_type = 'order_placed' then movements.occurred_at
            else coalesce(sales.occurred_at, movements.occurred_at)
        end as costed_at
    from movements
    left join sales
        on movements.site_id = sales.site_id
        and movements.order_id = sales.order_id
        and movements.order_line_id = sales.order_line_id
),

priced as (
    select
        costed.*,
        coalesce(costed.own_unit_cost, catalog_costs.unit_cost) as resolved_unit_cost,
        services.item_id is null as is_goods
    from costed
    asof left join catalog_costs
        on costed.site_id = catalog_costs.site_id
        and costed.item_id = catalog_costs.item_id
        and costed.costed_at >= catalog_costs.occurred_at
    left join services on costed.site_id = services.site_id and costed.item_id = services.item_id
),

signed as (
    select
        *,
        case event_type
            when 'order_placed' then 'sale'
            when 'order_cancelled' then 'cancellation'
            when 'line_refunded' then 'refund'
            when 'balance_adjusted' then 'adjustment'
        end as movement,
        case event_type when 'order_placed' then quantity when 'balance_adjusted' then 0 else -quantity end as signed_quantity,
        case when event_type = 'order_placed' then amount + coalesce(discount, 0) else 0 end as gross,
        case when event_type = 'order_placed' then coalesce(discount, 0) else 0 end as line_discount,
        case when event_type = 'order_cancelled' then amount else 0 end as cancelled,
        case when event_type = 'line_refunded' then amount else 0 end as refunded,
        case when event_type = 'balance_adjusted' then amount else 0 end as adjusted
    from priced
),

summed as (
    select
        *,
        gross - line_discount - cancelled - refunded + adjusted as net,
        case when signed_quantity = 0 then 0 else signed_quantity * resolved_unit_cost end as cost
    from signed
)

select
    event_id as movement_id,
    site_id,
    order_id,
    order_line_id,
    movement,
    event_date as movement_date,
    case when movement = 'sale' then event_date else coalesce(sale_date, event_date) end as order_date,
    occurred_at,
    {{ identifier('coalesce(customer_id, sale_customer_id)', 'coalesce(visitor_id, sale_visitor_id)') }} as identifier,
    coalesce(customer_id, sale_customer_id) as customer_id,
    coalesce(visitor_id, sale_visitor_id) as visitor_id,
    item_id,
    is_goods,
    signed_quantity as quantity,
    cast(gross as decimal(18, 4)) as gross,
    cast(line_discount as decimal(18, 4)) as discount,
    cast(cancelled as decimal(18, 4)) as cancelled,
    cast(refunded as decimal(18, 4)) as refunded,
    cast(adjusted as decimal(18, 4)) as adjusted,
    cast(net as decimal(18, 4)) as net,
    cast(cost as decimal(18, 4)) as cost,
    cast(net - cost as decimal(18, 4)) as margin,
    currency,
    coalesce(country, sale_country) as country,
    coalesce(order_channel, sale_order_channel) as order_channel,
    coalesce(request_id, sale_request_id) as request_id,
    known_on
from summed
