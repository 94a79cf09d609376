{#- A model's schema is its stage's name, without dbt's usual target prefix. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {{- custom_schema_name | trim if custom_schema_name else target.schema -}}
{%- endmacro %}
