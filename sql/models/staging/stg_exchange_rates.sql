{{ config(meta={'streams': ['exchange_rates']}) }}

{%- set columns = [
    'event_id', 'event_date', 'event_type', 'occurred_at', 'site_id', 'from_currency',
    'to_currency', 'rate', 'payload',
] %}

with
{{ first_copies(source('raw', 'exchange_rates'), columns, 'exchange_rates') }}

select
    event_id,
    event_date,
    event_type,
    occurred_at,
    site_id,
    from_currency,
    to_currency,
    rate,
    payload,
    known_on
from first_copies
