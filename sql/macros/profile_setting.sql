{#- A number of config/profiles.yml as set for the night, as text, so that DuckDB skips what lies before a window. -#}
{% macro profile_setting(topic, name) -%}
  {%- if not execute or not var('night') -%}{{ return('1') }}{%- endif -%}
  {%- set found = run_query(
    "select cast(number as integer) from " ~ source('profiles', 'settings')
    ~ " where night = " ~ night_literal() ~ " and topic = '" ~ topic ~ "' and name = '" ~ name ~ "'"
  ).columns[0].values() -%}
  {%- if not found -%}
    {{ exceptions.raise_compiler_error("profiles.settings lacks " ~ topic ~ " " ~ name ~ " for the night; materialize profiles/settings first.") }}
  {%- endif -%}
  {{ return(found[0] | string) }}
{%- endmacro %}
