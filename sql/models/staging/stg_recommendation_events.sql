{{ config(materialized='view') }}

-- A view for the reason given in stg_storefront_events.
select
    delivered.event_id,
    delivered.event_date,
    delivered.event_type,
    delivered.occurred_at,
    delivered.site_id,
    delivered.visitor_id,
    delivered.customer_id,
    delivered.request_id,
    delivered.scenario_id,
    delivered.variant,
    delivered.item_ids,
    delivered.item_id,
    delivered.context_item_id,
    delivered.model_version,
    delivered.user_agent,
    delivered.is_robot,
    delivered.payload,
    delivered.load_date as known_on
from {{ source('raw', 'recommendation_events') }} as delivered
where not exists (
    select 1
    from {{ ref('superseded_recommendation_events') }} as superseded
    where
        delivered.file = superseded.file
        and delivered.line = superseded.line
        and delivered.load_date = superseded.load_date
)
