{{ config(materialized='view') }}

-- A view, because the night before is whichever was run: with it, nights may run in any order.
with nights as (
    select
        night,
        lag(night) over (order by night) as previous_night
    from (select distinct night from {{ source('segments', 'segment_catalogue') }}) as catalogued
),

-- nobody enters a segment because it is new, or leaves it because it is gone
comparable as (
    select
        nights.night,
        nights.previous_night,
        today.segment_id
    from nights
    inner join {{ source('segments', 'segment_catalogue') }} as today on nights.night = today.night
    inner join {{ source('segments', 'segment_catalogue') }} as before
        on nights.previous_night = before.night and today.segment_id = before.segment_id and today.rule = before.rule
),

now_in as (
    select
        comparable.night,
        comparable.previous_night,
        members.site_id,
        members.person_id,
        members.segment_id
    from comparable
    inner join {{ source('segments', 'segment_membership') }} as members
        on comparable.night = members.night and comparable.segment_id = members.segment_id
),

then_in as (
    select
        comparable.night,
        comparable.previous_night,
        members.site_id,
        members.person_id,
        members.segment_id
    from comparable
    inner join {{ source('segments', 'segment_membership') }} as members
        on comparable.previous_night = members.night and comparable.segment_id = members.segment_id
)

select
    coalesce(now_in.night, then_in.night) as night,
    coalesce(now_in.previous_night, then_in.previous_night) as previous_night,
    coalesce(now_in.site_id, then_in.site_id) as site_id,
    coalesce(now_in.person_id, then_in.person_id) as person_id,
    coalesce(now_in.segment_id, then_in.segment_id) as segment_id,
    case when then_in.person_id is null then 'entered' else 'left' end as change
from now_in
full outer join then_in
    on
        now_in.night = then_in.night
        and now_in.site_id = then_in.site_id
        and now_in.person_id = then_in.person_id
        and now_in.segment_id = then_in.segment_id
where now_in.person_id is null or then_in.person_id is null
