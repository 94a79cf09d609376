-- what the checkpoints are found by
-- depends_on: {{ ref('person_totals') }}
-- depends_on: {{ ref('visit_totals') }}
-- depends_on: {{ ref('statement_totals') }}
{% set night = night_literal() %}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='append_new_columns',
    pre_hook="{% if is_incremental() %}delete from {{ this }} where night = {{ night_literal() }}{% endif %}",
) }}
{%- set sums = person_total_columns() %}
{%- set person_base = base_checkpoint(ref('person_totals')) %}
{%- set visit_base = base_checkpoint(ref('visit_totals')) %}
{%- set statement_base = base_checkpoint(ref('statement_totals')) %}

-- the last checkpoint and the rows since: the same sums as the whole history, at the price of a month
with people as (
    select identifier, identifier_type, person_id from {{ source('identity', 'identity_map') }}
    where known_on <= {{ night }} and (void_on is null or void_on > {{ night }})
),

customers as (
    select distinct person_id from people
    where identifier_type = 'customer'
),

person_parts as (
    {{ person_parts(person_base, night) }}
    union all
    select
        site_id, identifier, checkpoint_date, first_day, last_day, first_seen_date, last_seen_date, first_order_date, last_order_date,
        {{ sums | join(', ') }}, last_country
    from {{ ref('person_totals') }}
    where checkpoint_date = {{ person_base }}
),

