{#- One row per pair of identifiers and kind of evidence, for the pairs with an edge known in the run's nights. -#}
{% test unique_edges(model) %}
select identifier, other_identifier, edge_type
from {{ model }}
where identifier in (select identifier from {{ model }} where {{ in_nights('known_on') }})
group by identifier, other_identifier, edge_type
having count(*) > 1
{% endtest %}
