{{ config(meta={'streams': ['message_events']}) }}

{%- set columns = [
    'event_id', 'event_date', 'event_type', 'occurred_at', 'site_id', 'customer_id',
    'visitor_id', 'message_id', 'message_channel', 'campaign_id', 'trigger_id', 'payload',
] %}

with
{{ first_copies(source('raw', 'message_events'), columns, 'message_events') }}

select
    event_id,
    event_date,
    event_type,
    occurred_at,
    site_id,
    customer_id,
    visitor_id,
    message_id,
    message_channel,
    campaign_id,
    trigger_id,
    payload,
    known_on
from first_copies
