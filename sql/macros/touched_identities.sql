{#- What a night can change in identity: the evidence of touched days, edges that rest on it, who is seen for the first time. -#}

{#- Streams that say that two identifiers are one person. -#}
{% macro evidence_streams() -%}
  {{ return(['storefront_events', 'order_events', 'profile_events', 'message_events']) }}
{%- endmacro %}

{#-
  identity_edges: every edge that the run recomputed, and those first known in its nights. Evidence that came later than
  the first changes nothing about an edge.
-#}
{% macro replaced_rows__edges(target_relation, temp_relation) -%}
  {{ in_nights('known_on') }}
  or (identifier, other_identifier, edge_type) in (select identifier, other_identifier, edge_type from {{ temp_relation }})
{%- endmacro %}

{#- identifiers: every identifier that the run recomputed. -#}
{% macro replaced_rows__identifiers(target_relation, temp_relation) -%}
  identifier in (select identifier from {{ temp_relation }})
{%- endmacro %}

{#-
  Identifiers on record in a staged table with the first night of each, for the touched days.
  `columns` maps the kind of identifier to the column or expression that holds its value.
-#}
{% macro identifiers_seen(stream, columns) -%}
  {%- for kind, value in columns.items() %}
  {%- if not loop.first %}
  union all
  {%- endif %}
  select
    '{{ kind }}:' || {{ value }} as identifier,
    min(known_on) as known_on
  from {{ ref('stg_' ~ stream) }}
  where {{ value }} is not null and {{ in_touched_days('event_date', [stream]) }}
  group by {{ value }}
  {%- endfor %}
{%- endmacro %}
