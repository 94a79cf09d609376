{{ config(meta={'streams': ['catalog_items'], 'replaced_rows': 'checkpoints'}, contract={'enforced': true}) }}

{%- set base = '0001-01-01' -%}
{%- set base_known_until = '0001-01-01' -%}
{%- if execute and is_incremental() -%}
{%- set due = checkpoints_due(this, touched_days(['catalog_items'])) -%}
{%- set base = checkpoint_before(this, due | first) if due else base -%}
{%- set base_known_until = catalog_known_until(this, base) -%}
{%- endif %}

with checkpoints as (
    {{ checkpoint_dates(due) }}
),

targets as (
    select
        checkpoint_date as day,
        cast({{ dateadd('day', var('checkpoint_delay_days') | int, 'checkpoint_date') }} as date) as known_until
    from checkpoints
),

{% if execute and is_incremental() %}
{{ catalog_items_since(this, base, base_known_until, 'targets') }},
{% else %}
catalog_items as (
    select
        targets.day,
        {{ columns_of('records', catalog_columns()) }}
    from {{ ref('stg_catalog_items') }} as records
    inner join targets on records.event_date <= targets.day and records.known_on <= targets.known_until
),
{% endif %}
ends as (
    select
        day,
        max(row(occurred_at, event_id, event_date)) as newest,
        max(row(occurred_at, event_id, event_date)) filter (where event_type = 'item_upserted') as newest_state,
        max(row(occurred_at, event_id, event_date)) filter (where event_type = 'item_upserted' and price is not null) as newest_price,
        min(row(event_date, occurred_at, event_id)) as oldest
    from catalog_items
    group by day, site_id, item_id
),

priced as (
    select
        day,
        site_id,
        item_id,
        event_id,
        event_date,
        occurred_at,
        price,
        lag(price) over item as price_before,
        lag(event_id) over item as id_before,
        lag(event_date) over item as date_before
    from catalog_items
    where event_type = 'item_upserted' and price is not null
    window item as (partition by day, site_id, item_id order by occurred_at, event_id)
),

-- the last time that the price became another one, and the record before
changes as (
    select
        day,
        site_id,
        item_id,
        max_by(event_id, row(occurred_at, event_id)) as event_id,
        max_by(event_date, row(occurred_at, event_id)) as event_date,
        max_by(id_before, row(occurred_at, event_id)) as id_before,
        max_by(date_before, row(occurred_at, event_id)) as date_before
    from priced
    where price_before <> price
    group by day, site_id, item_id
),

wanted as (
    {%- for name in ['newest', 'newest_state', 'newest_price'] %}
    select
        day,
        {{ name }}[2] as event_id,
        {{ name }}[3] as event_date
    from ends
    union
    {%- endfor %}
    select
        day,
        oldest[3] as event_id,
        oldest[1] as event_date
    from ends
    union
    select
        day,
        event_id,
        event_date
    from changes
    union
    select
        day,
        id_before as event_id,
        date_before as event_date
    from changes
)

select
    targets.day as checkpoint_date,
    targets.known_until,
    {{ columns_of('records', catalog_columns()) }}
from wanted
inner join catalog_items as records
    on wanted.day = records.day and wanted.event_id = records.event_id and wanted.event_date = records.event_date
inner join targets on records.day = targets.day
