{#-
  What a night can change in the ledger besides the touched days themselves. A cancellation or refund takes its
  order day and cost from the sale, so a sale that comes late (or again) redoes the movements of its order; a
  sale without a cost of its own takes the catalogue's, so a late price list redoes the sales since its day;
  an item that turns out to be a service redoes its orders. All follow from the staged tables and the touched
  days, so running a night again redoes the same.
-#}

{#- Keys of the orders of which every movement is to be recomputed. -#}
{% macro orders_to_redo() -%}
  {%- set order_days = touched_days(['order_events']) -%}
  {%- set catalog_days = touched_days(['catalog_items']) -%}
  select site_id, order_id
  from {{ ref('stg_order_events') }}
  where event_type = 'order_placed' and {{ in_days('event_date', order_days) }}
  {%- if catalog_days %}
  union
  select site_id, order_id
  from {{ ref('stg_order_events') }}
  where
    event_type = 'order_placed' and unit_cost is null
    and event_date >= {{ dateadd('day', -1, "date '" ~ catalog_days | first ~ "'") }}
  union
  select site_id, order_id
  from {{ ref('stg_order_events') }}
  where (site_id, item_id) in (
    select site_id, item_id
    from {{ ref('stg_catalog_items') }}
    where item_type = 'service'
    group by site_id, item_id
    having bool_and({{ in_days('event_date', catalog_days) }})
  )
  {%- endif %}
{%- endmacro %}

{#- Days on which order movements may have changed: the touched ones and those of the orders to redo. -#}
{% macro touched_movement_days() -%}
  {%- set order_days = touched_days(['order_events']) -%}
  {%- set redone = days_of_query(
    "select distinct event_date from " ~ ref('stg_order_events')
    ~ " where event_type in ('order_placed', 'order_cancelled', 'line_refunded', 'balance_adjusted')"
    ~ " and (site_id, order_id) in (" ~ orders_to_redo() ~ ")"
  ) -%}
  {{ return((order_days + redone) | unique | sort) }}
{%- endmacro %}

{#- order_movements: the touched days, the orders to redo, and the orders of sales that stood on a touched day. -#}
{% macro replaced_rows__movements(target_relation, temp_relation) -%}
  {%- set order_days = touched_days(['order_events']) -%}
  {{ in_days('movement_date', order_days) }}
  or (site_id, order_id) in (
    {{ orders_to_redo() }}
    union
    select site_id, order_id from {{ target_relation }}
    where movement = 'sale' and {{ in_days('movement_date', order_days) }}
  )
{%- endmacro %}

{#- order_lines: every order that the run recomputed. -#}
{% macro replaced_rows__orders(target_relation, temp_relation) -%}
  {%- set order_days = touched_days(['order_events']) -%}
  (site_id, order_id) in (
    select site_id, order_id from {{ temp_relation }}
    union
    select site_id, order_id from {{ target_relation }}
    where {{ in_days('order_date', order_days) }} or {{ in_days('last_movement_date', order_days) }}
  )
{%- endmacro %}

{#- Days of which session ids or order movements may have changed. -#}
{% macro session_and_movement_days() -%}
  {%- set session_days = days_of_blocks(ref('session_days'), days_around_touched()) -%}
  {{ return((session_days + touched_movement_days()) | unique | sort) }}
{%- endmacro %}
{% macro replaced_rows__session_and_movement_days(target_relation, temp_relation) -%}
  {{ in_days('event_date', session_and_movement_days()) }}
{%- endmacro %}

{#- Days of which storefront events or order movements may have changed. -#}
{% macro event_and_movement_days() -%}
  {{ return((touched_days(['storefront_events']) + touched_movement_days()) | unique | sort) }}
{%- endmacro %}
{% macro replaced_rows__event_and_movement_days(target_relation, temp_relation) -%}
  {{ in_days('event_date', event_and_movement_days()) }}
{%- endmacro %}

{#- served_lists: every request that the run recomputed, and those served on a touched day. -#}
{% macro replaced_rows__requests(target_relation, temp_relation) -%}
  {%- set touched = touched_days(['recommendation_events', 'order_events']) -%}
  {{ in_days('event_date', touched) }}
  or (
    {{ in_days('event_date', widened_days(touched, var('outcome_days') | int + 1)) }}
    and (site_id, request_id) in (select site_id, request_id from {{ temp_relation }})
  )
{%- endmacro %}
