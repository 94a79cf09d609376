{#-
  What source systems say of a customer, so that the newest statement can be found without reading all of them:
  each attribute with when it was stated and by which record. Read by statement_totals and by customer_profiles.
-#}

{% macro statement_columns() -%}
  {{ return(['country', 'loyalty_tier', 'company_id', 'eligibility', 'has_email_consent', 'has_personalization_consent']) }}
{%- endmacro %}

{% macro statement_parts(since, until) -%}
  select
    site_id,
    'customer:' || customer_id as identifier,
    coalesce(source_system, '') as source_system,
    {{ counts_on() }} as counts_on,
    event_date as first_day,
    event_date as last_day,
    case when event_type = 'account_deleted' then occurred_at end as deleted_at,
    {%- for name in statement_columns() %}
    {%- set value = json_text('attributes', 'eligibility') if name == 'eligibility' else name %}
    case when {{ value }} is not null then {{ stated('occurred_at', 'event_id', value) }} end as {{ name }}{% if not loop.last %},{% endif %}
    {%- endfor %}
  from {{ ref('stg_profile_events') }}
  where {{ counts_on() }} > {{ since }} and {{ counts_on() }} <= {{ until }}
{%- endmacro %}
