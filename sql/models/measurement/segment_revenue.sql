{% set night = night_literal() %}

with lines as (
    select * from {{ ref('attributable_lines') }}
    where night = {{ night }}
),

memberships as (
    select site_id, person_id, segment_id from {{ source('segments', 'segment_membership') }}
    where night = {{ night }}
),

in_segments as (
    select
        lines.*,
        coalesce(memberships.segment_id, 'no-segment') as segment_id,
        false as is_total
    from lines
    left join memberships on lines.site_id = memberships.site_id and lines.person_id = memberships.person_id
    union all
    select
        *,
        'all' as segment_id,
        true as is_total
    from lines
)

select
    {{ night }} as night,
    order_date as report_date,
    site_id,
    segment_id,
    channel,
    scenario_id,
    currency,
    is_total,
    cast(sum(movements) as bigint) as movements,
    count(distinct order_id) filter (where is_order_head) as orders,
    count(distinct person_id) as customers,
    cast(sum(gross) as decimal(18, 4)) as gross,
    cast(sum(discount) as decimal(18, 4)) as discount,
    cast(sum(cancelled) as decimal(18, 4)) as cancelled,
    cast(sum(refunded) as decimal(18, 4)) as refunded,
    cast(sum(adjusted) as decimal(18, 4)) as adjusted,
    cast(sum(net) as decimal(18, 4)) as net,
    cast(sum(margin) as decimal(18, 4)) as margin
from in_segments
group by order_date, site_id, segment_id, channel, scenario_id, currency, is_total
