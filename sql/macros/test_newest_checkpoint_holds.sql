{#- An expression holds for every row of the newest checkpoint. -#}
{% test newest_checkpoint_holds(model, expression) %}
select *
from {{ model }}
where
  checkpoint_date = (select max(checkpoint_date) from {{ model }})
  and not coalesce({{ expression }}, false)
{% endtest %}
