{#- Within the night, the columns together name one row. Other nights were tested when they were made. -#}
{% test unique_in_night(model, columns) %}
select
    {{ columns | join(',\n    ') }},
    count(*) as copies
from {{ model }}
where night = {{ night_literal() }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
