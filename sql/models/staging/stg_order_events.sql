{{ config(meta={'streams': ['order_events']}) }}

{%- set columns = [
    'event_id', 'event_date', 'event_type', 'occurred_at', 'site_id', 'order_id',
    'order_line_id', 'customer_id', 'visitor_id', 'email_hash', 'loyalty_id', 'item_id', 'quantity', 'unit_price',
    'discount', 'amount', 'unit_cost', 'currency', 'request_id', 'order_channel',
    'country', 'coupon_code', 'payload',
] %}

with
{{ first_copies(source('raw', 'order_events'), columns, 'order_events') }}

select
    event_id,
    event_date,
    event_type,
    occurred_at,
    site_id,
    order_id,
    order_line_id,
    customer_id,
    visitor_id,
    email_hash,
    loyalty_id,
    item_id,
    quantity,
    unit_price,
    discount,
    amount,
    unit_cost,
    currency,
    request_id,
    order_channel,
    country,
    coupon_code,
    payload,
    known_on
from first_copies
