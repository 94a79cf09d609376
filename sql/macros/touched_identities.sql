{#- What a night can change in identity: the links of visitors who signed in on a touched day, the first day of the rest. -#}

{#- identity_edges: edges of every visitor with a sign-in, old or new, on a touched day. -#}
{% macro replaced_rows__edges(target_relation, temp_relation) -%}
  visitor_id in (select visitor_id from {{ temp_relation }}) or {{ touched_edges() }}
{%- endmacro %}

{#- Predicate: the edge was first or last seen on a touched day (in UTC, so the neighbours of the day count as well). -#}
{% macro touched_edges() -%}
  {%- set days = widened_days(touched_days(['storefront_events']), 1) -%}
  ({{ in_days('cast(first_seen_at as date)', days) }} or {{ in_days('cast(last_seen_at as date)', days) }})
{%- endmacro %}

{#- identity_map: every identifier that the run recomputed. -#}
{% macro replaced_rows__identifiers(target_relation, temp_relation) -%}
  identifier in (select identifier from {{ temp_relation }})
{%- endmacro %}

{#- Identifiers on record in a staged table with the first night of each, for the touched days. -#}
{% macro identifiers_seen(stream, customer_id='customer_id', has_visitor=true) -%}
  select
    'customer:' || {{ customer_id }} as identifier,
    min(known_on) as known_on
  from {{ ref('stg_' ~ stream) }}
  where {{ customer_id }} is not null and {{ in_touched_days('event_date', [stream]) }}
  group by 1
  {%- if has_visitor %}
  union all
  select
    'visitor:' || visitor_id as identifier,
    min(known_on) as known_on
  from {{ ref('stg_' ~ stream) }}
  where visitor_id is not null and {{ in_touched_days('event_date', [stream]) }}
  group by 1
  {%- endif %}
{%- endmacro %}

{#- Name of the person whose root is an identifier. -#}
{% macro person_id(identifier) -%}
  'p' || substr(md5({{ identifier }}), 1, 16)
{%- endmacro %}
