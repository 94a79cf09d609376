{#- An expression holds for every row on the days that the run touched. -#}
{% test holds_in_touched_days(model, expression, streams, day_column='event_date') %}
select *
from {{ model }}
where
  not coalesce({{ expression }}, false)
  and {{ in_days(day_column, touched_days(streams)) if execute else 'true' }}
{% endtest %}
