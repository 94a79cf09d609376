{#-
  The catalogue's history as of a night without reading all of it: the records that still said something at the last
  checkpoint, and those that came since. Read by catalog_checkpoints and by item_profiles, so that both see the same.
  Where a record comes later than the checkpoint waited and stands before what it kept, that item is read in full.
-#}

{% macro catalog_columns() -%}
  {{ return([
    'site_id', 'item_id', 'event_id', 'event_type', 'occurred_at', 'event_date', 'item_type', 'name', 'description', 'brand',
    'category_paths', 'price', 'currency', 'unit_cost', 'stock', 'valid_from', 'valid_to', 'parent_item_id', 'attributes',
    'known_on',
  ]) }}
{%- endmacro %}

{#-
  CTEs that end in `catalog_items`: the records for each row (day, known_until) of the relation `targets`, with its day.
  `base` is the checkpoint (YYYY-MM-DD) to begin from, `base_known_until` the night to which it waited; none: all history.
-#}
{% macro catalog_items_since(checkpoints, base, base_known_until, targets) -%}
arrived as (
    select
        targets.day,
        {{ columns_of('records', catalog_columns()) }}
    from {{ ref('stg_catalog_items') }} as records
    inner join {{ targets }} as targets
        on records.event_date <= targets.day and records.known_on <= targets.known_until
    where records.event_date > date '{{ base }}' or records.known_on > date '{{ base_known_until }}'
),

kept as (
    select
        targets.day,
        {{ columns_of('records', catalog_columns()) }}
    from {{ checkpoints }} as records
    cross join {{ targets }} as targets
    where records.checkpoint_date = date '{{ base }}'
),

newest_kept as (
    select
        day,
        site_id,
        item_id,
        max(occurred_at) as occurred_at
    from kept
    group by day, site_id, item_id
),

too_late as (
    select distinct
        arrived.day,
        arrived.site_id,
        arrived.item_id
    from arrived
    inner join newest_kept
        on arrived.day = newest_kept.day
        and arrived.site_id = newest_kept.site_id
        and arrived.item_id = newest_kept.item_id
        and arrived.occurred_at <= newest_kept.occurred_at
),

catalog_items as (
    select kept.*
    from kept
    left join too_late on kept.day = too_late.day and kept.site_id = too_late.site_id and kept.item_id = too_late.item_id
    where too_late.item_id is null
    union all
    select arrived.*
    from arrived
    left join too_late on arrived.day = too_late.day and arrived.site_id = too_late.site_id and arrived.item_id = too_late.item_id
    where too_late.item_id is null
    union all
    select
        targets.day,
        {{ columns_of('records', catalog_columns()) }}
    from {{ ref('stg_catalog_items') }} as records
    inner join too_late on records.site_id = too_late.site_id and records.item_id = too_late.item_id
    inner join {{ targets }} as targets
        on too_late.day = targets.day and records.event_date <= targets.day and records.known_on <= targets.known_until
)
{%- endmacro %}

{% macro columns_of(relation, names) -%}
  {%- for name in names -%}{{ relation }}.{{ name }}{% if not loop.last %}, {% endif %}{%- endfor -%}
{%- endmacro %}

{#- Night to which a checkpoint waited, or 0001-01-01. -#}
{% macro catalog_known_until(relation, checkpoint) -%}
  {{ return(days_of_query(
    "select coalesce(max(known_until), date '0001-01-01') from " ~ relation ~ " where checkpoint_date = date '" ~ checkpoint ~ "'"
  )[0]) }}
{%- endmacro %}

{#- Last checkpoint that waited until the night at most, or 0001-01-01. -#}
{% macro catalog_base(relation) -%}
  {%- if not execute or not var('night') -%}{{ return('0001-01-01') }}{%- endif -%}
  {{ return(days_of_query(
    "select coalesce(max(checkpoint_date), date '0001-01-01') from " ~ relation ~ " where known_until <= " ~ night_literal()
  )[0]) }}
{%- endmacro %}
