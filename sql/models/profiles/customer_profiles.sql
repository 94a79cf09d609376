{% set night = night_literal() %}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='fail',
    pre_hook="{% if is_incremental() %}delete from {{ this }} where night = {{ night_literal() }}{% endif %}",
) }}

with people as (
    select identifier, identifier_type, person_id from {{ source('identity', 'identity_map') }}
    where known_on <= {{ night }} and (void_on is null or void_on > {{ night }})
),

person_days as (
    select people.person_id, days.*
    from {{ ref('person_days') }} as days
    inner join people on days.identifier = people.identifier
    where days.known_on <= {{ night }} and days.event_date <= {{ night }}
),

sessions as (
    select people.person_id, visits.site_id, visits.channel, visits.device_type, visits.country
    from {{ ref('sessions') }} as visits
    inner join people on visits.identifier = people.identifier
    where
        visits.known_on <= {{ night }}
        and visits.session_date <= {{ night }}
        and visits.is_robot is not true
),

profile_events as (
    select people.person_id, events.*
    from {{ ref('stg_profile_events') }} as events
    inner join people on people.identifier = 'customer:' || events.customer_id
    where events.known_on <= {{ night }} and events.event_date <= {{ night }}
),

order_countries as (
    select people.person_id, movements.site_id, max_by(movements.country, (movements.occurred_at, movements.movement_id)) as country
    from {{ ref('order_movements') }} as movements
    inner join people on movements.identifier = people.identifier
    where
        movements.known_on <= {{ night }}
        and movements.movement_date <= {{ night }}
        and movements.country is not null
    group by people.person_id, movements.site_id
),

affinities as (
    select site_id, person_id, kind, value,
        row_number() over (partition by site_id, person_id, kind order by weight desc, value) as place
    from {{ ref('affinities') }}
    where night = {{ night }}
),

customers as (
    select distinct person_id from people
    where identifier_type = 'customer'
),

activity as (
    select
        site_id,
        person_id,
        min(event_date) as first_day,
        max(event_date) as last_day,
        min(event_date) filter (where events > 0 or orders > 0) as first_seen_date,
        max(event_date) filter (where events > 0 or orders > 0) as last_seen_date,
        count(distinct event_date) filter (where events > 0 or orders > 0) as active_days,
        sum(events) as events,
        sum(product_views) as product_views,
        sum(cart_adds) as cart_adds,
        sum(searches) as searches,
        sum(orders) as orders,
        sum(units) as units,
        sum(gross) as gross_revenue,
        sum(gross - discount - cancelled) as sold_revenue,
        sum(net) as net_revenue,
        sum(refunded) as refunded_revenue,
        sum(cost) as cost,
        min(event_date) filter (where orders > 0) as first_order_date,
        max(event_date) filter (where orders > 0) as last_order_date
    from person_days
    group by site_id, person_id
),

-- what a customer said before closing the account counts no more
last_deletions as (
    select site_id, customer_id, max(occurred_at) as deleted_at
    from profile_events
    where event_type = 'account_deleted'
    group by site_id, customer_id
),

statements as (
    select
        profile_events.site_id,
        profile_events.person_id,
        min(profile_events.event_date) as first_day,
        max(profile_events.event_date) as last_day,
        max_by(country, (occurred_at, event_id)) filter (where country is not null and is_standing) as country,
        max_by(loyalty_tier, (occurred_at, event_id)) filter (where loyalty_tier is not null and is_standing) as loyalty_tier,
        max_by(has_email_consent, (occurred_at, event_id))
            filter (where has_email_consent is not null and is_standing) as has_email_consent,
        max_by(has_personalization_consent, (occurred_at, event_id))
            filter (where has_personalization_consent is not null and is_standing) as has_personalization_consent
    from (
        select
            profile_events.*,
            last_deletions.deleted_at is null or profile_events.occurred_at > last_deletions.deleted_at as is_standing
        from profile_events
        left join last_deletions
            on profile_events.site_id = last_deletions.site_id and profile_events.customer_id = last_deletions.customer_id
    ) as profile_events
    group by profile_events.site_id, profile_events.person_id
),

usual_channels as (
    select site_id, person_id, channel,
        row_number() over (partition by site_id, person_id order by count(*) desc, channel) as place
    from sessions
    where channel is not null
    group by site_id, person_id, channel
),

usual_devices as (
    select site_id, person_id, device_type,
        row_number() over (partition by site_id, person_id order by count(*) desc, device_type) as place
    from sessions
    where device_type is not null
    group by site_id, person_id, device_type
),

usual_countries as (
    select site_id, person_id, country,
        row_number() over (partition by site_id, person_id order by count(*) desc, country) as place
    from sessions
    where country is not null
    group by site_id, person_id, country
),

