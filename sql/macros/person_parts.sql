{#-
  What adds up to a person's totals, one select a source, each row with the night it counts on. Read by the
  checkpoints (person_totals) and by a night (customer_profiles), so that both add the same. `since` is exclusive.
  A movement without a rate counts as not converted until its rate becomes known, and is taken off then.
-#}

{% macro person_total_columns() -%}
  {{ return([
    'active_days', 'events', 'product_views', 'cart_adds', 'searches', 'wish_list_adds',
    'orders', 'online_orders', 'offline_orders', 'units',
    'movements', 'foreign_movements', 'unconverted_movements', 'uncosted_movements',
    'gross', 'discount', 'cancelled', 'refunded', 'adjusted', 'net', 'costed_net', 'cost',
  ]) }}
{%- endmacro %}

{#- The parts as one relation: site_id, identifier, counts_on, day bounds, sums, last country. -#}
{% macro person_parts(since, until) -%}
  select
    site_id, identifier, {{ counts_on() }} as counts_on,
    event_date as first_day, event_date as last_day,
    case when events > 0 or orders > 0 then event_date end as first_seen_date,
    case when events > 0 or orders > 0 then event_date end as last_seen_date,
    case when orders > 0 then event_date end as first_order_date,
    case when orders > 0 then event_date end as last_order_date,
    0 as active_days, events, product_views, cart_adds, searches, wish_list_adds,
    orders, 0 as online_orders, 0 as offline_orders, units,
    0 as movements, 0 as foreign_movements, 0 as unconverted_movements, 0 as uncosted_movements,
    0 as gross, 0 as discount, 0 as cancelled, 0 as refunded, 0 as adjusted, 0 as net, 0 as costed_net, 0 as cost,
    null as last_country
  from {{ ref('person_days') }}
  where {{ counts_on() }} > {{ since }} and {{ counts_on() }} <= {{ until }}
  union all
  select
    site_id, identifier, {{ counts_on() }},
    null, null, null, null, null, null,
    case when is_new_day then 1 else 0 end, 0, 0, 0, 0, 0,
    0, online_orders, offline_orders, 0,
    0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0,
    null
  from {{ ref('active_days') }}
  where {{ counts_on() }} > {{ since }} and {{ counts_on() }} <= {{ until }}
  union all
  select
    site_id, identifier, {{ counts_on('known_on', 'movement_date') }},
    null, null, null, null, null, null,
    0, 0, 0, 0, 0, 0,
    0, 0, 0, 0,
    1, case when currency <> site_currency then 1 else 0 end, 1, 0,
    0, 0, 0, 0, 0, 0, 0, 0,
    case when country is not null then {{ stated('occurred_at', 'movement_id', 'country') }} end
  from {{ ref('site_amounts') }}
  where
    identifier is not null
    and {{ counts_on('known_on', 'movement_date') }} > {{ since }} and {{ counts_on('known_on', 'movement_date') }} <= {{ until }}
  union all
  select
    site_id, identifier, {{ counts_on('converted_on', 'movement_date') }},
    null, null, null, null, null, null,
    0, 0, 0, 0, 0, 0,
    0, 0, 0, 0,
    0, 0, -1, case when site_cost is null then 1 else 0 end,
    site_gross, site_discount, site_cancelled, site_refunded, site_adjusted, site_net,
    case when site_cost is null then 0 else site_net end, coalesce(site_cost, 0),
    null
  from {{ ref('site_amounts') }}
  where
    identifier is not null
    and converted_on is not null
    and {{ counts_on('converted_on', 'movement_date') }} > {{ since }} and {{ counts_on('converted_on', 'movement_date') }} <= {{ until }}
{%- endmacro %}
