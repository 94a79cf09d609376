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
placed as (
    select
        *,
        row_number() over (partition by day, site_id, item_id order by occurred_at desc, event_id desc) as place,
        row_number() over (partition by day, site_id, item_id, event_type order by occurred_at desc, event_id desc) as place_of_type,
        row_number() over (partition by day, site_id, item_id order by event_date asc, occurred_at asc, event_id asc) as place_of_day
    from catalog_items
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
        lag(event_date) over item as date_before,
        row_number() over (partition by day, site_id, item_id order by occurred_at desc, event_id desc) as place
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
    select day, event_id, event_date from placed
    where place = 1 or place_of_day = 1 or (place_of_type = 1 and event_type = 'item_upserted')
    union
    select day, event_id, event_date from priced
    where place = 1
    union
    select day, event_id, event_date from changes
    union
    select day, id_before as event_id, date_before as event_date from changes
)

select
    placed.day as checkpoint_date,
    targets.known_until,
    {{ columns_of('placed', catalog_columns()) }}
from placed
inner join wanted on placed.day = wanted.day and placed.event_id = wanted.event_id and placed.event_date = wanted.event_date
inner join targets on placed.day = targets.day
