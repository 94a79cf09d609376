{{ config(materialized='view') }}

-- A view: a second copy of this wide table costs as much as everything else of staging and identity together,
-- and the raw rows are all there. What removes duplicates is a small table of the copies to leave out.
select
    delivered.event_id,
    delivered.event_date,
    delivered.event_type,
    delivered.occurred_at,
    delivered.site_id,
    delivered.visitor_id,
    delivered.customer_id,
    delivered.is_success,
    delivered.item_id,
    delivered.category_path,
    delivered.quantity,
    delivered.price,
    delivered.currency,
    delivered.cart_id,
    delivered.order_id,
    delivered.request_id,
    delivered.search_id,
    delivered.search_query,
    delivered.results_count,
    delivered.percentage,
    delivered.rating,
    delivered.url,
    delivered.referrer,
    delivered.utm_source,
    delivered.utm_medium,
    delivered.utm_campaign,
    delivered.click_id,
    delivered.user_agent,
    delivered.country,
    delivered.is_robot,
    delivered.payload,
    delivered.load_date as known_on
from {{ source('raw', 'storefront_events') }} as delivered
where not exists (
    select 1
    from {{ ref('superseded_storefront_events') }} as superseded
    where
        delivered.file = superseded.file
        and delivered.line = superseded.line
        and delivered.load_date = superseded.load_date
)
