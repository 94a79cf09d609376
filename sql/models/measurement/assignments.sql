{% set night = night_literal() %}

with experiments as (
    select experiment_id, starts_on, ends_on from {{ source('measurement', 'experiments') }}
    where night = {{ night }}
),

people as (
    select identifier, person_id from {{ source('identity', 'identity_map') }}
    where known_on <= {{ night }} and (void_on is null or void_on > {{ night }})
),

served as (
    select
        experiments.experiment_id,
        events.site_id,
        events.visitor_id,
        events.variant,
        events.occurred_at,
        events.event_id,
        events.event_date,
        events.known_on
    from {{ ref('stg_recommendation_events') }} as events
    cross join experiments
    where
        events.event_type = 'served'
        and events.is_robot is not true
        and events.known_on <= {{ night }}
        and events.event_date between experiments.starts_on and least(coalesce(experiments.ends_on, {{ night }}), {{ night }})
),

units as (
    select
        experiment_id,
        site_id,
        visitor_id,
        min_by(variant, (occurred_at, event_id)) as variant,
        min_by(event_date, (occurred_at, event_id)) as assigned_date,
        min(known_on) as known_on,
        count(distinct variant) > 1 as is_switched
    from served
    group by experiment_id, site_id, visitor_id
),

persons as (
    select
        units.experiment_id,
        people.person_id,
        count(distinct units.variant) > 1 as is_mixed
    from units
    inner join people on people.identifier = 'visitor:' || units.visitor_id
    group by units.experiment_id, people.person_id
),

final as (
    select
        units.experiment_id,
        units.site_id,
        units.visitor_id as unit_id,
        units.variant,
        units.assigned_date,
        units.known_on,
        people.person_id,
        coalesce(persons.is_mixed, false) as is_mixed,
        units.is_switched
    from units
    left join people on people.identifier = 'visitor:' || units.visitor_id
    left join persons on units.experiment_id = persons.experiment_id and people.person_id = persons.person_id
)

select
    {{ night }} as night,
    experiment_id,
    site_id,
    unit_id,
    variant,
    assigned_date,
    known_on,
    person_id,
    is_mixed,
    is_switched
from final
