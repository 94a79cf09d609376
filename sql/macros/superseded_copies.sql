{#-
  A whole model: the delivered records that are later copies of an event, everything but the copy that came first (among copies of
  one night the one whose content sorts first). For streams so wide that writing the surviving rows a second time
  would cost more than all the rest of staging; the others use first_copies.
-#}
{% macro superseded_copies(delivered, columns, stream) %}
{%- set days = in_touched_days('event_date', [stream]) -%}
{%- set fingerprint = row_fingerprint(['event_id', 'event_date']) %}
with repeated as (
  select {{ fingerprint }} as fingerprint
  from {{ delivered }}
  where {{ days }}
  group by {{ fingerprint }}
  having count(*) > 1
),

ranked as (
  select
    event_date,
    load_date,
    file,
    line,
    row_number() over (
      partition by event_id, event_date
      order by load_date, {{ columns | join(', ') }}, file, line
    ) as copy_rank
  from {{ delivered }}
  where {{ days }} and {{ fingerprint }} in (select fingerprint from repeated)
)

select
  event_date,
  load_date,
  file,
  line
from ranked
where copy_rank > 1
{% endmacro %}
