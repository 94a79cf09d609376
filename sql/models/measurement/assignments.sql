{% set night = night_literal() %}

with experiments as (
    select * from {{ source('measurement', 'experiments') }}
    where night = {{ night }}
),

people as (
    select
        identifier,
        person_id,
        known_on,
        void_on
    from {{ source('identity', 'identity_map') }}
    where known_on <= {{ night }} and identifier_type = 'visitor'
),

-- what a visitor was served, day by day: a handful of rows where the events are many
served as (
    select
        site_id,
        visitor_id,
        scenario_id,
        event_date,
        variant,
        model_version,
        min(occurred_at) as served_at,
        min(known_on) as known_on
    from {{ ref('stg_recommendation_events') }}
    where
        event_type = 'served'
        and is_robot is not true
        and known_on <= {{ night }}
        and event_date <= {{ night }}
    group by site_id, visitor_id, scenario_id, event_date, variant, model_version
),

visitors as (
    select distinct visitor_id from served
),

-- who is held out of everything is in no other experiment; a layer shares the others out
arms as (
    select
        experiments.experiment_id,
        visitors.visitor_id,
        case
            when {{ hash_share('experiments.salt', 'visitors.visitor_id') }} < experiments.control_share then 'control'
            else 'treatment'
        end as variant
    from visitors
    cross join experiments
    where
        (
            experiments.holdout_salt is null
            or {{ hash_share('experiments.holdout_salt', 'visitors.visitor_id') }} >= experiments.holdout_share
        )
        and (
            experiments.layer_salt is null
            or (
                {{ hash_share('experiments.layer_salt', 'visitors.visitor_id') }} >= experiments.slice_from
                and {{ hash_share('experiments.layer_salt', 'visitors.visitor_id') }} < experiments.slice_to
            )
        )
),

exposed as (
    select
        arms.experiment_id,
        arms.variant as arm,
        experiments.kind,
        case
            when arms.variant = 'control' then experiments.control_model_version
            else experiments.treatment_model_version
        end as arm_model_version,
        served.*
    from served
    inner join arms on served.visitor_id = arms.visitor_id
    inner join experiments
        on
            arms.experiment_id = experiments.experiment_id
            and served.event_date >= experiments.starts_on
            and (experiments.ends_on is null or served.event_date <= experiments.ends_on)
            and (experiments.scenarios is null or {{ is_in('experiments.scenarios', 'served.scenario_id') }})
),

-- a list may be held back by any experiment, so whether one was rightly held back takes all of them
due as (
    select
        *,
        max(case when kind <> 'test' and arm = 'control' then 1 else 0 end) over (
            partition by site_id, visitor_id, scenario_id, event_date
        ) = 1 as is_held_back_by_some
    from exposed
),

judged as (
    select
        *,
        case
            when variant = 'control' then not is_held_back_by_some
            when kind = 'test' then coalesce(model_version, '') <> arm_model_version
            else arm = 'control'
        end as is_wrong
    from due
),

units as (
    select
        experiment_id,
        site_id,
        visitor_id as unit_id,
        min(arm) as variant,
        min_by(variant, (served_at, variant)) as served_variant,
        min_by(scenario_id, (served_at, scenario_id)) as scenario_id,
        min(event_date) as assigned_date,
        min(known_on) as known_on,
        max(case when is_wrong then 1 else 0 end) = 1 as is_mismatched,
        max(case when is_wrong then 0 else 1 end) = 1 as is_matched
    from judged
    group by experiment_id, site_id, visitor_id
),

-- the visit on which it began, and whether there was one before: what the lists cannot have changed
visits as (
    select
        units.experiment_id,
        units.site_id,
        units.unit_id,
        min_by(sessions.channel, (sessions.started_at, sessions.session_id)) filter (
            where sessions.session_date = units.assigned_date
        ) as channel,
        max(case when sessions.session_date < units.assigned_date then 1 else 0 end) = 1 as is_returning
    from units
    inner join {{ ref('sessions') }} as sessions
        on
            units.site_id = sessions.site_id
            and units.unit_id = sessions.visitor_id
            and units.assigned_date >= sessions.session_date
    where sessions.known_on <= {{ night }}
    group by units.experiment_id, units.site_id, units.unit_id
),

persons as (
    select
        units.experiment_id,
        people.person_id,
        count(distinct units.variant) > 1 as is_mixed
    from units
    inner join people on 'visitor:' || units.unit_id = people.identifier
    where people.void_on is null or people.void_on > {{ night }}
    group by units.experiment_id, people.person_id
),

segments_before as (
    select
        units.experiment_id,
        units.site_id,
        units.unit_id,
        primary_segment.segment_id
    from units
    inner join people
        on
            'visitor:' || units.unit_id = people.identifier
            and units.assigned_date > people.known_on
            and (people.void_on is null or units.assigned_date <= people.void_on)
    inner join {{ source('segments', 'primary_segment') }} as primary_segment
        on
            units.assigned_date - interval 1 day = primary_segment.night
            and units.site_id = primary_segment.site_id
            and people.person_id = primary_segment.person_id
),

final as (
    select
        units.experiment_id,
        units.site_id,
        units.unit_id,
        units.variant,
        units.served_variant,
        units.assigned_date,
        units.known_on,
        people.person_id,
        coalesce(persons.is_mixed, false) as is_mixed,
        units.is_mismatched,
        units.is_mismatched and units.is_matched as is_switched,
        units.scenario_id,
        coalesce(visits.channel, 'unknown') as channel,
        coalesce(segments_before.segment_id, 'unknown') as segment_id,
        coalesce(visits.is_returning, false) as is_returning
    from units
    left join people
        on
            'visitor:' || units.unit_id = people.identifier
            and (people.void_on is null or people.void_on > {{ night }})
    left join persons on units.experiment_id = persons.experiment_id and people.person_id = persons.person_id
    left join visits
        on
            units.experiment_id = visits.experiment_id
            and units.site_id = visits.site_id
            and units.unit_id = visits.unit_id
    left join segments_before
        on
            units.experiment_id = segments_before.experiment_id
            and units.site_id = segments_before.site_id
            and units.unit_id = segments_before.unit_id
)

select
    {{ night }} as night,
    experiment_id,
    site_id,
    unit_id,
    variant,
    served_variant,
    assigned_date,
    known_on,
    person_id,
    is_mixed,
    is_mismatched,
    is_switched,
    scenario_id,
    channel,
    segment_id,
    is_returning
from final
