{#-
  What a new, late or withdrawn storefront event can change in sessions. The unit is the block: a visitor's
  events without 30 minutes of silence between them; sessions never reach over a block, and whether a campaign
  splits one depends on the block alone. An event of day T can join, cut or change only blocks that have an
  event within 30 minutes of it, so on T, the day before or the day after: those blocks are recomputed whole.
-#}

{#- Touched days and their neighbours. -#}
{% macro days_around_touched() -%}
  {{ return(widened_days(touched_days(['storefront_events']), 1)) }}
{%- endmacro %}

{#- Keys of the blocks (old or new) that have an event on one of the days. -#}
{% macro blocks_on_days(session_days, days) -%}
  select site_id, visitor_id, block_started_at
  from {{ session_days }}
  where {{ in_days('day', days) }}
  group by site_id, visitor_id, block_started_at
{%- endmacro %}

{#-
  Days on which the blocks of the given days have events, those days included. The range of the block starts
  is looked up first: it lets DuckDB skip the row groups of other times.
-#}
{% macro days_of_blocks(session_days, days) -%}
  {%- if not days -%}{{ return([]) }}{%- endif -%}
  {%- set range = run_query(
    "select min(block_started_at), max(block_started_at) from " ~ session_days
    ~ " where " ~ in_days('day', days)
  ).rows[0] -%}
  {%- if range[0] is none -%}{{ return(days) }}{%- endif -%}
  {%- set beyond = days_of_query(
    "select distinct day from " ~ session_days
    ~ " where block_started_at between timestamp '" ~ range[0] ~ "' and timestamp '" ~ range[1] ~ "'"
    ~ " and not (" ~ in_days('day', days) ~ ")"
    ~ " and (site_id, visitor_id, block_started_at) in (" ~ blocks_on_days(session_days, days) ~ ")"
  ) -%}
  {{ return((days + beyond) | sort) }}
{%- endmacro %}

{#- session_days: everything on those days, and what the blocks of those days have beyond them. -#}
{% macro replaced_rows__blocks(target_relation, temp_relation) -%}
  {%- set near = days_around_touched() -%}
  {{ in_days('day', near) }}
  or (
    {{ in_days('day', days_of_blocks(target_relation, near)) }}
    and (site_id, visitor_id, block_started_at) in ({{ blocks_on_days(target_relation, near) }})
  )
{%- endmacro %}

{#- sessions: those that overlapped the days, and those that began within a recomputed block. -#}
{% macro replaced_rows__sessions(target_relation, temp_relation) -%}
  {%- set near = days_around_touched() -%}
  {%- if not near -%}
    false
  {%- else -%}
  session_id in (
    select old.session_id
    from {{ target_relation }} as old
    where old.session_date <= date '{{ near | last }}' and old.last_event_date >= date '{{ near | first }}'
      and ({% for day in near %}date '{{ day }}' between old.session_date and old.last_event_date{% if not loop.last %} or {% endif %}{% endfor %})
    union all
    select old.session_id
    from {{ target_relation }} as old
    inner join (
      select site_id, visitor_id, min(started_at) as first_started_at, max(ended_at) as last_ended_at
      from {{ temp_relation }}
      group by site_id, visitor_id, block_started_at
    ) as block
      on old.site_id = block.site_id and old.visitor_id = block.visitor_id
      and old.started_at between block.first_started_at and block.last_ended_at
  )
  {%- endif -%}
{%- endmacro %}
