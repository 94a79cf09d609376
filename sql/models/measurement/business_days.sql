{% set night = night_literal() %}
{% set counts = ['orders', 'customers', 'coupon_orders', 'discounted_orders', 'returned_orders', 'units_sold',
    'units_returned', 'movements', 'unconverted'] %}
{% set amounts = ['gross', 'discount', 'cancelled', 'refunded', 'adjusted', 'net'] %}

with orders as (
    select * from {{ ref('orders_as_of_night') }}
),

report_window as (
    select starts_on, ends_on from {{ source('measurement', 'report_windows') }}
    where night = {{ night }}
),

ordered as (
    select
        orders.order_date as report_date,
        orders.site_id,
        orders.channel,
        case
            when orders.order_number = 1 then 'new'
            when orders.order_number > 1 then 'returning'
            when orders.has_sale and not orders.is_kept then 'cancelled'
            else 'unknown'
        end as customer_type,
        count(*) filter (where orders.has_sale) as orders,
        count(distinct orders.person_id) filter (where orders.is_counted) as customers,
        count(*) filter (where orders.has_sale and orders.coupon_code is not null) as coupon_orders,
        count(*) filter (where orders.has_sale and orders.discount > 0) as discounted_orders,
        count(*) filter (where orders.units_returned > 0) as returned_orders,
        sum(orders.units_sold) as units_sold,
        sum(orders.units_returned) as units_returned,
        sum(orders.movements) as movements,
        sum(orders.unconverted) as unconverted,
        sum(orders.gross) as gross,
        sum(orders.discount) as discount,
        sum(orders.cancelled) as cancelled,
        sum(orders.refunded) as refunded,
        sum(orders.adjusted) as adjusted,
        sum(orders.net) as net,
        sum(orders.margin) as margin
    from orders
    inner join report_window on orders.order_date between report_window.starts_on and report_window.ends_on
    group by orders.order_date, orders.site_id, orders.channel, customer_type
),

-- visits stand in rows of their own, so that they add up beside the orders
visited as (
    select
        visit_days.event_date as report_date,
        visit_days.site_id,
        visit_days.channel,
        'visit' as customer_type,
        sum(visit_days.sessions) as visits,
        sum(visit_days.engaged_sessions) as engaged_visits
    from {{ ref('visit_days') }} as visit_days
    inner join report_window on visit_days.event_date between report_window.starts_on and report_window.ends_on
    where visit_days.known_on <= {{ night }}
    group by visit_days.event_date, visit_days.site_id, visit_days.channel
),

final as (
    select
        *,
        0 as visits,
        0 as engaged_visits
    from ordered
    union all
    select
        report_date,
        site_id,
        channel,
        customer_type,
        {% for figure in counts -%}
            0 as {{ figure }},
        {% endfor -%}
        {% for figure in amounts -%}
            0 as {{ figure }},
        {% endfor -%}
        cast(null as decimal(18, 4)) as margin,
        visits,
        engaged_visits
    from visited
)

select
    {{ night }} as night,
    final.report_date,
    final.site_id,
    final.channel,
    final.customer_type,
    sites.currency,
    cast(final.visits as bigint) as visits,
    cast(final.engaged_visits as bigint) as engaged_visits,
    {% for figure in counts -%}
        cast(final.{{ figure }} as bigint) as {{ figure }},
    {% endfor -%}
    {% for figure in amounts -%}
        cast(final.{{ figure }} as decimal(18, 4)) as {{ figure }},
    {% endfor -%}
    cast(final.margin as decimal(18, 4)) as margin
from final
left join {{ source('raw', 'sites') }} as sites on final.site_id = sites.site_id
