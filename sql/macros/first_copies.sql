{#-
  One row per (event_id, event_date) out of records that may have been delivered several times: the copy that
  came first, among copies of one night the one whose content sorts first; known_on is the first night over all
  copies. Nearly every record comes once, so those pass by without a window: ids that come twice are found on a
  64-bit fingerprint (a collision only sends a record down the slow path). The source is named three times rather
  than once in a CTE, because DuckDB would write a CTE that is used twice to memory, with all its columns.
-#}
{% macro first_copies(delivered, columns, stream) %}
{%- set days = in_touched_days('event_date', [stream]) -%}
{%- set fingerprint = row_fingerprint(['event_id', 'event_date']) %}
repeated as (
  select {{ fingerprint }} as fingerprint
  from {{ delivered }}
  where {{ days }}
  group by {{ fingerprint }}
  having count(*) > 1
),

unrepeated as (
  select
    {%- for column in columns %}
    {{ column }},
    {%- endfor %}
    load_date as known_on
  from {{ delivered }}
  where {{ days }} and {{ fingerprint }} not in (select fingerprint from repeated)
),

ranked as (
  select
    {%- for column in columns %}
    {{ column }},
    {%- endfor %}
    load_date as known_on,
    row_number() over (
      partition by event_id, event_date
      order by load_date, {{ columns | join(', ') }}
    ) as copy_rank
  from {{ delivered }}
  where {{ days }} and {{ fingerprint }} in (select fingerprint from repeated)
),

first_copies as (
  select
    {%- for column in columns %}
    {{ column }},
    {%- endfor %}
    known_on
  from unrepeated
  union all
  select
    {%- for column in columns %}
    {{ column }},
    {%- endfor %}
    known_on
  from ranked
  where copy_rank = 1
)
{% endmacro %}
