{#-
  A query: one row per order movement known on a night (a date as SQL), with the person, segment, channel, request and
  scenario that its order has as of that night. Keep sums out: they are the models'.
-#}
{% macro movements_known_on(night) -%}
with people as (
    select identifier, person_id from {{ source('identity', 'identity_map') }}
    where known_on <= {{ night }} and (void_on is null or void_on > {{ night }})
),

known_movements as (
    select * from {{ ref('order_movements') }}
    where known_on <= {{ night }} and movement_date <= {{ night }}
),

requests as (
    select
        site_id,
        request_id,
        min_by(scenario_id, (occurred_at, event_id)) as scenario_id,
        min_by(variant, (occurred_at, event_id)) as variant,
        min_by(model_version, (occurred_at, event_id)) as model_version
    from {{ ref('stg_recommendation_events') }}
    where
        event_type = 'served' and known_on <= {{ night }} and event_date <= {{ night }}
        and (site_id, request_id) in (
            select known_movements.site_id, known_movements.request_id from known_movements
            where known_movements.movement = 'sale'
        )
    group by site_id, request_id
),

checkouts as (
    select
        site_id,
        order_id,
        min_by(session_id, (occurred_at, event_id)) as session_id
    from {{ ref('session_events') }}
    where
        event_type = 'checkout_complete'
        and order_id is not null
        and known_on <= {{ night }}
        and event_date <= {{ night }}
    group by site_id, order_id
),

visits as (
    select session_id, channel from {{ ref('sessions') }}
    where known_on <= {{ night }}
),

primary_segments as (
    select site_id, person_id, segment_id from {{ source('segments', 'primary_segment') }}
    where night = {{ night }}
),

-- who bought and from which list is said by the sale; a refund inherits it, so that both meet in one cell
order_facts as (
    select
        site_id,
        order_id,
        min_by(identifier, (movement <> 'sale', occurred_at, movement_id)) filter (where identifier is not null) as identifier,
        min_by(visitor_id, (movement <> 'sale', occurred_at, movement_id)) filter (where visitor_id is not null) as visitor_id,
        max_by(movement_id, (gross, order_line_id, movement_id)) filter (where movement = 'sale') as leading_movement_id
    from known_movements
    group by site_id, order_id
),

line_facts as (
    select
        site_id,
        order_id,
        order_line_id,
        min_by(request_id, (occurred_at, movement_id)) filter (where movement = 'sale' and request_id is not null) as request_id,
        count(*) filter (where movement = 'sale') > 0 as has_sale
    from known_movements
    group by site_id, order_id, order_line_id
)

select
    known_movements.movement_id,
    known_movements.site_id,
    known_movements.order_id,
    known_movements.order_line_id,
    known_movements.movement,
    known_movements.movement_date,
    case
        when line_facts.has_sale then known_movements.order_date else known_movements.movement_date
    end as order_date,
    known_movements.occurred_at,
    people.person_id,
    order_facts.visitor_id,
    known_movements.item_id,
    known_movements.is_goods,
    coalesce(known_movements.movement_id = order_facts.leading_movement_id, false) as is_order_head,
    known_movements.quantity,
    known_movements.gross,
    known_movements.discount,
    known_movements.cancelled,
    known_movements.refunded,
    known_movements.adjusted,
    known_movements.net,
    known_movements.cost,
    known_movements.margin,
    known_movements.currency,
    coalesce(
        visits.channel,
        case when order_facts.visitor_id is null then 'offline' else 'unknown' end
    ) as channel,
    case
        when people.person_id is null then 'unknown'
        else coalesce(primary_segments.segment_id, 'everyone-else')
    end as segment_id,
    line_facts.request_id,
    coalesce(requests.scenario_id, 'none') as scenario_id,
    coalesce(requests.model_version, 'none') as model_version,
    coalesce(requests.variant, 'none') as variant,
    known_movements.known_on
from known_movements
inner join order_facts
    on known_movements.site_id = order_facts.site_id and known_movements.order_id = order_facts.order_id
inner join line_facts
    on
        known_movements.site_id = line_facts.site_id
        and known_movements.order_id = line_facts.order_id
        and known_movements.order_line_id = line_facts.order_line_id
left join people on order_facts.identifier = people.identifier
left join primary_segments
    on known_movements.site_id = primary_segments.site_id and people.person_id = primary_segments.person_id
left join checkouts
    on known_movements.site_id = checkouts.site_id and known_movements.order_id = checkouts.order_id
left join visits on checkouts.session_id = visits.session_id
left join requests
    on known_movements.site_id = requests.site_id and line_facts.request_id = requests.request_id
{%- endmacro %}
