{{ config(meta={'dagster': {'ref': {'name': 'identity_map'}}}) }}
-- The stretches of an identifier follow one another without gap or overlap, and the last has no end.
with stretches as (
    select
        identifier,
        known_on,
        void_on,
        lead(known_on) over (partition by identifier order by known_on) as next_known_on
    from {{ ref('identity_map') }}
    where identifier in (
        select identifier from {{ ref('identity_map') }} where {{ in_nights('known_on') }} or {{ in_nights('void_on') }}
    )
)

select *
from stretches
where void_on is distinct from next_known_on
