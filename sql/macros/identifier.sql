{#- Who a record is about: the customer where the record names one, else the visitor; null where it names nobody. -#}
{% macro identifier(customer_id='customer_id', visitor_id='visitor_id') -%}
  case
    when {{ customer_id }} is not null then 'customer:' || {{ customer_id }}
    when {{ visitor_id }} is not null then 'visitor:' || {{ visitor_id }}
  end
{%- endmacro %}

{#- Customer that a storefront event proves: who merely tries to sign in has proved nothing. `of`: the table's name. -#}
{% macro proven_customer(of='') -%}
  {%- set of = of ~ '.' if of else '' -%}
  case when {{ of }}event_type = 'sign_in' and not coalesce({{ of }}is_success, false) then null else {{ of }}customer_id end
{%- endmacro %}
