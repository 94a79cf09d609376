{#-
  A key is unique on the days that the run touched. Whole history is not read again every night: days that no
  night touches do not change.
-#}
{% test unique_in_touched_days(model, columns, streams, day_column='event_date') %}
select {{ columns | join(', ') }}
from {{ model }}
where {{ in_days(day_column, touched_days(streams)) if execute else 'true' }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
