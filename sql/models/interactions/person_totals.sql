-- the days to recompute follow from these as well
-- depends_on: {{ ref('stg_order_events') }}
-- depends_on: {{ ref('stg_catalog_items') }}
-- depends_on: {{ ref('session_days') }}
{{ config(
    meta={'streams': ['storefront_events', 'order_events', 'exchange_rates'], 'replaced_rows': 'checkpoints'},
    contract={'enforced': true}
) }}

{%- set sums = person_total_columns() -%}
{%- set base = '0001-01-01' -%}
{%- set end = '9999-12-31' -%}
{%- if execute and is_incremental() -%}
{%- set due = checkpoints_due(this, person_total_days()) -%}
{%- set base = checkpoint_before(this, due | first) if due else base -%}
{%- set end = due | last if due else base -%}
{%- endif %}

with checkpoints as (
    {{ checkpoint_dates(due) }}
),

parts as (
    {{ person_parts("cast('" ~ base ~ "' as date)", "cast('" ~ end ~ "' as date)") }}
    {%- if execute and is_incremental() and due %}
    union all
    select
        site_id, identifier, checkpoint_date, first_day, last_day, first_seen_date, last_seen_date, first_order_date, last_order_date,
        {{ sums | join(', ') }}, last_country
    from {{ this }}
    where checkpoint_date = cast('{{ base }}' as date)
    {%- endif %}
),

-- a month of an identifier is one row before the checkpoints that hold it are filled
months as (
    select
        site_id,
        identifier,
        last_day(counts_on) as month_end,
        min(first_day) as first_day,
        max(last_day) as last_day,
        min(first_seen_date) as first_seen_date,
        max(last_seen_date) as last_seen_date,
        min(first_order_date) as first_order_date,
        max(last_order_date) as last_order_date,
        {%- for name in sums %}
        sum({{ name }}) as {{ name }},
        {%- endfor %}
        max(last_country) as last_country
    from parts
    group by site_id, identifier, last_day(counts_on)
)

select
    checkpoints.checkpoint_date,
    months.site_id,
    months.identifier,
    min(months.first_day) as first_day,
    max(months.last_day) as last_day,
    min(months.first_seen_date) as first_seen_date,
    max(months.last_seen_date) as last_seen_date,
    min(months.first_order_date) as first_order_date,
    max(months.last_order_date) as last_order_date,
    {%- for name in sums %}
    cast(sum(months.{{ name }}) as {{ 'bigint' if loop.index <= 14 else 'decimal(18, 4)' }}) as {{ name }},
    {%- endfor %}
    max(months.last_country) as last_country
from months
inner join checkpoints on months.month_end <= checkpoints.checkpoint_date
group by checkpoints.checkpoint_date, months.site_id, months.identifier
