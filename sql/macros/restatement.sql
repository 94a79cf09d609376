{#- The last night before this one that was reported, as SQL; this night itself where there is none. -#}
{% macro reported_before() -%}
  {%- set found = none -%}
  {%- if execute -%}
    {%- set found = run_query(
      "select max(night) from " ~ ref('revenue_report') ~ " where night < " ~ night_literal()
    ).columns[0].values()[0] -%}
  {%- endif -%}
  {{ return(date_literal((found or var('night') or '9999-12-31') | string | truncate(10, true, ''))) }}
{%- endmacro %}

{#- The figures that a change of the report is explained in. -#}
{% macro restated_figures() -%}
  {{ return(['movements', 'orders', 'gross', 'discount', 'cancelled', 'refunded', 'adjusted', 'net', 'cost', 'margin']) }}
{%- endmacro %}
