{{ config(meta={'streams': ['storefront_events', 'order_events', 'profile_events', 'message_events']}, contract={'enforced': true}) }}

{%- set touched = in_touched_days('event_date', evidence_streams()) %}

-- what one record names of one person, under names that sort: the first of them in this order is the one it links the others to
with sign_ins as (
    select
        'customer:' || customer_id as customer,
        'visitor:' || visitor_id as visitor,
        occurred_at,
        event_date,
        known_on
    from {{ ref('stg_storefront_events') }}
    where event_type = 'sign_in' and is_success and customer_id is not null and {{ touched }}
),

orders as (
    select
        'customer:' || customer_id as customer,
        'email:' || email_hash as email,
        'loyalty:' || loyalty_id as loyalty,
        'visitor:' || visitor_id as visitor,
        occurred_at,
        event_date,
        known_on
    from {{ ref('stg_order_events') }}
    where event_type = 'order_placed' and {{ touched }}
),

accounts as (
    select
        'customer:' || customer_id as customer,
        'email:' || email_hash as email,
        'phone:' || phone_hash as phone,
        'loyalty:' || loyalty_id as loyalty,
        'visitor:' || visitor_id as visitor,
        occurred_at,
        event_date,
        known_on
    from {{ ref('stg_profile_events') }}
    where event_type in ('profile_record', 'account_created', 'account_updated', 'consent_changed') and {{ touched }}
),

clicks as (
    select
        'customer:' || customer_id as customer,
        'visitor:' || visitor_id as visitor,
        occurred_at,
        event_date,
        known_on
    from {{ ref('stg_message_events') }}
    where event_type = 'clicked' and {{ touched }}
),

named_together as (
    {%- for edge_type, records, identifier, other_identifier in [
        ('sign_in', 'sign_ins', 'customer', 'visitor'),
        ('order_device', 'orders', 'customer', 'visitor'),
        ('order_email', 'orders', 'coalesce(customer, email)', 'case when customer is null then visitor else email end'),
        ('order_loyalty', 'orders', 'coalesce(customer, email, loyalty)', 'case when coalesce(customer, email) is null then visitor else loyalty end'),
        ('account_device', 'accounts', 'customer', 'visitor'),
        ('account_email', 'accounts', 'customer', 'email'),
        ('account_phone', 'accounts', 'customer', 'phone'),
        ('account_loyalty', 'accounts', 'customer', 'loyalty'),
        ('message_click', 'clicks', 'customer', 'visitor'),
    ] %}
    select
        '{{ edge_type }}' as edge_type,
        {{ identifier }} as identifier,
        {{ other_identifier }} as other_identifier,
        occurred_at,
        event_date,
        known_on
    from {{ records }}
    {%- if edge_type in ('order_email', 'order_loyalty') %}
    where {{ edge_type.split('_')[1] }} is not null
    {%- endif %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    identifier,
    other_identifier,
    edge_type,
    event_date,
    known_on,
    min(occurred_at) as first_seen_at,
    max(occurred_at) as last_seen_at,
    count(*) as events
from named_together
where identifier is not null and other_identifier is not null
group by identifier, other_identifier, edge_type, event_date, known_on
