-- the days to recompute follow from these as well
-- depends_on: {{ ref('session_days') }}
{{ config(meta={'streams': ['storefront_events'], 'replaced_rows': 'session_days'}, contract={'enforced': true}) }}

select
    site_id,
    identifier,
    session_date as event_date,
    known_on,
    coalesce(channel, 'unknown') as channel,
    coalesce(device_type, 'unknown') as device_type,
    country,
    count(*) as sessions,
    count(*) filter (where is_engaged) as engaged_sessions,
    min({{ touch('started_at', 'session_id', 'source', 'medium') }}) as first_touch,
    max({{ touch('started_at', 'session_id', 'source', 'medium') }}) as last_touch
from {{ ref('sessions') }}
where
    is_robot is not true
    {%- if execute and is_incremental() %}
    and {{ in_days('session_date', visit_session_days()) }}
    {%- endif %}
group by site_id, identifier, session_date, known_on, channel, device_type, country
