{#- The expression is true in every row of the night; NULL is not false. -#}
{% test expression_holds_in_night(model, expression) %}
select *
from {{ model }}
where night = {{ night_literal() }} and not ({{ expression }})
{% endtest %}
