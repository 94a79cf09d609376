{#- Who a record is about: the customer where the record names one, else the visitor; null where it names nobody. -#}
{% macro identifier(customer_id='customer_id', visitor_id='visitor_id') -%}
  case
    when {{ customer_id }} is not null then 'customer:' || {{ customer_id }}
    when {{ visitor_id }} is not null then 'visitor:' || {{ visitor_id }}
  end
{%- endmacro %}

{#- Customer that a storefront event proves: who merely tries to sign in has proved nothing. -#}
{% macro proven_customer() -%}
  case when event_type = 'sign_in' and not coalesce(is_success, false) then null else customer_id end
{%- endmacro %}
