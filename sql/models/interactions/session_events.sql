{{ config(meta={'streams': ['storefront_events'], 'replaced_rows': 'blocks'}) }}

{%- if execute and is_incremental() -%}
{%- set near = days_around_touched() -%}
{%- set far = days_of_blocks(this, near) -%}
{%- endif %}

-- the narrow columns that decide about sessions; the wide ones join at the end, so that no window carries them
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

silences as (
    select
        event_id,
        event_date,
        site_id,
        visitor_id,
        occurred_at,
        campaign,
        lag(occurred_at) over visit as previous_at,
        last_value(campaign ignore nulls) over (visit rows between unbounded preceding and 1 preceding) as last_campaign,
        last_value(case when campaign is not null then occurred_at end ignore nulls)
            over (visit rows between unbounded preceding and 1 preceding) as last_campaign_at
    from clues
    window visit as (partition by site_id, visitor_id order by occurred_at, event_id)
),

blocks as (
    select
        *,
        max(
            case
                when previous_at is null
                    or occurred_at > {{ dateadd('minute', var('session_gap_minutes'), 'previous_at') }}
                    then occurred_at
            end
        ) over (partition by site_id, visitor_id order by occurred_at, event_id rows unbounded preceding) as block_started_at
    from silences
),

starts as (
    select
        *,
        case
            when previous_at is null or previous_at < block_started_at
                or (campaign is not null and (last_campaign is null or last_campaign_at < block_started_at))
                or campaign <> last_campaign
                then 's' || substr(md5(site_id || '|' || visitor_id || '|' || event_id), 1, 16)
        end as started_session_id
    from blocks
),

assigned as (
    select
        event_id,
        event_date,
        block_started_at,
        started_session_id is not null as is_session_start,
        last_value(started_session_id ignore nulls)
            over (partition by site_id, visitor_id order by occurred_at, event_id rows unbounded preceding) as session_id
    from starts
)

select
    events.event_id,
    assigned.session_id,
    assigned.is_session_start,
    assigned.block_started_at,
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
inner join assigned
    on events.event_id = assigned.event_id and events.event_date = assigned.event_date
{% if execute and is_incremental() %}
where {{ in_days('events.event_date', far) }}
{%- endif %}
