{{ config(meta={'streams': ['recommendation_events']}) }}

{%- set columns = [
    'event_id', 'event_date', 'event_type', 'occurred_at', 'site_id', 'visitor_id',
    'customer_id', 'request_id', 'scenario_id', 'variant', 'item_ids', 'item_id',
    'context_item_id', 'model_version', 'user_agent', 'is_robot', 'payload',
] %}

{{ superseded_copies(source('raw', 'recommendation_events'), columns, 'recommendation_events') }}
