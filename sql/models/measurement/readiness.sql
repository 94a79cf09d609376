{% set night = night_literal() %}

with needs (stream, event_type, needed_for, minimum_events, is_standing) as (
    values
    ('storefront', 'product_view', 'product affinities and item models', 1000, false),
    ('storefront', 'add_to_cart', 'cart recommendations and cart triggers', 100, false),
    ('storefront', 'sign_in', 'joining devices to customers', 50, false),
    ('storefront', 'search_request', 'search segments and search terms', 100, false),
    ('storefront', 'checkout_complete', 'revenue by channel', 30, false),
    ('recommendation', 'served', 'recommendation funnel and lift', 1000, false),
    ('recommendation', 'rendered', 'click-through rate', 1000, false),
    ('recommendation', 'viewed', 'viewability', 1000, false),
    ('recommendation', 'clicked', 'clicks and click-through rate', 30, false),
    ('order', 'order_placed', 'revenue, lift and purchase models', 100, false),
    ('order', 'line_refunded', 'net revenue and return rates', 1, false),
    -- a customer file or a catalogue may be delivered once and stand: all that ever came counts
    ('profile', 'profile_record', 'consent, loyalty and audiences', 1, true),
    ('catalog', 'item_upserted', 'filters, affinities and recommendations', 1, true)
),

recent as (
    select 'storefront' as stream, site_id, event_type, event_date, known_on from {{ ref('stg_storefront_events') }}
    where event_date > {{ night }} - interval 28 day and event_date <= {{ night }} and is_robot is not true
    union all
    select 'recommendation' as stream, site_id, event_type, event_date, known_on from {{ ref('stg_recommendation_events') }}
    where event_date > {{ night }} - interval 28 day and event_date <= {{ night }} and is_robot is not true
    union all
    select 'order' as stream, site_id, event_type, event_date, known_on from {{ ref('stg_order_events') }}
    where event_date > {{ night }} - interval 28 day and event_date <= {{ night }}
    union all
    select 'profile' as stream, site_id, event_type, event_date, known_on from {{ ref('stg_profile_events') }}
    where event_date <= {{ night }}
    union all
    select 'catalog' as stream, site_id, event_type, event_date, known_on from {{ ref('stg_catalog_items') }}
    where event_date <= {{ night }}
),

events as (
    select
        stream,
        site_id,
        event_type,
        count(*) as events,
        count(*) filter (where event_date > {{ night }} - interval 28 day) as events_28d
    from recent
    where known_on <= {{ night }}
    group by stream, site_id, event_type
),

final as (
    select
        sites.site_id,
        needs.event_type,
        needs.needed_for,
        needs.minimum_events,
        coalesce(events.events_28d, 0) as events_28d,
        case when needs.is_standing then coalesce(events.events, 0) else coalesce(events.events_28d, 0) end as events_counted
    from {{ source('raw', 'sites') }} as sites
    cross join needs
    left join events
        on
            sites.site_id = events.site_id
            and needs.stream = events.stream
            and needs.event_type = events.event_type
)

select
    {{ night }} as night,
    site_id,
    event_type,
    needed_for,
    events_28d,
    case
        when events_counted = 0 then 'missing'
        when events_counted < minimum_events then 'few'
        else 'ready'
    end as status,
    case
        when events_counted = 0 then 'No ' || event_type || ' event arrived; send it to have ' || needed_for || '.'
        when events_counted < minimum_events
            then 'Only ' || events_counted || ' of at least ' || minimum_events || ' ' || event_type || ' events arrived.'
        else 'Enough ' || event_type || ' events arrived.'
    end as reason
from final
