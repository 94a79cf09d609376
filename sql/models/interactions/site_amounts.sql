{{ config(materialized='view', contract={'enforced': true}) }}

-- a rate counts as it first became known; copies and corrections that come later change nothing
with ranked_rates as (
    select
        from_currency,
        to_currency,
        event_date,
        rate,
        known_on,
        row_number() over (
            partition by from_currency, to_currency, event_date order by known_on, occurred_at desc, event_id
        ) as rate_rank
    from {{ ref('stg_exchange_rates') }}
    where rate > 0
),

rates as (
    select * from ranked_rates where rate_rank = 1
),

sites as (
    select site_id, currency from {{ source('raw', 'sites') }}
),

movements as (
    select
        movements.*,
        sites.currency as site_currency,
        case when movements.currency = sites.currency then cast(1 as decimal(18, 8)) else rates.rate end as rate,
        case
            when movements.currency = sites.currency then movements.known_on
            when rates.rate is not null then greatest(movements.known_on, rates.known_on)
        end as converted_on
    from {{ ref('order_movements') }} as movements
    left join sites on movements.site_id = sites.site_id
    left join rates
        on movements.currency <> sites.currency
        and movements.currency = rates.from_currency
        and sites.currency = rates.to_currency
        and movements.order_date = rates.event_date
),

converted as (
    select
        *,
        cast(round(gross * rate, 4) as decimal(18, 4)) as site_gross,
        cast(round(discount * rate, 4) as decimal(18, 4)) as site_discount,
        cast(round(cancelled * rate, 4) as decimal(18, 4)) as site_cancelled,
        cast(round(refunded * rate, 4) as decimal(18, 4)) as site_refunded,
        cast(round(adjusted * rate, 4) as decimal(18, 4)) as site_adjusted,
        cast(round(cost * rate, 4) as decimal(18, 4)) as site_cost
    from movements
)

select
    movement_id,
    site_id,
    order_id,
    order_line_id,
    movement,
    movement_date,
    order_date,
    occurred_at,
    identifier,
    item_id,
    is_goods,
    quantity,
    currency,
    net,
    site_currency,
    rate,
    site_gross,
    site_discount,
    site_cancelled,
    site_refunded,
    site_adjusted,
    cast(site_gross - site_discount - site_cancelled - site_refunded + site_adjusted as decimal(18, 4)) as site_net,
    site_cost,
    country,
    known_on,
    converted_on
from converted
