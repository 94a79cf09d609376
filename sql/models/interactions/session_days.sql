{{ config(meta={'streams': ['storefront_events'], 'replaced_rows': 'blocks'}) }}

{%- if execute and is_incremental() -%}
{%- set near = days_around_touched() -%}
{%- set far = days_of_blocks(this, near) -%}
{%- endif %}

-- One window over all events, of the narrow columns only, finds the few that matter: the first and the last of
-- each block and those with a campaign. The rest is worked out on these, and session_events then gives every event
-- the session whose stretch it falls into. (Three windows over all events and a join on event_id needed twice the
-- memory.)
with clues as (
    select
        event_id,
        event_date,
        site_id,
        visitor_id,
        occurred_at,
        case
            when coalesce(click_id, utm_source, utm_medium, utm_campaign) is not null
                then
                    coalesce(click_id, '') || '|' || coalesce(utm_source, '') || '|'
                    || coalesce(utm_medium, '') || '|' || coalesce(utm_campaign, '')
        end as campaign
    from {{ ref('stg_storefront_events') }}
    {%- if execute and is_incremental() %}
    where
        {{ in_days('event_date', near) }}
        or (
            {{ in_days('event_date', far) }}
            and exists (
                select 1
                from {{ this }} as old
                where
                    stg_storefront_events.site_id = old.site_id
                    and stg_storefront_events.visitor_id = old.visitor_id
                    and stg_storefront_events.event_date = old.day
                    and stg_storefront_events.occurred_at between old.block_started_at and old.block_ended_at
                    and {{ in_days('old.day', far) }}
                    and (old.site_id, old.visitor_id, old.block_started_at) in ({{ blocks_on_days(this, near) }})
            )
        )
    {%- endif %}
),

neighbours as (
    select
        *,
        lag(occurred_at) over visit as previous_at,
        lead(occurred_at) over visit as next_at
    from clues
    window visit as (partition by site_id, visitor_id order by occurred_at, event_id)
),

edges as (
    select
        *,
        coalesce(occurred_at > {{ dateadd('minute', var('session_gap_minutes'), 'previous_at') }}, true) as is_block_start,
        coalesce(next_at > {{ dateadd('minute', var('session_gap_minutes'), 'occurred_at') }}, true) as is_block_end
    from neighbours
),

marks as (
    select
        *,
        max(case when is_block_start then occurred_at end)
            over (partition by site_id, visitor_id order by occurred_at, event_id rows unbounded preceding) as block_started_at
    from edges
    where is_block_start or is_block_end or campaign is not null
),

campaigns as (
    select
        *,
        last_value(campaign ignore nulls) over (
            partition by site_id, visitor_id, block_started_at
            order by occurred_at, event_id rows between unbounded preceding and 1 preceding
        ) as last_campaign,
        max(event_date) over (partition by site_id, visitor_id, block_started_at) as last_event_date,
        max(occurred_at) over (partition by site_id, visitor_id, block_started_at) as block_ended_at
    from marks
),

starts as (
    select
        site_id,
        visitor_id,
        block_started_at,
        block_ended_at,
        occurred_at,
        event_id,
        event_date,
        lead(occurred_at) over block as next_started_at,
        lead(event_id) over block as next_event_id,
        coalesce(lead(event_date) over block, last_event_date) as last_day
    from campaigns
    where is_block_start or campaign <> coalesce(last_campaign, '')
    window block as (partition by site_id, visitor_id, block_started_at order by occurred_at, event_id)
)

-- one row per session and day it may have events on, so that session_events has a day to meet on
select
    's' || substr(md5(site_id || '|' || visitor_id || '|' || event_id), 1, 16) as session_id,
    site_id,
    visitor_id,
    {{ each_day('event_date', 'last_day') }} as day,
    occurred_at as started_at,
    event_id as first_event_id,
    next_started_at,
    next_event_id,
    block_started_at,
    block_ended_at
from starts
