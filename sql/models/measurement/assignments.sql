{{ config(on_schema_change='append_new_columns') }}
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

-- spans of days in which the same experiments run
days as (
    select
        dates.event_date,
        sum(
            case when dates.event_date >= experiments.starts_on then 1 else 0 end
            + case when dates.event_date > experiments.ends_on then 1 else 0 end
        ) as span
    from (select distinct event_date from {{ ref('stg_recommendation_events') }} where event_type = 'served') as dates
    cross join experiments
    group by dates.event_date
),

-- what a visitor was served within each: a handful of rows where the events are many
served as (
    select
        events.site_id,
        events.visitor_id,
        events.scenario_id,
        days.span,
        events.variant,
        events.model_version,
        min(events.occurred_at) as served_at,
        min(events.event_date) as event_date,
        min(events.known_on) as known_on
    from {{ ref('stg_recommendation_events') }} as events
    inner join days on events.event_date = days.event_date
    where
        events.event_type = 'served'
        and events.is_robot is not true
        and events.known_on <= {{ night }}
        and events.event_date <= {{ night }}
    group by
        events.site_id, events.visitor_id, events.scenario_id, days.span, events.variant, events.model_version
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
            partition by site_id, visitor_id, scenario_id, span
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

known_visits as (
    select
        site_id,
        visitor_id,
        session_id,
        session_date,
        started_at,
        channel
    from {{ ref('sessions') }}
    where known_on <= {{ night }} and session_date <= {{ night }}
),

first_visits as (
    select
        site_id,
        visitor_id,
        min(session_date) as first_date
    from known_visits
    group by site_id, visitor_id
),

-- the visit on which it began: like what was before, nothing that the lists can have changed
first_channels as (
    select
        units.experiment_id,
        units.site_id,
        units.unit_id,
        min_by(known_visits.channel, (known_visits.started_at, known_visits.session_id)) as channel
    from units
    inner join known_visits
        on
            units.site_id = known_visits.site_id
            and units.unit_id = known_visits.visitor_id
            and units.assigned_date = known_visits.session_date
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
        coalesce(first_channels.channel, 'unknown') as channel,
        coalesce(segments_before.segment_id, 'unknown') as segment_id,
        coalesce(first_visits.first_date < units.assigned_date, false) as is_returning
    from units
    left join people
        on
            'visitor:' || units.unit_id = people.identifier
            and (people.void_on is null or people.void_on > {{ night }})
    left join persons on units.experiment_id = persons.experiment_id and people.person_id = persons.person_id
    left join first_visits on units.site_id = first_visits.site_id and units.unit_id = first_visits.visitor_id
    left join first_channels
        on
            units.experiment_id = first_channels.experiment_id
            and units.site_id = first_channels.site_id
            and units.unit_id = first_channels.unit_id
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
