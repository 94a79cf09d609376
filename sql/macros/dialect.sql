{#- Constructs that differ between engines, one dispatched macro each. Add one only where dbt has none of its own. -#}

{#- A 64-bit hash of some columns; equal rows have equal hashes, the reverse nearly always. -#}
{% macro row_fingerprint(columns) -%}
  {{ return(adapter.dispatch('row_fingerprint')(columns)) }}
{%- endmacro %}
{% macro duckdb__row_fingerprint(columns) -%}hash({{ columns | join(', ') }}){%- endmacro %}
{% macro spark__row_fingerprint(columns) -%}xxhash64({{ columns | join(', ') }}){%- endmacro %}

{#- Whether a text contains a pattern, case-blind; false for null. Pattern: a Jinja string that holds a regular expression. -#}
{% macro matches(column, pattern) -%}
  {{ return(adapter.dispatch('matches')(column, pattern)) }}
{%- endmacro %}
{% macro duckdb__matches(column, pattern) -%}coalesce(regexp_matches(lower({{ column }}), '{{ pattern }}'), false){%- endmacro %}
{% macro spark__matches(column, pattern) -%}coalesce(lower({{ column }}) rlike '{{ pattern | replace("\\", "\\\\") }}', false){%- endmacro %}

{#- Host of a web address, lower case; null where there is none. -#}
{% macro host_of(column) -%}
  {{ return(adapter.dispatch('host_of')(column)) }}
{%- endmacro %}
{% macro duckdb__host_of(column) -%}nullif(regexp_extract(lower({{ column }}), '^[a-z]+://(?:www\.)?([^/:?#]+)', 1), ''){%- endmacro %}
{% macro spark__host_of(column) -%}nullif(regexp_extract(lower({{ column }}), '^[a-z]+://(?:www\\.)?([^/:?#]+)', 1), ''){%- endmacro %}

{#- One row per day from the first to the last, both included. -#}
{% macro each_day(first, last) -%}
  {{ return(adapter.dispatch('each_day')(first, last)) }}
{%- endmacro %}
{% macro duckdb__each_day(first, last) -%}
  cast(unnest(generate_series(cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval 1 day)) as date)
{%- endmacro %}
{% macro spark__each_day(first, last) -%}explode(sequence({{ first }}, {{ last }})){%- endmacro %}

{#- A text with the moment and the event that stated it: the greatest of several is the newest. -#}
{% macro stated(stated_at, event_id, value) -%}
  {{ return(adapter.dispatch('stated')(stated_at, event_id, value)) }}
{%- endmacro %}
{% macro duckdb__stated(stated_at, event_id, value) -%}
  struct_pack(stated_at := {{ stated_at }}, event_id := {{ event_id }}, value := cast({{ value }} as varchar))
{%- endmacro %}
{% macro spark__stated(stated_at, event_id, value) -%}
  named_struct('stated_at', {{ stated_at }}, 'event_id', {{ event_id }}, 'value', cast({{ value }} as string))
{%- endmacro %}

{#- A key of a JSON object as text. -#}
{% macro json_text(column, key) -%}
  {{ return(adapter.dispatch('json_text')(column, key)) }}
{%- endmacro %}
{% macro duckdb__json_text(column, key) -%}json_extract_string({{ column }}, '$.{{ key }}'){%- endmacro %}
{% macro spark__json_text(column, key) -%}get_json_object({{ column }}, '$.{{ key }}'){%- endmacro %}

{#- A UTC moment in a time zone that stands in a column. -#}
{% macro local_time(zone, moment) -%}
  {{ return(adapter.dispatch('local_time')(zone, moment)) }}
{%- endmacro %}
{% macro duckdb__local_time(zone, moment) -%}timezone({{ zone }}, timezone('UTC', {{ moment }})){%- endmacro %}
{% macro spark__local_time(zone, moment) -%}from_utc_timestamp({{ moment }}, {{ zone }}){%- endmacro %}
