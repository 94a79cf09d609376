{#- Which nights a run of the funnel's daily sums counts, and how far back the lists lie that they can touch. -#}

{#- The last night before this run's that is counted already; rows of later nights are what the run adds. -#}
{% macro funnel_counted_until() -%}
  {%- set found = none -%}
  {%- if execute and is_incremental() -%}
    {%- set found = run_query("select max(night) from " ~ this ~ " where night < " ~ night_literal()).columns[0].values()[0] -%}
  {%- endif -%}
  {{ return(date_literal((found or '0001-01-01') | string | truncate(10, true, ''))) }}
{%- endmacro %}

{#- The earliest day of a list that those nights can touch: an outcome counts for outcome_days after its list. -#}
{% macro funnel_first_day(counted_until) -%}
  {%- if not execute -%}{{ return(date_literal('0001-01-01')) }}{%- endif -%}
  {%- set found = run_query(
    "select least("
    ~ "(select min(event_date) from " ~ source('raw', 'loaded_days')
    ~ " where stream = 'recommendation_events' and load_date > " ~ counted_until ~ " and load_date <= " ~ night_literal() ~ "), "
    ~ "(select min(order_date) from " ~ ref('site_amounts')
    ~ " where greatest(converted_on, movement_date) > " ~ counted_until
    ~ " and converted_on <= " ~ night_literal() ~ "))"
  ).columns[0].values()[0] -%}
  {%- set touched = date_literal((found or var('night')) | string | truncate(10, true, '')) -%}
  {{ return("cast(" ~ dateadd('day', -(var('outcome_days') | int + 1), touched) ~ " as date)") }}
{%- endmacro %}
