{#- One edge per visitor, customer and kind, for the visitors with an edge known in the run's nights. -#}
{% test unique_edges(model) %}
select visitor_id, customer_id, edge_type
from {{ model }}
where visitor_id in (select visitor_id from {{ model }} where {{ in_nights('known_on') }})
group by visitor_id, customer_id, edge_type
having count(*) > 1
{% endtest %}
