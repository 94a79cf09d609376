{{ config(meta={'streams': ['storefront_events'], 'replaced_rows': 'edges'}) }}

with sign_ins as (
    select
        visitor_id,
        customer_id,
        occurred_at,
        event_date,
        known_on
    from {{ ref('stg_storefront_events') }}
    where event_type = 'sign_in' and is_success and customer_id is not null
)
{%- if execute and is_incremental() %},

touched_visitors as (
    select visitor_id from sign_ins where {{ in_touched_days('event_date', ['storefront_events']) }}
    union
    select visitor_id from {{ this }}
    where {{ touched_edges() }}
)
{%- endif %}

select
    visitor_id,
    customer_id,
    'sign_in' as edge_type,
    min(occurred_at) as first_seen_at,
    max(occurred_at) as last_seen_at,
    count(*) as events,
    cast(1 as double) as confidence,
    min(known_on) as known_on,
    min_by(occurred_at, row(known_on, occurred_at)) as first_known_at
from sign_ins
{%- if execute and is_incremental() %}
where visitor_id in (select visitor_id from touched_visitors)
{%- endif %}
group by visitor_id, customer_id
