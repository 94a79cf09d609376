{#-
  Incremental by night. A model replaces exactly the rows that the run's nights could have changed: the
  rows that `replaced_rows` names are deleted and the recomputed ones inserted in one transaction (dbt-duckdb
  opens it with the first statement of "main" and commits after the post-hooks; the temporary table with
  the new rows is made before it). Keep day arithmetic in touched.sql.
-#}
{% macro get_incremental_replace_touched_sql(arg_dict) -%}
  {%- set target_relation = arg_dict['target_relation'] -%}
  {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
  {%- set rule = context['replaced_rows__' ~ (config.get('meta', {}).get('replaced_rows') or 'days')] -%}
  delete from {{ target_relation }} where {{ rule(target_relation, arg_dict['temp_relation']) }};
  insert into {{ target_relation }} ({{ columns }})
  select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}
