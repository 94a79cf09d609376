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
    select
        'sign_in' as edge_type,
        customer as identifier,
        visitor as other_identifier,
        occurred_at,
        event_date,
        known_on
    from sign_ins
    union all
    select
        'order_device' as edge_type,
        customer as identifier,
        visitor as other_identifier,
        occurred_at,
        event_date,
        known_on
    from orders
    union all
    select
        'order_email' as edge_type,
        coalesce(customer, email) as identifier,
        case when customer is null then visitor else email end as other_identifier,
        occurred_at,
        event_date,
        known_on
    from orders
    where email is not null
    union all
    select
        'order_loyalty' as edge_type,
        coalesce(customer, email, loyalty) as identifier,
        case when coalesce(customer, email) is null then visitor else loyalty end as other_identifier,
        occurred_at,
        event_date,
        known_on
    from orders
    where loyalty is not null
    union all
    select
        'account_device' as edge_type,
        customer as identifier,
        visitor as other_identifier,
        occurred_at,
        event_date,
        known_on
    from accounts
    union all
    select
        'account_email' as edge_type,
        customer as identifier,
        email as other_identifier,
        occurred_at,
        event_date,
        known_on
    from accounts
    union all
    select
        'account_phone' as edge_type,
        customer as identifier,
        phone as other_identifier,
        occurred_at,
        event_date,
        known_on
    from accounts
    union all
    select
        'account_loyalty' as edge_type,
        customer as identifier,
        loyalty as other_identifier,
        occurred_at,
        event_date,
        known_on
    from accounts
    union all
    select
        'message_click' as edge_type,
        customer as identifier,
        visitor as other_identifier,
        occurred_at,
        event_date,
        known_on
    from clicks
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
