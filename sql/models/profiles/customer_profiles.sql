-- what the checkpoints are found by
-- depends_on: {{ ref('person_totals') }}
-- depends_on: {{ ref('visit_totals') }}
-- depends_on: {{ ref('statement_totals') }}
{% set night = night_literal() %}
{%- set sums = person_total_columns() %}
{%- set person_base = base_checkpoint(ref('person_totals')) %}
{%- set visit_base = base_checkpoint(ref('visit_totals')) %}
{%- set statement_base = base_checkpoint(ref('statement_totals')) %}

-- the last checkpoint and the rows since: the same sums as the whole history, at the price of a month
with mapped as (
    select identifier, identifier_type, person_id from {{ source('identity', 'identity_map') }}
    where known_on <= {{ night }} and (void_on is null or void_on > {{ night }})
),

-- people go by number until the end: grouping and joining by texts is what costs. The order is that of the texts, which decides ties
persons as (
    select person_id, row_number() over (order by person_id) as person_no
    from (select distinct person_id from mapped) as everybody
),

people as (
    select mapped.identifier, mapped.identifier_type, persons.person_no from mapped
    inner join persons on mapped.person_id = persons.person_id
),

customers as (
    select distinct person_no from people
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
        people.person_no,
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
    group by parts.site_id, people.person_no
),

visit_parts as (
    select site_id, identifier, channel, device_type, country, sessions, engaged_sessions, first_touch, last_touch
    from {{ ref('visit_days') }}
    where {{ counts_on() }} > {{ visit_base }} and {{ counts_on() }} <= {{ night }}
    union all
    select site_id, identifier, channel, device_type, country, sessions, engaged_sessions, first_touch, last_touch
    from {{ ref('visit_totals') }}
    where checkpoint_date = {{ visit_base }}
),

visits as (
    select
        parts.site_id,
        people.person_no,
        parts.channel,
        parts.device_type,
        parts.country,
        sum(parts.sessions) as sessions,
        sum(parts.engaged_sessions) as engaged_sessions
    from visit_parts as parts
    inner join people on parts.identifier = people.identifier
    group by parts.site_id, people.person_no, parts.channel, parts.device_type, parts.country
),

mixes as (
    select
        site_id,
        person_no,
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
    group by site_id, person_no
),

bounds as (
    select
        parts.site_id,
        people.person_no,
        min(parts.first_touch['started_at']) as first_started_at,
        max(parts.last_touch['started_at']) as last_started_at
    from visit_parts as parts
    inner join people on parts.identifier = people.identifier
    group by parts.site_id, people.person_no
),

-- comparing moments first leaves one or two rows a person to compare in full
touches as (
    select
        bounds.site_id,
        bounds.person_no,
        min(row(parts.first_touch, parts.channel)) filter (where parts.first_touch['started_at'] = bounds.first_started_at) as first_one,
        max(row(parts.last_touch, parts.channel)) filter (where parts.last_touch['started_at'] = bounds.last_started_at) as last_one
    from visit_parts as parts
    inner join people on parts.identifier = people.identifier
    inner join bounds on parts.site_id = bounds.site_id and people.person_no = bounds.person_no
    where parts.first_touch['started_at'] = bounds.first_started_at or parts.last_touch['started_at'] = bounds.last_started_at
    group by bounds.site_id, bounds.person_no
),

-- the least of (-sessions, word) is the word of most sessions; ties go by the word
{%- for name in ['channel', 'device_type', 'country'] %}
by_{{ name }} as (
    select site_id, person_no, min(row(-sessions, {{ name }}))[2] as {{ name }}
    from (
        select site_id, person_no, {{ name }}, sum(sessions) as sessions from visits
        where {{ name ~ ' is not null' if name == 'country' else name ~ " <> 'unknown'" }}
        group by site_id, person_no, {{ name }}
    ) as counted
    group by site_id, person_no
),
{% endfor %}
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
        people.person_no,
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
    group by said.site_id, people.person_no
),

-- windows are read from the daily sums themselves: their cost is that of the window. An active day is a bit, which is
-- cheaper to count once than the day
window_rows as (
    select
        site_id, identifier, event_date, events, product_views, cart_adds, searches, 0 as sessions, 0 as orders, 0 as net,
        case when events > 0 then cast(power(2, {{ dbt.datediff('event_date', night, 'day') }}) as bigint) end as active_day
    from {{ ref('person_days') }}
    where known_on <= {{ night }} and event_date <= {{ night }} and event_date > {{ night }} - interval 28 day
    union all
    select
        site_id, identifier, event_date, 0 as events, 0 as product_views, 0 as cart_adds, 0 as searches, sessions, 0 as orders, 0 as net,
        null as active_day
    from {{ ref('visit_days') }}
    where known_on <= {{ night }} and event_date <= {{ night }} and event_date > {{ night }} - interval 90 day
    union all
    select
        site_id, identifier, event_date, 0 as events, 0 as product_views, 0 as cart_adds, 0 as searches, 0 as sessions,
        online_orders + offline_orders as orders, 0 as net,
        case
            when event_date > {{ night }} - interval 28 day then cast(power(2, {{ dbt.datediff('event_date', night, 'day') }}) as bigint)
        end as active_day
    from {{ ref('active_days') }}
    where
        known_on <= {{ night }} and event_date <= {{ night }} and event_date > {{ night }} - interval 365 day
        and online_orders + offline_orders > 0
    union all
    select
        site_id, identifier, movement_date as event_date, 0 as events, 0 as product_views, 0 as cart_adds, 0 as searches, 0 as sessions,
        0 as orders, site_net as net, null as active_day
    from {{ ref('site_amounts') }}
    where converted_on <= {{ night }} and movement_date <= {{ night }} and movement_date > {{ night }} - interval 365 day
),

