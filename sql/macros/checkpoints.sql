{#-
  Month-end checkpoints of running sums, so that a night reads the last checkpoint and the rows since instead of
  the whole history. A row counts on the first night that may use it: greatest(known_on, event_date). So a record
  of day T changes no checkpoint before T, and what arrives late is added by the night on which it arrives.
  A checkpoint is taken `checkpoint_delay_days` after its day; a run that touches a day at or before one takes it,
  and all later ones, again. Which checkpoints exist decides the cost of a night and never its result.
-#}

{#- First night that may use a row. -#}
{% macro counts_on(known_on='known_on', event_date='event_date') -%}
  greatest({{ known_on }}, {{ event_date }})
{%- endmacro %}

{#- Month ends (YYYY-MM-DD) to take now: the missing ones and those at or after a touched day. -#}
{% macro checkpoints_due(relation, days) -%}
  {{ return(days_of_query(
    "select distinct last_day(load_date) as checkpoint_date from " ~ source('raw', 'loaded_days')
    ~ " where last_day(load_date) <= (select " ~ dateadd('day', -var('checkpoint_delay_days') | int, 'max(load_date)')
    ~ " from " ~ source('raw', 'loaded_days') ~ ")"
    ~ " and (last_day(load_date) not in (select checkpoint_date from " ~ relation ~ ")"
    ~ (" or last_day(load_date) >= date '" ~ days | first ~ "'" if days else "") ~ ")"
  )) }}
{%- endmacro %}

{#-
  The checkpoints to take as rows: the days found while dbt compiles, or, where the model is built whole, all of them.
  While dbt parses there are none: raw.loaded_days is a ledger and no asset that a model waits for.
-#}
{% macro checkpoint_dates(due) -%}
  {%- if not execute -%}
    select cast(null as date) as checkpoint_date
  {%- elif is_incremental() -%}
    select cast(day as date) as checkpoint_date
    from (values {% for day in due %}('{{ day }}'){% if not loop.last %}, {% endif %}{% else %}(null){% endfor %}) as days (day)
    where day is not null
  {%- else -%}
    select distinct last_day(load_date) as checkpoint_date
    from {{ source('raw', 'loaded_days') }}
    where last_day(load_date) <= (
      select {{ dateadd('day', -var('checkpoint_delay_days') | int, 'max(load_date)') }} from {{ source('raw', 'loaded_days') }}
    )
  {%- endif -%}
{%- endmacro %}

{#- Last checkpoint before a day (YYYY-MM-DD), or 0001-01-01. -#}
{% macro checkpoint_before(relation, day) -%}
  {{ return(days_of_query(
    "select coalesce(max(checkpoint_date), date '0001-01-01') from " ~ relation ~ " where checkpoint_date < date '" ~ day ~ "'"
  )[0]) }}
{%- endmacro %}

{#- Last checkpoint at or before the night, as a literal; 0001-01-01 where there is none. -#}
{% macro base_checkpoint(relation) -%}
  {%- if not execute or not var('night') -%}{{ return("date '0001-01-01'") }}{%- endif -%}
  {%- set found = days_of_query(
    "select coalesce(max(checkpoint_date), date '0001-01-01') from " ~ relation ~ " where checkpoint_date <= " ~ night_literal()
  ) -%}
  {{ return("date '" ~ found[0] ~ "'") }}
{%- endmacro %}

{#- Days on which anything that person_totals adds up may have changed. -#}
{% macro person_total_days() -%}
  {{ return((visit_and_movement_days() + touched_days(['exchange_rates'])) | unique | sort) }}
{%- endmacro %}

{#- Rows to replace: the checkpoints that this run takes. -#}
{% macro replaced_rows__checkpoints(target_relation, temp_relation) -%}
  checkpoint_date in (select checkpoint_date from {{ temp_relation }})
{%- endmacro %}
