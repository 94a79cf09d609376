{{ config(meta={'streams': ['storefront_events'], 'replaced_rows': 'blocks'}) }}

{%- if execute and is_incremental() -%}
{%- set near = days_around_touched() -%}
{%- set far = days_of_blocks(this, near) -%}
{%- endif %}

-- One window over all events, of the narrow columns only, finds the few that matter: the first and the last of
-- each block and those with a campaign. The rest is worked out on these, and every event then joins the session
-- whose stretch it falls into. (Three windows over all events and a join on event_id needed twice the memory.)
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
            and (event_id, event_date) in (
                select old.event_id, old.event_date
                from {{ this }} as old
                where
                    {{ in_days('old.event_date', far) }}
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
        lead(occurred_at) over visit as next_started_at,
        lead(event_id) over visit as next_event_id,
        case when lead(block_started_at) over visit = block_started_at then lead(event_date) over visit else last_event_date end
            as last_event_date
    from campaigns
    where is_block_start or campaign <> coalesce(last_campaign, '')
    window visit as (partition by site_id, visitor_id order by occurred_at, event_id)
),

-- one row per session and day it may have events on, so that the join has a day to meet on
session_days as (
    select
        *,
        's' || substr(md5(site_id || '|' || visitor_id || '|' || event_id), 1, 16) as session_id,
        {{ each_day('event_date', 'last_event_date') }} as day
    from starts
)

select
    events.event_id,
    session_days.session_id,
    events.event_id = session_days.event_id and events.occurred_at = session_days.occurred_at as is_session_start,
    session_days.block_started_at,
    events.occurred_at,
    events.event_date,
    events.site_id,
    events.visitor_id,
    {{ proven_customer() }} as customer_id,
    {{ identifier(proven_customer(), 'events.visitor_id') }} as identifier,
    events.event_type,
    events.item_id,
    events.category_path,
    events.quantity,
    events.price,
    events.currency,
    events.cart_id,
    events.order_id,
    events.request_id,
    events.search_query,
    events.results_count,
    events.percentage,
    events.rating,
    events.is_robot,
    events.known_on
from {{ ref('stg_storefront_events') }} as events
inner join session_days
    on events.site_id = session_days.site_id
    and events.visitor_id = session_days.visitor_id
    and events.event_date = session_days.day
    and (
        events.occurred_at > session_days.occurred_at
        or (events.occurred_at = session_days.occurred_at and events.event_id >= session_days.event_id)
    )
    and events.occurred_at <= session_days.block_ended_at
    and (
        session_days.next_started_at is null
        or events.occurred_at < session_days.next_started_at
        or (events.occurred_at = session_days.next_started_at and events.event_id < session_days.next_event_id)
    )
{% if execute and is_incremental() %}
where {{ in_days('events.event_date', far) }}
{%- endif %}
