{% set night = night_literal() %}

with movements as (
    select * from {{ ref('movements_as_of_night') }}
),

report_window as (
    select attribution_starts_on, ends_on from {{ source('measurement', 'report_windows') }}
    where night = {{ night }}
),

items as (
    select site_id, item_id, parent_item_id from {{ ref('item_profiles') }}
    where night = {{ night }} and parent_item_id is not null
),

final as (
    select
        movements.site_id,
        movements.order_id,
        movements.order_line_id,
        min(movements.order_date) as order_date,
        min(movements.occurred_at) filter (where movements.movement = 'sale') as ordered_at,
        min(movements.person_id) as person_id,
        min(movements.item_id) as item_id,
        min(movements.request_id) as request_id,
        min(movements.scenario_id) as scenario_id,
        min(movements.model_version) as model_version,
        min(movements.variant) as variant,
        min(movements.channel) as channel,
        movements.currency,
        count(*) as movements,
        bool_or(movements.is_order_head) as is_order_head,
        sum(movements.gross) as gross,
        sum(movements.discount) as discount,
        sum(movements.cancelled) as cancelled,
        sum(movements.refunded) as refunded,
        sum(movements.adjusted) as adjusted,
        sum(movements.net) as net,
        sum(movements.cost) as cost,
        sum(movements.margin) as margin
    from movements
    inner join report_window
        on movements.order_date between report_window.attribution_starts_on and report_window.ends_on
    group by movements.site_id, movements.order_id, movements.order_line_id, movements.currency
)

select
    {{ night }} as night,
    final.site_id,
    final.order_id,
    final.order_line_id,
    final.order_date,
    final.ordered_at,
    final.person_id,
    final.item_id,
    coalesce(items.parent_item_id, final.item_id) as family_item_id,
    final.request_id,
    final.scenario_id,
    final.model_version,
    final.variant,
    final.channel,
    final.currency,
    final.movements,
    final.is_order_head,
    cast(final.gross as decimal(18, 4)) as gross,
    cast(final.discount as decimal(18, 4)) as discount,
    cast(final.cancelled as decimal(18, 4)) as cancelled,
    cast(final.refunded as decimal(18, 4)) as refunded,
    cast(final.adjusted as decimal(18, 4)) as adjusted,
    cast(final.net as decimal(18, 4)) as net,
    cast(final.cost as decimal(18, 4)) as cost,
    cast(final.margin as decimal(18, 4)) as margin
from final
left join items on final.site_id = items.site_id and final.item_id = items.item_id