activity as (
    select
        parts.site_id,
        people.person_id,
        min(parts.first_day) as first_day,
        max(parts.last_day) as last_day,
        min(parts.first_seen_date) as first_seen_date,
        max(parts.last_seen_date) as last_seen_date,
        min(parts.first_order_date) as first_order_date,
        max(parts.last_order_date) as last_order_date,
        max(parts.last_country)['value'] as last_country,
        {%- for name in sums %}
        sum(parts.{{ name }}) as {{ name }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from person_parts as parts
    inner join people on parts.identifier = people.identifier
    group by parts.site_id, people.person_id
),

visit_parts as (
    select site_id, identifier, channel, device_type, country, sessions, engaged_sessions
    from {{ ref('visit_days') }}
    where {{ counts_on() }} > {{ visit_base }} and {{ counts_on() }} <= {{ night }}
    union all
    select site_id, identifier, channel, device_type, country, sessions, engaged_sessions
    from {{ ref('visit_totals') }}
    where checkpoint_date = {{ visit_base }}
),

visits as (
    select
        parts.site_id,
        people.person_id,
        parts.channel,
        parts.device_type,
        parts.country,
        sum(parts.sessions) as sessions,
        sum(parts.engaged_sessions) as engaged_sessions
    from visit_parts as parts
    inner join people on parts.identifier = people.identifier
    group by parts.site_id, people.person_id, parts.channel, parts.device_type, parts.country
),

mixes as (
    select
        site_id,
        person_id,
        sum(sessions) as sessions,
        sum(engaged_sessions) as engaged_sessions,
        sum(sessions) filter (where device_type = 'mobile') as mobile_sessions,
        sum(sessions) filter (where device_type = 'tablet') as tablet_sessions,
        sum(sessions) filter (where device_type = 'desktop') as desktop_sessions,
        sum(sessions) filter (where channel = 'direct') as direct_sessions,
        sum(sessions) filter (where channel = 'organic_search') as organic_sessions,
        sum(sessions) filter (where channel like 'paid%' or channel in ('display', 'affiliates', 'cross_network')) as paid_sessions,
        sum(sessions) filter (where channel = 'email') as email_sessions,
        sum(sessions) filter (where channel = 'organic_social') as social_sessions
    from visits
    group by site_id, person_id
),

-- the least of (-sessions, word) is the word of most sessions; ties go by the word
usual as (
    select
        site_id,
        person_id,
        min(row(-by_channel, channel)) filter (where channel <> 'unknown') as channel,
        min(row(-by_device, device_type)) filter (where device_type <> 'unknown') as device_type,
        min(row(-by_country, country)) filter (where country is not null) as country
    from (
        select
            site_id,
            person_id,
            channel,
            device_type,
            country,
            sum(sessions) over (partition by site_id, person_id, channel) as by_channel,
            sum(sessions) over (partition by site_id, person_id, device_type) as by_device,
            sum(sessions) over (partition by site_id, person_id, country) as by_country
        from visits
    ) as counted
    group by site_id, person_id
),

statement_parts as (
    {{ statement_parts(statement_base, night) }}
    union all
    select site_id, identifier, source_system, checkpoint_date, first_day, last_day, deleted_at, {{ statement_columns() | join(', ') }}
    from {{ ref('statement_totals') }}
    where checkpoint_date = {{ statement_base }}
),

-- what a customer said before closing the account counts no more
said as (
    select
        site_id,
        identifier,
        source_system,
        min(first_day) as first_day,
        max(last_day) as last_day,
        max(max(deleted_at)) over (partition by site_id, identifier) as deleted_at,
        {%- for name in statement_columns() %}
        max({{ name }}) as {{ name }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from statement_parts
    group by site_id, identifier, source_system
),

precedence as (
    select name, detail, number from {{ source('profiles', 'settings') }}
    where night = {{ night }} and topic = 'precedence'
),

-- place of each source system for each attribute; null where it does not speak for it
places as (
    select
        systems.source_system,
        {%- for name in statement_columns() %}
        coalesce(
            min(precedence.number) filter (where precedence.name = '{{ name }}' and precedence.detail = systems.source_system),
            min(precedence.number) filter (where precedence.name = '{{ name }}' and precedence.detail = '*')
        ) as {{ name }}_place{% if not loop.last %},{% endif %}
        {%- endfor %}
    from (select distinct source_system from said) as systems
    cross join precedence
    group by systems.source_system
),

statements as (
    select
        said.site_id,
        people.person_id,
        min(said.first_day) as first_day,
        max(said.last_day) as last_day,
        {%- for name in statement_columns() %}
        (max(row(-places.{{ name }}_place, said.{{ name }}.stated_at, said.{{ name }}.event_id, said.{{ name }}.value)) filter (
            where
            places.{{ name }}_place is not null
            and said.{{ name }} is not null
            and (said.deleted_at is null or said.{{ name }}.stated_at > said.deleted_at)
        ))[4] as {{ name }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from said
    inner join people on said.identifier = people.identifier
    left join places on said.source_system = places.source_system
    group by said.site_id, people.person_id
),

-- windows are read from the daily sums themselves: their cost is that of the window
window_rows as (
    select
        site_id, identifier, event_date, events, product_views, cart_adds, searches, 0 as sessions, 0 as orders, 0 as net,
        events > 0 as is_active
    from {{ ref('person_days') }}
    where known_on <= {{ night }} and event_date <= {{ night }} and event_date > {{ night }} - interval 28 day
    union all
    select
        site_id, identifier, event_date, 0 as events, 0 as product_views, 0 as cart_adds, 0 as searches, sessions, 0 as orders, 0 as net,
        false as is_active
    from {{ ref('visit_days') }}
    where known_on <= {{ night }} and event_date <= {{ night }} and event_date > {{ night }} - interval 90 day
    union all
    select
        site_id, identifier, event_date, 0 as events, 0 as product_views, 0 as cart_adds, 0 as searches, 0 as sessions,
        online_orders + offline_orders as orders, 0 as net, true as is_active
    from {{ ref('active_days') }}
    where
        known_on <= {{ night }} and event_date <= {{ night }} and event_date > {{ night }} - interval 365 day
        and online_orders + offline_orders > 0
    union all
    select
        site_id, identifier, movement_date as event_date, 0 as events, 0 as product_views, 0 as cart_adds, 0 as searches, 0 as sessions,
        0 as orders, site_net as net, false as is_active
    from {{ ref('site_amounts') }}
    where converted_on <= {{ night }} and movement_date <= {{ night }} and movement_date > {{ night }} - interval 365 day
),

windows as (
    select
        rows_in.site_id,
        people.person_id,
        count(distinct event_date) filter (where is_active and event_date > {{ night }} - interval 28 day) as active_days_28d,
        sum(events) filter (where event_date > {{ night }} - interval 7 day) as events_7d,
        sum(events) as events_28d,
        sum(product_views) filter (where event_date > {{ night }} - interval 7 day) as product_views_7d,
        sum(product_views) as product_views_28d,
        sum(cart_adds) filter (where event_date > {{ night }} - interval 7 day) as cart_adds_7d,
        sum(cart_adds) as cart_adds_28d,
        sum(searches) as searches_28d,
        sum(sessions) filter (where event_date > {{ night }} - interval 7 day) as sessions_7d,
        sum(sessions) filter (where event_date > {{ night }} - interval 28 day) as sessions_28d,
        sum(sessions) as sessions_90d,
        sum(orders) filter (where event_date > {{ night }} - interval 28 day) as orders_28d,
        sum(orders) filter (where event_date > {{ night }} - interval 90 day) as orders_90d,
        sum(orders) as orders_365d,
        sum(net) filter (where event_date > {{ night }} - interval 28 day) as net_revenue_28d,
        sum(net) filter (where event_date > {{ night }} - interval 90 day) as net_revenue_90d,
        sum(net) as net_revenue_365d
    from window_rows as rows_in
    inner join people on rows_in.identifier = people.identifier
    group by rows_in.site_id, people.person_id
),

-- hot: the last session, if it is recent
last_sessions as (
    select
        visits.site_id,
        people.person_id,
        visits.session_date as hot_session_date,
        visits.channel as hot_channel,
        visits.device_type as hot_device,
        visits.events as hot_events,
        visits.product_views as hot_product_views,
        visits.cart_adds as hot_cart_adds,
        visits.searches as hot_searches,
        row_number() over (
            partition by visits.site_id, people.person_id order by visits.started_at desc, visits.session_id desc
        ) as place
    from {{ ref('sessions') }} as visits
    inner join people on visits.identifier = people.identifier
    where
        visits.known_on <= {{ night }}
        and visits.session_date <= {{ night }}
        and visits.session_date > {{ night }} - interval {{ profile_setting('affinities', 'hot_days') }} day
        and visits.is_robot is not true
),

-- the least of (-weight, value) is the value of most weight; ties go by the value
affinities as (
    select
        site_id,
        person_id,
        (min(row(-weight, value)) filter (where kind = 'category'))[2] as preferred_category,
        (min(row(-weight, value)) filter (where kind = 'brand'))[2] as preferred_brand,
        (min(row(-weight, value)) filter (where kind = 'price_band'))[2] as preferred_price_band,
        (min(row(-weight, value)) filter (where kind = 'hour'))[2] as preferred_hour,
        (min(row(-weight, value)) filter (where kind = 'weekday'))[2] as preferred_weekday,
        (min(row(-hot_weight, value)) filter (where kind = 'category' and hot_weight > 0))[2] as hot_category,
        (min(row(-hot_weight, value)) filter (where kind = 'brand' and hot_weight > 0))[2] as hot_brand
    from {{ ref('affinities') }}
    where night = {{ night }}
    group by site_id, person_id
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
        ntile(5) over (partition by site_id order by net, person_id) as rfm_monetary
    from activity
    where orders > 0
),

sites as (
    select site_id, currency from {{ source('raw', 'sites') }}
),

final as (
    select
        known.site_id,
        known.person_id,
        customers.person_id is not null as is_customer,
        statements.company_id,
        coalesce(activity.first_seen_date, least(activity.first_day, statements.first_day)) as first_seen_date,
        coalesce(activity.last_seen_date, greatest(activity.last_day, statements.last_day)) as last_seen_date,
        {%- for name in ['active_days', 'events', 'product_views', 'cart_adds', 'searches', 'wish_list_adds', 'orders',
            'online_orders', 'offline_orders', 'units', 'foreign_movements', 'unconverted_movements', 'uncosted_movements'] %}
        cast(coalesce(activity.{{ name }}, 0) as bigint) as {{ name }},
        {%- endfor %}
        sites.currency,
        cast(coalesce(activity.gross, 0) as decimal(18, 4)) as gross_revenue,
        cast(coalesce(activity.net, 0) as decimal(18, 4)) as net_revenue,
        cast(coalesce(activity.refunded, 0) as decimal(18, 4)) as refunded_revenue,
        cast(
            case
                when activity.movements - activity.unconverted_movements > activity.uncosted_movements
                    then activity.costed_net - activity.cost
            end
            as decimal(18, 4)
        ) as margin,
        activity.costed_net,
        activity.gross - activity.discount - activity.cancelled as sold_revenue,
        activity.first_order_date,
        activity.last_order_date,
        cast({{ dbt.datediff('activity.first_order_date', 'activity.last_order_date', 'day') }} as bigint) as ordering_days,
        cast({{ dbt.datediff('activity.last_order_date', night, 'day') }} as bigint) as recency_days,
        cast(rfm.rfm_recency as integer) as rfm_recency,
        cast(rfm.rfm_frequency as integer) as rfm_frequency,
        cast(rfm.rfm_monetary as integer) as rfm_monetary,
        {%- for name in ['active_days_28d', 'events_7d', 'events_28d', 'product_views_7d', 'product_views_28d', 'cart_adds_7d',
            'cart_adds_28d', 'searches_28d', 'sessions_7d', 'sessions_28d', 'sessions_90d', 'orders_28d', 'orders_90d', 'orders_365d'] %}
        cast(coalesce(windows.{{ name }}, 0) as bigint) as {{ name }},
        {%- endfor %}
        {%- for days in [28, 90, 365] %}
        cast(coalesce(windows.net_revenue_{{ days }}d, 0) as decimal(18, 4)) as net_revenue_{{ days }}d,
        {%- endfor %}
        cast(coalesce(mixes.sessions, 0) as bigint) as sessions,
        cast(coalesce(mixes.engaged_sessions, 0) as bigint) as engaged_sessions,
        {%- for name in ['mobile', 'tablet', 'desktop', 'direct', 'organic', 'paid', 'email', 'social'] %}
        case when mixes.sessions > 0 then cast(coalesce(mixes.{{ name }}_sessions, 0) as double) / mixes.sessions end as {{ name }}_share,
        {%- endfor %}
        usual.channel[2] as main_channel,
        usual.device_type[2] as main_device,
        affinities.preferred_category,
        affinities.preferred_brand,
        affinities.preferred_price_band,
        cast(affinities.preferred_hour as integer) as preferred_hour,
        affinities.preferred_weekday,
        last_sessions.hot_session_date,
        last_sessions.hot_channel,
        last_sessions.hot_device,
        cast(coalesce(last_sessions.hot_events, 0) as bigint) as hot_events,
        cast(coalesce(last_sessions.hot_product_views, 0) as bigint) as hot_product_views,
        cast(coalesce(last_sessions.hot_cart_adds, 0) as bigint) as hot_cart_adds,
        cast(coalesce(last_sessions.hot_searches, 0) as bigint) as hot_searches,
        affinities.hot_category,
        affinities.hot_brand,
        coalesce(statements.country, activity.last_country, usual.country[2]) as country,
        statements.loyalty_tier,
        statements.eligibility,
        cast(statements.has_email_consent as boolean) as has_email_consent,
        cast(statements.has_personalization_consent as boolean) as has_personalization_consent
    from known
    left join activity on known.site_id = activity.site_id and known.person_id = activity.person_id
    left join statements on known.site_id = statements.site_id and known.person_id = statements.person_id
    left join customers on known.person_id = customers.person_id
    left join rfm on known.site_id = rfm.site_id and known.person_id = rfm.person_id
    left join windows on known.site_id = windows.site_id and known.person_id = windows.person_id
    left join mixes on known.site_id = mixes.site_id and known.person_id = mixes.person_id
    left join usual on known.site_id = usual.site_id and known.person_id = usual.person_id
    left join last_sessions
        on known.site_id = last_sessions.site_id and known.person_id = last_sessions.person_id and last_sessions.place = 1
    left join affinities on known.site_id = affinities.site_id and known.person_id = affinities.person_id
    left join sites on known.site_id = sites.site_id
)

select
    {{ night }} as night,
    site_id,
    person_id,
    is_customer,
    orders <= 0 as is_prospect,
    company_id is not null as is_business,
    online_orders > 0 and offline_orders > 0 as is_cross_channel,
    first_seen_date,
    last_seen_date,
    cast({{ dbt.datediff('first_seen_date', night, 'day') }} as bigint) as tenure_days,
    active_days,
    active_days_28d,
    sessions,
    engaged_sessions,
    sessions_7d,
    sessions_28d,
    sessions_90d,
    events,
    events_7d,
    events_28d,
    product_views,
    product_views_7d,
    product_views_28d,
    cart_adds,
    cart_adds_7d,
    cart_adds_28d,
    searches,
    searches_28d,
    wish_list_adds,
    orders,
    online_orders,
    offline_orders,
    orders_28d,
    orders_90d,
    orders_365d,
    units,
    currency,
    gross_revenue,
    net_revenue,
    net_revenue_28d,
    net_revenue_90d,
    net_revenue_365d,
    refunded_revenue,
    margin,
    case when costed_net > 0 then cast(margin as double) / cast(costed_net as double) end as margin_rate,
    uncosted_movements,
    foreign_movements,
    unconverted_movements,
    case
        when orders > 0 and unconverted_movements = 0 then cast(cast(net_revenue as double) / orders as decimal(18, 4))
    end as average_order_value,
    case when sold_revenue > 0 then cast(refunded_revenue as double) / cast(sold_revenue as double) end as return_rate,
    first_order_date,
    last_order_date,
    recency_days,
    case when orders > 1 then cast(ordering_days as double) / (orders - 1) end as days_between_orders,
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
    preferred_price_band,
    preferred_hour,
    preferred_weekday,
    main_channel,
    direct_share,
    organic_share,
    paid_share,
    email_share,
    social_share,
    main_device,
    mobile_share,
    tablet_share,
    desktop_share,
    hot_session_date,
    hot_channel,
    hot_device,
    hot_events,
    hot_product_views,
    hot_cart_adds,
    hot_searches,
    hot_category,
    hot_brand,
    greatest(events - hot_events, 0) as cold_events,
    greatest(product_views - hot_product_views, 0) as cold_product_views,
    greatest(cart_adds - hot_cart_adds, 0) as cold_cart_adds,
    greatest(searches - hot_searches, 0) as cold_searches,
    country,
    company_id,
    loyalty_tier,
    eligibility,
    has_email_consent,
    has_personalization_consent
from final
