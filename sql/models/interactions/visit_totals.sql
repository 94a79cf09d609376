-- depends_on: {{ ref('session_days') }}
{{ config(meta={'streams': ['storefront_events'], 'replaced_rows': 'checkpoints'}, contract={'enforced': true}) }}

{%- set base = '0001-01-01' -%}
{%- set end = '9999-12-31' -%}
{%- if execute and is_incremental() -%}
{%- set due = checkpoints_due(this, visit_session_days()) -%}
{%- set base = checkpoint_before(this, due | first) if due else base -%}
{%- set end = due | last if due else base -%}
{%- endif %}

with checkpoints as (
    {{ checkpoint_dates(due) }}
),

parts as (
    select
        site_id, identifier, last_day({{ counts_on() }}) as month_end, channel, device_type, country, sessions, engaged_sessions,
        first_touch, last_touch
    from {{ ref('visit_days') }}
    where
        {{ counts_on() }} > cast('{{ base }}' as date)
        and {{ counts_on() }} <= cast('{{ end }}' as date)
    {%- if execute and is_incremental() and due %}
    union all
    select site_id, identifier, checkpoint_date, channel, device_type, country, sessions, engaged_sessions, first_touch, last_touch
    from {{ this }}
    where checkpoint_date = cast('{{ base }}' as date)
    {%- endif %}
)

select
    checkpoints.checkpoint_date,
    parts.site_id,
    parts.identifier,
    parts.channel,
    parts.device_type,
    parts.country,
    cast(sum(parts.sessions) as bigint) as sessions,
    cast(sum(parts.engaged_sessions) as bigint) as engaged_sessions,
    min(parts.first_touch) as first_touch,
    max(parts.last_touch) as last_touch
from parts
inner join checkpoints on parts.month_end <= checkpoints.checkpoint_date
group by checkpoints.checkpoint_date, parts.site_id, parts.identifier, parts.channel, parts.device_type, parts.country
