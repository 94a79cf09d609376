{% set night = night_literal() %}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='append_new_columns',
    pre_hook="{% if is_incremental() %}delete from {{ this }} where night = {{ night_literal() }}{% endif %}",
) }}
{%- set horizon = profile_setting('affinities', 'horizon_days') %}
{%- set hot_days = profile_setting('affinities', 'hot_days') %}

with settings as (
    select topic, name, number from {{ source('profiles', 'settings') }}
    where night = {{ night }}
),

event_weights as (
    select name as event_type, number as weight from settings
    where topic = 'event_weight'
),

half_lives as (
    select name as kind, number as half_life_days from settings
    where topic = 'half_life_days'
),

limits as (
    select number as keep from settings
    where topic = 'affinities' and name = 'keep'
),

people as (
    select identifier, person_id from {{ source('identity', 'identity_map') }}
    where known_on <= {{ night }} and (void_on is null or void_on > {{ night }})
),

sites as (
    select site_id, timezone from {{ source('raw', 'sites') }}
),

items as (
    select site_id, item_id, category_path, brand, price_band from {{ ref('item_profiles') }}
    where night = {{ night }}
),

visits as (
    select
        visits.site_id,
        people.person_id,
        visits.session_id,
        visits.session_date,
        visits.started_at
    from {{ ref('sessions') }} as visits
    inner join people on visits.identifier = people.identifier
    where
        visits.known_on <= {{ night }}
        and visits.session_date <= {{ night }}
        and visits.session_date > {{ night }} - interval {{ horizon }} day
        and visits.is_robot is not true
),

last_sessions as (
    select
        site_id,
        person_id,
        max(started_at) as started_at
    from visits
    where session_date > {{ night }} - interval {{ hot_days }} day
    group by site_id, person_id
),

-- decimals, because a sum of floats depends on the order in which threads meet its parts
item_sums as (
    select
        events.site_id,
        people.person_id,
        events.item_id,
        half_lives.half_life_days,
        sum(cast(event_weights.weight * power(0.5, {{ dbt.datediff('events.event_date', night, 'day') }} / half_lives.half_life_days)
            as decimal(18, 9))) as weight,
        sum(cast(event_weights.weight * power(0.5, {{ dbt.datediff('events.event_date', night, 'day') }} / half_lives.half_life_days)
            as decimal(18, 9))) filter (where events.occurred_at >= last_sessions.started_at) as hot_weight
    from {{ ref('interactions') }} as events
    inner join people on events.identifier = people.identifier
    inner join event_weights on events.event_type = event_weights.event_type
    cross join (select distinct half_life_days from half_lives where kind in ('category', 'brand', 'price_band')) as half_lives
    left join last_sessions on events.site_id = last_sessions.site_id and people.person_id = last_sessions.person_id
    where
        events.known_on <= {{ night }}
        and events.event_date <= {{ night }}
        and events.event_date > {{ night }} - interval {{ horizon }} day
        and events.is_robot is not true
    group by events.site_id, people.person_id, events.item_id, half_lives.half_life_days
),

item_labels as (
    select site_id, item_id, 'category' as kind, 'category' as setting, category_path as label from items
    union all
    {%- for level in [1, 2, 3] %}
    select
        site_id,
        item_id,
        'category_{{ level }}' as kind,
        'category' as setting,
        array_to_string(string_split(category_path, '/')[1:{{ level }}], '/') as label
    from items
    where len(string_split(category_path, '/')) > {{ level }}
    union all
    {%- endfor %}
    select site_id, item_id, 'brand' as kind, 'brand' as setting, brand as label from items
    union all
    select site_id, item_id, 'price_band' as kind, 'price_band' as setting, price_band as label from items
),

of_items as (
    select
        item_sums.site_id,
        item_sums.person_id,
        item_labels.kind,
        item_labels.label,
        sum(item_sums.weight) as weight,
        coalesce(sum(item_sums.hot_weight), 0) as hot_weight
    from item_sums
    inner join item_labels on item_sums.site_id = item_labels.site_id and item_sums.item_id = item_labels.item_id
    inner join half_lives on item_labels.setting = half_lives.kind and item_sums.half_life_days = half_lives.half_life_days
    where item_labels.label is not null
    group by item_sums.site_id, item_sums.person_id, item_labels.kind, item_labels.label
),

-- when somebody comes: each session weighs 1, by the site's clock
moments as (
    select
        visits.site_id,
        visits.person_id,
        visits.session_date,
        coalesce(visits.started_at >= last_sessions.started_at, false) as is_hot,
        {{ local_time('sites.timezone', 'visits.started_at') }} as local_started_at
    from visits
    inner join sites on visits.site_id = sites.site_id
    left join last_sessions on visits.site_id = last_sessions.site_id and visits.person_id = last_sessions.person_id
),

terms as (
    select
        events.site_id,
        people.person_id,
        events.event_date,
        coalesce(events.occurred_at >= last_sessions.started_at, false) as is_hot,
        lower(trim(events.search_query)) as label
    from {{ ref('session_events') }} as events
    inner join people on events.identifier = people.identifier
    left join last_sessions on events.site_id = last_sessions.site_id and people.person_id = last_sessions.person_id
    where
        events.event_type = 'search_request'
        and events.known_on <= {{ night }}
        and events.event_date <= {{ night }}
        and events.event_date > {{ night }} - interval {{ horizon }} day
        and events.is_robot is not true
        and trim(events.search_query) <> ''
),

signs as (
    select
        site_id,
        person_id,
        'hour' as kind,
        lpad(cast(extract(hour from local_started_at) as varchar), 2, '0') as label,
        session_date,
        is_hot
    from moments
    union all
    select site_id, person_id, 'weekday' as kind, lower(dayname(local_started_at)) as label, session_date, is_hot
    from moments
    union all
    select site_id, person_id, 'search_term' as kind, label, event_date, is_hot
    from terms
),

of_visits as (
    select
        signs.site_id,
        signs.person_id,
        signs.kind,
        signs.label,
        sum(cast(power(0.5, {{ dbt.datediff('signs.session_date', night, 'day') }} / half_lives.half_life_days) as decimal(18, 9)))
            as weight,
        coalesce(
            sum(cast(power(0.5, {{ dbt.datediff('signs.session_date', night, 'day') }} / half_lives.half_life_days) as decimal(18, 9)))
                filter (where signs.is_hot), 0
        ) as hot_weight
    from signs
    inner join half_lives on signs.kind = half_lives.kind
    group by signs.site_id, signs.person_id, signs.kind, signs.label
),

summed as (
    select * from of_items
    union all
    select * from of_visits
),

ranked as (
    select
        *,
        sum(weight) over (partition by site_id, person_id, kind) as weight_of_all,
        row_number() over (partition by site_id, person_id, kind order by weight desc, label) as place
    from summed
    where weight > 0
)

select
    {{ night }} as night,
    ranked.site_id,
    ranked.person_id,
    ranked.kind,
    ranked.label as value,
    cast(ranked.weight as double) as weight,
    cast(ranked.hot_weight as double) as hot_weight,
    cast(ranked.weight - ranked.hot_weight as double) as cold_weight,
    cast(ranked.weight as double) / cast(ranked.weight_of_all as double) as share,
    cast(ranked.place as integer) as place
from ranked
cross join limits
where ranked.place <= limits.keep
