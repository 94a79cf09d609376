{% set night = night_literal() %}
{%- set horizon = profile_setting('affinities', 'horizon_days') %}
{%- set hot_days = profile_setting('affinities', 'hot_days') %}
{%- set keep = profile_setting('affinities', 'keep') %}
{%- set parts = '1073741824.0' %}

-- people, sites and labels go by number until the end: grouping and sorting millions of rows by texts is what costs
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

sites as (
    select site_id, timezone, row_number() over (order by site_id) - 1 as site_no, count(*) over () as sites_in_all
    from {{ source('raw', 'sites') }}
),

people as (
    select identifier, person_id from {{ source('identity', 'identity_map') }}
    where known_on <= {{ night }} and (void_on is null or void_on > {{ night }})
),

persons as (
    select person_id, row_number() over (order by person_id) as person_no
    from (select distinct person_id from people) as everybody
),

identifiers as (
    select people.identifier, persons.person_no from people
    inner join persons on people.person_id = persons.person_id
),

items as (
    select site_id, item_id, category_path, brand, price_band from {{ ref('item_profiles') }}
    where night = {{ night }}
),

visits as (
    select
        identifiers.person_no * sites.sites_in_all + sites.site_no as subject_no,
        visits.session_date,
        visits.started_at,
        {{ local_time('sites.timezone', 'visits.started_at') }} as local_started_at
    from {{ ref('sessions') }} as visits
    inner join identifiers on visits.identifier = identifiers.identifier
    inner join sites on visits.site_id = sites.site_id
    where
        visits.known_on <= {{ night }}
        and visits.session_date <= {{ night }}
        and visits.session_date > {{ night }} - interval {{ horizon }} day
        and visits.is_robot is not true
),

last_sessions as (
    select
        subject_no,
        max(started_at) as started_at
    from visits
    where session_date > {{ night }} - interval {{ hot_days }} day
    group by subject_no
),

item_texts as (
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

-- when somebody comes, by the site's clock, and what they search for: each session and each search weighs 1
moments as (
    select
        subject_no,
        'hour' as kind,
        lpad(cast(extract(hour from local_started_at) as varchar), 2, '0') as label,
        session_date as event_date,
        started_at as occurred_at
    from visits
    union all
    select subject_no, 'weekday' as kind, lower(dayname(local_started_at)) as label, session_date, started_at
    from visits
    union all
    select
        identifiers.person_no * sites.sites_in_all + sites.site_no as subject_no,
        'search_term' as kind,
        {{ search_term('events.search_query') }} as label,
        events.event_date,
        events.occurred_at
    from {{ ref('session_events') }} as events
    inner join identifiers on events.identifier = identifiers.identifier
    inner join sites on events.site_id = sites.site_id
    where
        events.event_type = 'search_request'
        and events.known_on <= {{ night }}
        and events.event_date <= {{ night }}
        and events.event_date > {{ night }} - interval {{ horizon }} day
        and events.is_robot is not true
        and trim(events.search_query) <> ''
),

texts as (
    select distinct kind, setting, label from item_texts
    where label is not null
    union all
    select distinct kind, kind as setting, label from moments
),

-- numbered in the order of the texts, which decides ties
labels as (
    select
        texts.kind,
        texts.label,
        half_lives.half_life_days,
        dense_rank() over (order by texts.kind) as kind_no,
        row_number() over (order by texts.kind, texts.label) as label_no
    from texts
    inner join half_lives on texts.setting = half_lives.kind
),

item_labels as (
    select item_texts.site_id, item_texts.item_id, labels.label_no, labels.half_life_days from item_texts
    inner join labels on item_texts.kind = labels.kind and item_texts.label = labels.label
),

item_events as (
    select
        identifiers.person_no * sites.sites_in_all + sites.site_no as subject_no,
        events.site_id,
        events.item_id,
        event_weights.weight,
        coalesce(events.occurred_at >= last_sessions.started_at, false) as is_hot,
        {{ dbt.datediff('events.event_date', night, 'day') }} as age_days
    from {{ ref('interactions') }} as events
    inner join event_weights on events.event_type = event_weights.event_type
    inner join identifiers on events.identifier = identifiers.identifier
    inner join sites on events.site_id = sites.site_id
    left join last_sessions on identifiers.person_no * sites.sites_in_all + sites.site_no = last_sessions.subject_no
    where
        events.known_on <= {{ night }}
        and events.event_date <= {{ night }}
        and events.event_date > {{ night }} - interval {{ horizon }} day
        and events.is_robot is not true
),

-- whole parts of 2^-30 each: sums of doubles depend on the order in which threads meet them, of whole numbers they do not
signs as (
    select
        events.subject_no,
        item_labels.label_no,
        events.is_hot,
        round(events.weight * power(0.5, events.age_days / item_labels.half_life_days) * {{ parts }}) as weight
    from item_events as events
    inner join item_labels on events.site_id = item_labels.site_id and events.item_id = item_labels.item_id
    union all
    select
        moments.subject_no,
        labels.label_no,
        coalesce(moments.occurred_at >= last_sessions.started_at, false) as is_hot,
        round(power(0.5, {{ dbt.datediff('moments.event_date', night, 'day') }} / labels.half_life_days) * {{ parts }}) as weight
    from moments
    inner join labels on moments.kind = labels.kind and moments.label = labels.label
    left join last_sessions on moments.subject_no = last_sessions.subject_no
),

summed as (
    select
        subject_no,
        label_no,
        sum(weight) as weight,
        sum(case when is_hot then weight else 0 end) as hot_weight
    from signs
    group by subject_no, label_no
),

ranked as (
    select
        summed.*,
        sum(summed.weight) over (partition by summed.subject_no, labels.kind_no) as weight_of_all,
        row_number() over (
            partition by summed.subject_no, labels.kind_no order by summed.weight desc, summed.label_no
        ) as place
    from summed
    inner join labels on summed.label_no = labels.label_no
    where summed.weight > 0
)

select
    {{ night }} as night,
    sites.site_id,
    persons.person_id,
    labels.kind,
    labels.label as value,
    ranked.weight / {{ parts }} as weight,
    ranked.hot_weight / {{ parts }} as hot_weight,
    (ranked.weight - ranked.hot_weight) / {{ parts }} as cold_weight,
    ranked.weight / ranked.weight_of_all as share,
    cast(ranked.place as integer) as place
from ranked
inner join labels on ranked.label_no = labels.label_no
inner join sites on mod(ranked.subject_no, sites.sites_in_all) = sites.site_no
inner join persons on cast(floor(ranked.subject_no / sites.sites_in_all) as bigint) = persons.person_no
where ranked.place <= {{ keep }}
