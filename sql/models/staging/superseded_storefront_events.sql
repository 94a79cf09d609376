{{ config(meta={'streams': ['storefront_events']}) }}

{%- set columns = [
    'event_id', 'event_date', 'event_type', 'occurred_at', 'site_id', 'visitor_id',
    'customer_id', 'is_success', 'item_id', 'category_path', 'quantity', 'price',
    'currency', 'cart_id', 'order_id', 'request_id', 'search_id', 'search_query',
    'results_count', 'percentage', 'rating', 'url', 'referrer', 'utm_source',
    'utm_medium', 'utm_campaign', 'click_id', 'user_agent', 'country', 'is_robot',
    'payload',
] %}

{{ superseded_copies(source('raw', 'storefront_events'), columns, 'storefront_events') }}
