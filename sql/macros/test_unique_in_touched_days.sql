{#-
  A key is unique on the days that the run touched. Whole history is not read again every night: days that no
  night touches do not change. What comes twice is looked for by fingerprint first, which finds nothing nearly always.
-#}
{% test unique_in_touched_days(model, columns, streams, day_column='event_date') %}
{%- set days = in_days(day_column, touched_days(streams)) if execute else 'true' -%}
{%- set fingerprint = row_fingerprint(columns) %}
select {{ columns | join(', ') }}
from {{ model }}
where
  {{ days }}
  and {{ fingerprint }} in (
    select {{ fingerprint }}
    from {{ model }}
    where {{ days }}
    group by {{ fingerprint }}
    having count(*) > 1
  )
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
