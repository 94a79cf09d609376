{{ config(meta={'streams': ['storefront_events'], 'replaced_rows': 'blocks'}) }}

{%- if execute and is_incremental() -%}
{%- set near = days_around_touched() -%}
{%- set far = days_of_blocks(this, near) -%}
{%- endif %}

{#-
  The events of blocks to make (anew), with the narrow columns that say where a session ends and what it holds. Read where
  it is needed, for DuckDB would keep a CTE that is named twice.
-#}
{%- set columns -%}
        event_id,
        event_date,
        site_id,
        visitor_id,
        occurred_at,
        {{ time_step('occurred_at', var('session_gap_minutes')) }} as step,
        case
            when coalesce(click_id, utm_source, utm_medium, utm_campaign) is not null
                then
                    coalesce(click_id, '') || '|' || coalesce(utm_source, '') || '|'
                    || coalesce(utm_medium, '') || '|' || coalesce(utm_campaign, '')
        end as campaign,
        {{ proven_customer() }} as customer_id,
        event_type,
        case when event_type = 'checkout_complete' then order_id end as order_id,
        is_robot,
        known_on
{%- endset -%}
{%- set clues -%}
    select
        {{ columns }}
    from {{ ref('stg_storefront_events') }}
    {%- if execute and is_incremental() %}
    where {{ in_days('event_date', near) }}
    union all
    select
        {{ columns }}
    from {{ ref('stg_storefront_events') }}
    where
        {{ in_days('event_date', far | reject('in', near) | list) }}
        and exists (
            select 1
            from {{ this }} as old
            where
                stg_storefront_events.site_id = old.site_id
                and stg_storefront_events.visitor_id = old.visitor_id
                and stg_storefront_events.event_date = old.day
                and stg_storefront_events.occurred_at between old.block_started_at and old.block_ended_at
                and {{ in_days('old.day', far | reject('in', near) | list) }}
                and (old.site_id, old.visitor_id, old.block_started_at) in ({{ blocks_on_days(this, near) }})
        )
    {%- endif %}
{%- endset -%}

{#- what some events of one session hold -#}
{%- set sums -%}
        min(event_date) as session_date,
        max(event_date) as last_event_date,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        min_by(event_id, row(occurred_at, event_id)) as first_event_id,
        min_by(customer_id, row(occurred_at, event_id)) filter (where customer_id is not null) as customer_id,
        count(*) as events,
        count(*) filter (where event_type = 'product_view') as product_views,
        count(*) filter (where event_type in ('page_view', 'category_view', 'product_view')) as views,
        count(*) filter (where event_type = 'add_to_cart') as cart_adds,
        count(*) filter (where event_type = 'search_request') as searches,
        {{ values_of('order_id', 'true') }} as order_ids,
        bool_or(is_robot) as is_robot,
        min(known_on) as known_on
{%- endset %}

{%- set starts_with_campaign = 'coalesce(first_campaign = row(started_at, first_event_id), false)' %}

-- Between two events of one half hour by the clock (session_gap_minutes: a step) there is no silence that ends a session.
-- So the events are summed by step without being sorted, and blocks are made of steps, of which there are few.
with steps as (
    select
        site_id,
        visitor_id,
        step,
        min(campaign) as least_campaign,
        max(campaign) as greatest_campaign,
        min(row(occurred_at, event_id)) filter (where campaign is not null) as first_campaign,
        {{ sums }}
    from (
{{ clues }}
    ) as clues
    group by site_id, visitor_id, step
),

-- most steps stand alone: only of those beside another one has the silence between them to be looked at
beside as (
    select
        site_id,
        visitor_id,
        step + 1 as step
    from steps
    union all
    select
        site_id,
        visitor_id,
        step - 1 as step
    from steps
),

edges as (
    select
        *,
        coalesce(started_at > {{ dateadd('minute', var('session_gap_minutes'), 'lag(ended_at) over visit') }}, true) as is_block_start,
        {{ starts_with_campaign }} as starts_with_campaign
    from steps
    where exists (
        select 1
        from beside
        where steps.site_id = beside.site_id and steps.visitor_id = beside.visitor_id and steps.step = beside.step
    )
    window visit as (partition by visitor_id, site_id order by started_at)
),

marks as (
    select
        *,
        max(case when is_block_start then started_at end)
            over (partition by visitor_id, site_id order by started_at rows unbounded preceding) as block_started_at
    from edges
),

blocks as (
    select
        site_id,
        visitor_id,
        block_started_at,
        min(session_date) as session_date,
        max(last_event_date) as last_event_date,
        max(ended_at) as ended_at,
        max(case when is_block_start then first_event_id end) as first_event_id,
        min_by(customer_id, started_at) filter (where customer_id is not null) as customer_id,
        cast(sum(events) as bigint) as events,
        cast(sum(product_views) as bigint) as product_views,
        cast(sum(views) as bigint) as views,
        cast(sum(cart_adds) as bigint) as cart_adds,
        cast(sum(searches) as bigint) as searches,
        {{ count_of_members(joined_lists(values_of('order_ids', 'true'))) }} as orders,
        bool_or(is_robot) as is_robot,
        min(known_on) as known_on,
        coalesce(
            min(least_campaign) <> max(greatest_campaign)
            or (min(least_campaign) is not null and not bool_or(is_block_start and starts_with_campaign)),
            false
        ) as is_split
    from marks
    group by site_id, visitor_id, block_started_at
    union all
    select
        site_id,
        visitor_id,
        started_at as block_started_at,
        session_date,
        last_event_date,
        ended_at,
        first_event_id,
        customer_id,
        events,
        product_views,
        views,
        cart_adds,
        searches,
        {{ count_of_members('order_ids') }} as orders,
        is_robot,
        known_on,
        coalesce(
            least_campaign <> greatest_campaign or (least_campaign is not null and not {{ starts_with_campaign }}), false
        ) as is_split
    from steps
    where not exists (
        select 1
        from beside
        where steps.site_id = beside.site_id and steps.visitor_id = beside.visitor_id and steps.step = beside.step
    )
),

-- a block in which a campaign comes up after the first event is cut where it does, event by event
events_of_split_blocks as (
    select
        clues.*,
        blocks.block_started_at,
        blocks.ended_at as block_ended_at,
        blocks.last_event_date as block_last_date
    from (
{{ clues }}
    ) as clues
    inner join blocks
        on clues.site_id = blocks.site_id
        and clues.visitor_id = blocks.visitor_id
        and clues.occurred_at between blocks.block_started_at and blocks.ended_at
    where
        blocks.is_split
        -- true of all; without it DuckDB takes the two readings for one and keeps every event in memory
        and clues.event_date > cast('0001-01-01' as date)
),

campaigns as (
    select
        *,
        lag(campaign ignore nulls) over block as last_campaign,
        row_number() over block as place
    from events_of_split_blocks
    window block as (partition by visitor_id, site_id, block_started_at order by occurred_at, event_id)
),

numbered as (
    select
        *,
        count(case when place = 1 or campaign <> coalesce(last_campaign, '') then 1 end) over (
            partition by visitor_id, site_id, block_started_at
            order by occurred_at, event_id rows unbounded preceding
        ) as part
    from campaigns
),

parts as (
    select
        site_id,
        visitor_id,
        block_started_at,
        block_ended_at,
        block_last_date,
        part,
        {{ sums }}
    from numbered
    group by site_id, visitor_id, block_started_at, block_ended_at, block_last_date, part
),

stretches as (
    select
        site_id,
        visitor_id,
        started_at,
        first_event_id,
        lead(started_at) over block as next_started_at,
        lead(first_event_id) over block as next_event_id,
        block_started_at,
        block_ended_at,
        coalesce(lead(session_date) over block, block_last_date) as last_day,
        session_date,
        last_event_date,
        ended_at,
        customer_id,
        events,
        product_views,
        views,
        cart_adds,
        searches,
        {{ count_of_members('order_ids') }} as orders,
        is_robot,
        known_on
    from parts
    window block as (partition by visitor_id, site_id, block_started_at order by part)
    union all
    select
        site_id,
        visitor_id,
        block_started_at as started_at,
        first_event_id,
        null as next_started_at,
        null as next_event_id,
        block_started_at,
        ended_at as block_ended_at,
        last_event_date as last_day,
        session_date,
        last_event_date,
        ended_at,
        customer_id,
        events,
        product_views,
        views,
        cart_adds,
        searches,
        orders,
        is_robot,
        known_on
    from blocks
    where not is_split
)

-- one row per session and day it may have events on, so that session_events has a day to meet on
select
    's' || substr(md5(site_id || '|' || visitor_id || '|' || first_event_id), 1, 16) as session_id,
    site_id,
    visitor_id,
    {{ each_day('session_date', 'last_day') }} as day,
    started_at,
    first_event_id,
    next_started_at,
    next_event_id,
    block_started_at,
    block_ended_at,
    session_date,
    last_event_date,
    ended_at,
    customer_id,
    events,
    product_views,
    views,
    cart_adds,
    searches,
    orders,
    is_robot,
    known_on
from stretches
