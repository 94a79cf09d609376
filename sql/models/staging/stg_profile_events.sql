{{ config(meta={'streams': ['profile_events']}) }}

{%- set columns = [
    'event_id', 'event_date', 'event_type', 'occurred_at', 'site_id', 'customer_id',
    'visitor_id', 'source_system', 'email_hash', 'phone_hash', 'loyalty_id', 'loyalty_tier',
    'birth_date', 'country', 'company_id', 'has_email_consent', 'has_personalization_consent', 'attributes',
    'payload',
] %}

with
{{ first_copies(source('raw', 'profile_events'), columns, 'profile_events') }}

select
    event_id,
    event_date,
    event_type,
    occurred_at,
    site_id,
    customer_id,
    visitor_id,
    source_system,
    email_hash,
    phone_hash,
    loyalty_id,
    loyalty_tier,
    birth_date,
    country,
    company_id,
    has_email_consent,
    has_personalization_consent,
    attributes,
    payload,
    known_on
from first_copies
