{{ config(meta={'dagster': {'ref': {'name': 'stg_recommendation_events'}}}) }}
-- No delivered record is lost between raw and staging: what is not staged is a later copy.
{%- set days = in_days('event_date', touched_days(['recommendation_events'])) if execute else 'true' %}

with delivered as (
    select count(*) as records from {{ source('raw', 'recommendation_events') }} where {{ days }}
),

staged as (
    select count(*) as records from {{ ref('stg_recommendation_events') }} where {{ days }}
),

superseded as (
    select count(*) as records from {{ ref('superseded_recommendation_events') }} where {{ days }}
)

select
    delivered.records as delivered_records,
    staged.records as staged_records,
    superseded.records as superseded_records
from delivered
cross join staged
cross join superseded
where delivered.records <> staged.records + superseded.records
