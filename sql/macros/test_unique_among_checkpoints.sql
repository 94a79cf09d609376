{#- A key is unique among the rows of the newest checkpoint; the others were tested when they were the newest. -#}
{% test unique_among_checkpoints(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
where checkpoint_date = (select max(checkpoint_date) from {{ model }})
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
