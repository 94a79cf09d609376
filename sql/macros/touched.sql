{#-
  Which event days a run has to recompute. Days are found by a query while dbt compiles and written into the
  SQL as literals, so that DuckDB skips row groups by their zone maps and cost follows the days touched.
  Everything here answers "all" while parsing, on an empty warehouse and on --full-refresh.
-#}

{#- Days (YYYY-MM-DD) that a query returns, in order. -#}
{% macro days_of_query(sql) -%}
  {%- set days = [] -%}
  {%- for day in run_query(sql).columns[0].values() -%}
    {%- do days.append(day | string | truncate(10, true, '')) -%}
  {%- endfor -%}
  {{ return(days | sort) }}
{%- endmacro %}

{#- Event days that the run's landing nights touched in any of the streams. -#}
{% macro touched_days(streams) -%}
  {%- set names = [] -%}
  {%- for stream in streams -%}{%- do names.append("'" ~ stream ~ "'") -%}{%- endfor -%}
  {{ return(days_of_query(
    "select distinct event_date from " ~ source('raw', 'loaded_days')
    ~ " where stream in (" ~ names | join(', ') ~ ") and " ~ in_nights('load_date')
  )) }}
{%- endmacro %}

{#- The days and those `reach` days before and after each. -#}
{% macro widened_days(days, reach) -%}
  {%- set wide = [] -%}
  {%- for day in days -%}
    {%- set middle = modules.datetime.datetime.strptime(day, '%Y-%m-%d').date() -%}
    {%- for offset in range(-reach, reach + 1) -%}
      {%- set neighbour = (middle + modules.datetime.timedelta(days=offset)) | string -%}
      {%- if neighbour not in wide -%}{%- do wide.append(neighbour) -%}{%- endif -%}
    {%- endfor -%}
  {%- endfor -%}
  {{ return(wide | sort) }}
{%- endmacro %}

{#- Predicate: the column is one of the days, in order. The range comes first, for the zone maps; where no day is missing it says all. -#}
{% macro in_days(column, days) -%}
  {%- if days -%}
    {%- set literals = [] -%}
    {%- for day in days -%}{%- do literals.append("date '" ~ day ~ "'") -%}{%- endfor -%}
    {%- set day_of = modules.datetime.date.fromisoformat -%}
    {{ column }} between {{ literals | first }} and {{ literals | last }}
    {%- if (day_of(days | last) - day_of(days | first)).days + 1 != days | unique | list | length %}
    and {{ column }} in ({{ literals | join(', ') }})
    {%- endif -%}
  {%- else -%}
    false
  {%- endif -%}
{%- endmacro %}

{#- Predicate: the column is a day that this run must recompute; true where the model is built whole. -#}
{% macro in_touched_days(column, streams) -%}
  {%- if execute and is_incremental() -%}
    {{ in_days(column, touched_days(streams)) }}
  {%- else -%}
    true
  {%- endif -%}
{%- endmacro %}

{#- Rows to replace in a model that recomputes the touched days of its streams (meta: streams, day_column). -#}
{% macro replaced_rows__days(target_relation, temp_relation) -%}
  {%- set meta = config.get('meta') -%}
  {{ in_days(meta.get('day_column', 'event_date'), touched_days(meta['streams'])) }}
{%- endmacro %}
