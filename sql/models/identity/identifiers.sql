{{ config(meta={'replaced_rows': 'identifiers'}, contract={'enforced': true}) }}

with seen as (
    {{ identifiers_seen('storefront_events', {'customer': proven_customer(), 'visitor': 'visitor_id'}) }}
    union all
    {{ identifiers_seen('recommendation_events', {'customer': 'customer_id', 'visitor': 'visitor_id'}) }}
    union all
    {{ identifiers_seen('order_events', {
        'customer': 'customer_id', 'visitor': 'visitor_id', 'email': 'email_hash', 'loyalty': 'loyalty_id',
    }) }}
    union all
    {{ identifiers_seen('profile_events', {
        'customer': 'customer_id', 'visitor': 'visitor_id', 'email': 'email_hash', 'phone': 'phone_hash', 'loyalty': 'loyalty_id',
    }) }}
    union all
    {{ identifiers_seen('message_events', {'customer': 'customer_id', 'visitor': 'visitor_id'}) }}
),

first_seen as (
    select
        identifier,
        min(known_on) as known_on
    from seen
    group by identifier
)

select
    first_seen.identifier,
    {{ split_part('first_seen.identifier', "':'", 1) }} as identifier_type,
    first_seen.known_on
from first_seen
{%- if execute and is_incremental() %}
-- most who came tonight were known before: their rows stay as they are
where not exists (
    select 1
    from {{ this }} as known
    where first_seen.identifier = known.identifier and first_seen.known_on >= known.known_on
)
{%- endif %}
