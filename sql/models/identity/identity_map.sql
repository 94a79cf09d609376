{{ config(meta={'streams': ['storefront_events'], 'replaced_rows': 'identifiers'}, contract={'enforced': true}) }}

with touched as (
    {{ identifiers_seen('storefront_events', proven_customer()) }}
    union all
    {{ identifiers_seen('recommendation_events') }}
    union all
    {{ identifiers_seen('order_events') }}
    union all
    {{ identifiers_seen('profile_events') }}
    union all
    {{ identifiers_seen('message_events') }}
),

{%- if execute and is_incremental() %}

-- most people who came tonight were known before and nothing about them changes: their rows stay as they are
changeable as (
    select identifier from touched
    where
        identifier in (select 'visitor:' || visitor_id from {{ ref('identity_edges') }})
        or identifier in (select identifier from {{ this }} where void_on is not null)
        or identifier in (select identifier from {{ this }} where person_id <> {{ person_id('identifier') }})
    union
    select touched.identifier from touched
    where not exists (
        select 1
        from {{ this }} as known
        where known.identifier = touched.identifier and known.known_on <= touched.known_on
    )
),
{%- endif %}

seen as (
    select
        identifier,
        known_on
    from touched
    {%- if execute and is_incremental() %}
    where identifier in (select identifier from changeable)
    union all
    select
        identifier,
        known_on
    from {{ this }}
    where identifier in (select identifier from changeable)
    {%- endif %}
),

identifiers as (
    select
        identifier,
        min(known_on) as known_on
    from seen
    group by identifier
),

-- a visitor's customers in the order in which they became known
ranked_edges as (
    select
        'visitor:' || visitor_id as identifier,
        'customer:' || customer_id as customer_identifier,
        confidence,
        known_on,
        row_number() over (partition by visitor_id order by known_on, first_known_at, customer_id) as customer_rank
    from {{ ref('identity_edges') }}
    {%- if execute and is_incremental() %}
    where 'visitor:' || visitor_id in (select identifier from identifiers)
    {%- endif %}
),

links as (
    select * from ranked_edges where customer_rank = 1
),

shared_devices as (
    select
        identifier,
        known_on
    from ranked_edges
    where customer_rank = {{ var('shared_device_customers') }} + 1
),

stretches as (
    -- on its own: a customer always, a visitor until its first sign-in became known
    select
        identifiers.identifier,
        {{ person_id('identifiers.identifier') }} as person_id,
        cast(1 as double) as confidence,
        identifiers.known_on,
        links.known_on as void_on
    from identifiers
    left join links on identifiers.identifier = links.identifier
    union all
    -- linked to its first customer
    select
        links.identifier,
        {{ person_id('links.customer_identifier') }} as person_id,
        links.confidence,
        links.known_on,
        shared_devices.known_on as void_on
    from links
    left join shared_devices on links.identifier = shared_devices.identifier
    union all
    -- a shared device stands for itself again
    select
        identifier,
        {{ person_id('identifier') }} as person_id,
        cast(1 as double) as confidence,
        known_on,
        cast(null as date) as void_on
    from shared_devices
)

select
    identifier,
    {{ split_part('identifier', "':'", 1) }} as identifier_type,
    person_id,
    confidence,
    known_on,
    void_on
from stretches
where void_on is null or void_on > known_on
