{{ config(meta={'streams': ['profile_events'], 'replaced_rows': 'checkpoints'}, contract={'enforced': true}) }}

{%- set base = '0001-01-01' -%}
{%- set end = '9999-12-31' -%}
{%- if execute and is_incremental() -%}
{%- set due = checkpoints_due(this, touched_days(['profile_events'])) -%}
{%- set base = checkpoint_before(this, due | first) if due else base -%}
{%- set end = due | last if due else base -%}
{%- endif %}

with checkpoints as (
    {{ checkpoint_dates(due) }}
),

parts as (
    {{ statement_parts("cast('" ~ base ~ "' as date)", "cast('" ~ end ~ "' as date)") }}
    {%- if execute and is_incremental() and due %}
    union all
    select
        site_id, identifier, source_system, checkpoint_date, first_day, last_day, deleted_at,
        {{ statement_columns() | join(', ') }}
    from {{ this }}
    where checkpoint_date = cast('{{ base }}' as date)
    {%- endif %}
)

select
    checkpoints.checkpoint_date,
    parts.site_id,
    parts.identifier,
    parts.source_system,
    min(parts.first_day) as first_day,
    max(parts.last_day) as last_day,
    max(parts.deleted_at) as deleted_at,
    {%- for name in statement_columns() %}
    max(parts.{{ name }}) as {{ name }}{% if not loop.last %},{% endif %}
    {%- endfor %}
from parts
inner join checkpoints on parts.counts_on <= checkpoints.checkpoint_date
group by checkpoints.checkpoint_date, parts.site_id, parts.identifier, parts.source_system