windows as (
    select
        rows_in.site_id,
        people.person_no,
        bit_count(bit_or(active_day)) as active_days_28d,
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
    group by rows_in.site_id, people.person_no
),

-- hot: the last session, if it is recent
last_sessions as (
    select
        visits.site_id,
        people.person_no,
        visits.session_date as hot_session_date,
        visits.channel as hot_channel,
        visits.device_type as hot_device,
        visits.events as hot_events,
        visits.product_views as hot_product_views,
        visits.cart_adds as hot_cart_adds,
        visits.searches as hot_searches,
        row_number() over (
            partition by visits.site_id, people.person_no order by visits.started_at desc, visits.session_id desc
        ) as place
    from {{ ref('sessions') }} as visits
    inner join people on visits.identifier = people.identifier
    where
        visits.known_on <= {{ night }}
        and visits.session_date <= {{ night }}
        and visits.session_date > {{ night }} - interval {{ profile_setting('affinities', 'hot_days') }} day
        and visits.is_robot is not true
),

-- the value of most weight stands in place 1; the least of (-hot_weight, value) is the hottest, ties by the value
affinities as (
    select
        site_id,
        person_id,
        {%- for kind in ['category', 'brand', 'price_band', 'hour', 'weekday'] %}
        max(value) filter (where kind = '{{ kind }}' and place = 1) as preferred_{{ kind }},
        {%- endfor %}
        (min(row(-hot_weight, value)) filter (where kind = 'category' and hot_weight > 0))[2] as hot_category,
        (min(row(-hot_weight, value)) filter (where kind = 'brand' and hot_weight > 0))[2] as hot_brand
    from {{ ref('affinities') }}
    where
        night = {{ night }}
        and kind in ('category', 'brand', 'price_band', 'hour', 'weekday')
        and (place = 1 or hot_weight > 0 and kind in ('category', 'brand'))
    group by site_id, person_id
),

known as (
    select site_id, person_no from activity
    union distinct
    select site_id, person_no from statements
),

rfm as (
    select
        site_id,
        person_no,
        ntile(5) over (partition by site_id order by last_order_date, person_no) as rfm_recency,
        ntile(5) over (partition by site_id order by orders, person_no) as rfm_frequency,
        ntile(5) over (partition by site_id order by net, person_no) as rfm_monetary
    from activity
    where orders > 0
),

sites as (
    select site_id, currency from {{ source('raw', 'sites') }}
),

final as (
    select
        known.site_id,
        persons.person_id,
        customers.person_no is not null as is_customer,
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
        by_channel.channel as main_channel,
        by_device_type.device_type as main_device,
        {%- for name in ['first', 'last'] %}
        nullif(touches.{{ name }}_one[2], 'unknown') as {{ name }}_touch_channel,
        touches.{{ name }}_one[1]['source'] as {{ name }}_touch_source,
        touches.{{ name }}_one[1]['medium'] as {{ name }}_touch_medium,
        {%- endfor %}
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
        coalesce(statements.country, activity.last_country, by_country.country) as country,
        statements.loyalty_tier,
        statements.eligibility,
        cast(statements.has_email_consent as boolean) as has_email_consent,
        cast(statements.has_personalization_consent as boolean) as has_personalization_consent
    from known
    inner join persons on known.person_no = persons.person_no
    left join activity on known.site_id = activity.site_id and known.person_no = activity.person_no
    left join statements on known.site_id = statements.site_id and known.person_no = statements.person_no
    left join customers on known.person_no = customers.person_no
    left join rfm on known.site_id = rfm.site_id and known.person_no = rfm.person_no
    left join windows on known.site_id = windows.site_id and known.person_no = windows.person_no
    left join mixes on known.site_id = mixes.site_id and known.person_no = mixes.person_no
    left join by_channel on known.site_id = by_channel.site_id and known.person_no = by_channel.person_no
    left join by_device_type on known.site_id = by_device_type.site_id and known.person_no = by_device_type.person_no
    left join by_country on known.site_id = by_country.site_id and known.person_no = by_country.person_no
    left join touches on known.site_id = touches.site_id and known.person_no = touches.person_no
    left join last_sessions
        on known.site_id = last_sessions.site_id and known.person_no = last_sessions.person_no and last_sessions.place = 1
    left join affinities on known.site_id = affinities.site_id and persons.person_id = affinities.person_id
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
    first_touch_channel,
    first_touch_source,
    first_touch_medium,
    last_touch_channel,
    last_touch_source,
    last_touch_medium,
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