known as (
    select site_id, person_id from activity
    union distinct
    select site_id, person_id from statements
),

rfm as (
    select
        site_id,
        person_id,
        ntile(5) over (partition by site_id order by last_order_date, person_id) as rfm_recency,
        ntile(5) over (partition by site_id order by orders, person_id) as rfm_frequency,
        ntile(5) over (partition by site_id order by net_revenue, person_id) as rfm_monetary
    from activity
    where orders > 0
),

final as (
    select
        {{ night }} as night,
        known.site_id,
        known.person_id,
        customers.person_id is not null as is_customer,
        coalesce(activity.first_seen_date, least(activity.first_day, statements.first_day)) as first_seen_date,
        coalesce(activity.last_seen_date, greatest(activity.last_day, statements.last_day)) as last_seen_date,
        cast(coalesce(activity.active_days, 0) as bigint) as active_days,
        cast(coalesce(activity.events, 0) as bigint) as events,
        cast(coalesce(activity.product_views, 0) as bigint) as product_views,
        cast(coalesce(activity.cart_adds, 0) as bigint) as cart_adds,
        cast(coalesce(activity.searches, 0) as bigint) as searches,
        cast(coalesce(activity.orders, 0) as bigint) as orders,
        cast(coalesce(activity.units, 0) as bigint) as units,
        cast(coalesce(activity.gross_revenue, 0) as decimal(18, 4)) as gross_revenue,
        cast(coalesce(activity.net_revenue, 0) as decimal(18, 4)) as net_revenue,
        cast(coalesce(activity.refunded_revenue, 0) as decimal(18, 4)) as refunded_revenue,
        cast(activity.net_revenue - activity.cost as decimal(18, 4)) as margin,
        case
            when activity.orders > 0
                then cast(cast(activity.net_revenue as double) / activity.orders as decimal(18, 4))
        end as average_order_value,
        case
            when activity.sold_revenue > 0
                then cast(activity.refunded_revenue as double) / cast(activity.sold_revenue as double)
        end as return_rate,
        activity.first_order_date,
        activity.last_order_date,
        cast({{ dbt.datediff('activity.last_order_date', night, 'day') }} as bigint) as recency_days,
        cast(rfm.rfm_recency as integer) as rfm_recency,
        cast(rfm.rfm_frequency as integer) as rfm_frequency,
        cast(rfm.rfm_monetary as integer) as rfm_monetary,
        categories.value as preferred_category,
        brands.value as preferred_brand,
        usual_channels.channel as main_channel,
        usual_devices.device_type as main_device,
        coalesce(statements.country, order_countries.country, usual_countries.country) as country,
        statements.loyalty_tier,
        statements.has_email_consent,
        statements.has_personalization_consent
    from known
    left join activity on known.site_id = activity.site_id and known.person_id = activity.person_id
    left join statements on known.site_id = statements.site_id and known.person_id = statements.person_id
    left join customers on known.person_id = customers.person_id
    left join rfm on known.site_id = rfm.site_id and known.person_id = rfm.person_id
    left join affinities as categories
        on
            known.site_id = categories.site_id and known.person_id = categories.person_id
            and categories.kind = 'category' and categories.place = 1
    left join affinities as brands
        on
            known.site_id = brands.site_id and known.person_id = brands.person_id
            and brands.kind = 'brand' and brands.place = 1
    left join usual_channels
        on known.site_id = usual_channels.site_id and known.person_id = usual_channels.person_id and usual_channels.place = 1
    left join usual_devices
        on known.site_id = usual_devices.site_id and known.person_id = usual_devices.person_id and usual_devices.place = 1
    left join usual_countries
        on known.site_id = usual_countries.site_id and known.person_id = usual_countries.person_id and usual_countries.place = 1
    left join order_countries
        on known.site_id = order_countries.site_id and known.person_id = order_countries.person_id
)

select
    night,
    site_id,
    person_id,
    is_customer,
    first_seen_date,
    last_seen_date,
    active_days,
    events,
    product_views,
    cart_adds,
    searches,
    orders,
    units,
    gross_revenue,
    net_revenue,
    refunded_revenue,
    margin,
    average_order_value,
    return_rate,
    first_order_date,
    last_order_date,
    recency_days,
    cast({{ dbt.datediff('first_seen_date', night, 'day') }} as bigint) as tenure_days,
    rfm_recency,
    rfm_frequency,
    rfm_monetary,
    case
        when first_order_date is null then 'prospect'
        when first_order_date > {{ night }} - interval 30 day then 'new'
        when recency_days <= 45 then 'active'
        when recency_days <= 120 then 'at_risk'
        else 'lapsed'
    end as lifecycle,
    preferred_category,
    preferred_brand,
    main_channel,
    main_device,
    country,
    loyalty_tier,
    has_email_consent,
    has_personalization_consent
from final
