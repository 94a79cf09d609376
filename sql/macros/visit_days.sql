{#- Days of which sessions may have changed: those around the touched ones and all others of a recomputed block. -#}
{% macro visit_session_days() -%}
  {%- set near = days_around_touched() -%}
  {{ return((widened_days(near, 1) + days_of_blocks(ref('session_days'), near)) | unique | sort) }}
{%- endmacro %}
{% macro replaced_rows__session_days(target_relation, temp_relation) -%}
  {{ in_days('event_date', visit_session_days()) }}
{%- endmacro %}

{#- Days of which sessions or order movements may have changed. -#}
{% macro visit_and_movement_days() -%}
  {{ return((visit_session_days() + touched_movement_days()) | unique | sort) }}
{%- endmacro %}
{% macro replaced_rows__visit_and_movement_days(target_relation, temp_relation) -%}
  {{ in_days('event_date', visit_and_movement_days()) }}
{%- endmacro %}
