{% set night = night_literal() %}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='fail',
    pre_hook="{% if is_incremental() %}delete from {{ this }} where night = {{ night_literal() }}{% endif %}",
) }}

with people as (
    select identifier, person_id from {{ source('identity', 'identity_map') }}
    where known_on <= {{ night }} and (void_on is null or void_on > {{ night }})
),

items as (
    select site_id, item_id, category_path, brand from {{ ref('item_profiles') }}
    where night = {{ night }}
),

-- 365 days back a view weighs 0.0002: what is older changes no share and would cost more every night
interactions as (
    select
        site_id,
        identifier,
        item_id,
        {{ dbt.datediff('event_date', night, 'day') }} as age_days,
        case event_type
            when 'product_view' then 1
            when 'add_to_wish_list' then 2
            when 'add_to_cart' then 3
            when 'purchase' then 5
        end as event_weight
    from {{ ref('interactions') }}
    where
        known_on <= {{ night }}
        and event_date <= {{ night }}
        and event_date > {{ night }} - interval 365 day
        and event_type in ('product_view', 'add_to_wish_list', 'add_to_cart', 'purchase')
        and is_robot is not true
),

-- decimals, because a sum of floats depends on the order in which threads meet its parts
item_weights as (
    select
        interactions.site_id,
        people.person_id,
        interactions.item_id,
        sum(cast(interactions.event_weight * power(0.5, interactions.age_days / 30.0) as decimal(18, 9))) as weight
    from interactions
    inner join people on interactions.identifier = people.identifier
    group by interactions.site_id, people.person_id, interactions.item_id
),

labelled as (
    select item_weights.site_id, item_weights.person_id, 'category' as kind, items.category_path as label, item_weights.weight
    from item_weights
    inner join items on item_weights.site_id = items.site_id and item_weights.item_id = items.item_id
    where items.category_path is not null
    union all
    select item_weights.site_id, item_weights.person_id, 'brand' as kind, items.brand as label, item_weights.weight
    from item_weights
    inner join items on item_weights.site_id = items.site_id and item_weights.item_id = items.item_id
    where items.brand is not null
),

summed as (
    select site_id, person_id, kind, label, sum(weight) as weight
    from labelled
    group by site_id, person_id, kind, label
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
    site_id,
    person_id,
    kind,
    label as value,
    cast(weight as double) as weight,
    cast(weight as double) / cast(weight_of_all as double) as share
from ranked
where place <= 20
