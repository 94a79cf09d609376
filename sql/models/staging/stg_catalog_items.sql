{{ config(meta={'streams': ['catalog_items']}) }}

{%- set columns = [
    'event_id', 'event_date', 'event_type', 'occurred_at', 'site_id', 'item_id',
    'item_type', 'name', 'description', 'brand', 'category_paths', 'price',
    'currency', 'unit_cost', 'stock', 'valid_from', 'valid_to', 'parent_item_id',
    'image_url', 'attributes', 'payload',
] %}

with
{{ first_copies(source('raw', 'catalog_items'), columns, 'catalog_items') }}

select
    event_id,
    event_date,
    event_type,
    occurred_at,
    site_id,
    item_id,
    item_type,
    name,
    description,
    brand,
    category_paths,
    price,
    currency,
    unit_cost,
    stock,
    valid_from,
    valid_to,
    parent_item_id,
    image_url,
    attributes,
    payload,
    known_on
from first_copies
