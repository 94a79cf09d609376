{% set night = night_literal() %}
{% set before = reported_before() %}
{% set figures = restated_figures() | list %}
{% set cell = ['report_date', 'site_id', 'channel', 'segment_id', 'scenario_id', 'currency'] %}

-- the days that both reports cover
with report_window as (
    select
        this.starts_on,
        {{ before }} as ends_on,
        this.known_erasures > earlier.known_erasures as is_erased
    from {{ source('measurement', 'report_windows') }} as this
    inner join {{ source('measurement', 'report_windows') }} as earlier on earlier.night = {{ before }}
    where this.night = {{ night }} and {{ before }} < {{ night }}
),

known_before as (
    {{ movements_known_on(before) | indent(4) }}
),

known_now as (
    {{ movements_known_on(night) | indent(4) }}
),

once_booked as (
    select
        known_before.*,
        known_before.order_date as report_date
    from known_before
    inner join report_window on known_before.order_date between report_window.starts_on and report_window.ends_on
),

now_booked as (
    select
        known_now.*,
        known_now.order_date as report_date
    from known_now
    inner join report_window on known_now.order_date between report_window.starts_on and report_window.ends_on
),

-- why a movement counts now and did not, or counts elsewhere
caused as (
    select
        coalesce(now_booked.movement_id, once_booked.movement_id) as movement_id,
        coalesce(now_booked.movement_date, once_booked.movement_date) as movement_date,
        case
            when once_booked.movement_id is null and now_booked.known_on > {{ before }} then
                case now_booked.movement
                    when 'sale' then 'late_order'
                    when 'cancellation' then 'cancellation'
                    when 'refund' then 'refund'
                    else 'adjustment'
                end
            when once_booked.movement_id is null or now_booked.movement_id is null then 'late_order'
            when now_booked.order_date <> once_booked.order_date then 'late_order'
            when coalesce(now_booked.person_id, '') <> coalesce(once_booked.person_id, '') then 'identity_merge'
            when now_booked.scenario_id <> once_booked.scenario_id then 'late_event'
            when now_booked.channel <> once_booked.channel then 'late_event'
            when now_booked.segment_id <> once_booked.segment_id then 'segment_change'
            else 'late_order' -- the dearest line of an order is another one now
        end as cause
    from now_booked
    full outer join once_booked
        on now_booked.movement_id = once_booked.movement_id and now_booked.movement_date = once_booked.movement_date
    where
        now_booked.movement_id is null
        or once_booked.movement_id is null
        or now_booked.is_order_head <> once_booked.is_order_head
        {% for column in cell -%}
        or now_booked.{{ column }} <> once_booked.{{ column }}
        {% endfor %}
),

moved as (
    {% for side, sign in [('now_booked', 1), ('once_booked', -1)] -%}
        select
            {% for column in cell -%}
                {{ side }}.{{ column }},
            {% endfor -%}
            caused.cause,
            {{ sign }} as movements,
            {{ sign }} * case when {{ side }}.is_order_head then 1 else 0 end as orders,
            {% for figure in figures[2:] -%}
                {{ sign }} * {{ side }}.{{ figure }} as {{ figure }}{{ ',' if not loop.last }}
            {% endfor -%}
        from {{ side }}
        inner join caused
            on {{ side }}.movement_id = caused.movement_id and {{ side }}.movement_date = caused.movement_date
        {{ 'union all' if not loop.last }}
    {% endfor -%}
),

-- what the earlier report said and what it would say by the facts as they stand today, known on the same night
restated as (
    select
        {% for column in cell -%}
            report.{{ column }},
        {% endfor -%}
        {% for figure in figures -%}
            case when report.night = {{ night }} then 1 else -1 end * report.{{ figure }} as {{ figure }}{{ ',' if not loop.last }}
        {% endfor -%}
    from {{ ref('revenue_report') }} as report
    inner join report_window on report.report_date between report_window.starts_on and report_window.ends_on
    where report.night in ({{ night }}, {{ before }})
),

remainders as (
    select
        {% for column in cell -%}
            {{ column }},
        {% endfor -%}
        {% for figure in figures -%}
            sum(coalesce({{ figure }}, 0)) as {{ figure }}{{ ',' if not loop.last }}
        {% endfor -%}
    from (
        select * from restated
        union all
        select
            {% for column in cell -%}
                {{ column }},
            {% endfor -%}
            {% for figure in figures -%}
                -{{ figure }} as {{ figure }}{{ ',' if not loop.last }}
            {% endfor -%}
        from moved
    ) as both_sides
    group by {{ cell | join(', ') }}
),

day_remainders as (
    select
        report_date,
        site_id,
        currency,
        {% for figure in figures[:8] -%}
            sum({{ figure }}) = 0{{ ' and' if not loop.last }}
        {% endfor -%} as is_same_money
    from remainders
    group by report_date, site_id, currency
),

late_days as (
    -- named only when it runs: raw.loaded_days is a ledger and no asset that a model waits for
    select distinct stream, event_date from {{ source('raw', 'loaded_days') if execute else 'raw.loaded_days' }}
    where load_date > {{ before }} and load_date <= {{ night }} and event_date <= {{ before }}
),

-- money that is the same in sum but labelled or costed otherwise comes from records that were late for that day
named_remainders as (
    select
        remainders.*,
        case
            when
                day_remainders.is_same_money
                and exists (
                    select 1 from late_days
                    where
                        late_days.stream in ('order_events', 'catalog_items')
                        or (
                            late_days.stream in ('storefront_events', 'recommendation_events')
                            and late_days.event_date
                            between remainders.report_date - interval 1 day and remainders.report_date + interval 1 day
                        )
                )
                then 'late_event'
            when report_window.is_erased then 'erasure'
            else 'unexplained'
        end as cause
    from remainders
    cross join report_window
    inner join day_remainders
        on
            remainders.report_date = day_remainders.report_date
            and remainders.site_id = day_remainders.site_id
            and remainders.currency = day_remainders.currency
),

all_causes as (
    {% for source in ['moved', 'named_remainders'] -%}
        select
            {% for column in cell + ['cause'] + figures -%}
                {{ column }}{{ ',' if not loop.last }}
            {% endfor -%}
        from {{ source }}
        {{ 'union all' if not loop.last }}
    {% endfor -%}
),

final as (
    select
        {% for column in cell + ['cause'] -%}
            {{ column }},
        {% endfor -%}
        {% for figure in figures -%}
            sum(coalesce({{ figure }}, 0)) as {{ figure }}{{ ',' if not loop.last }}
        {% endfor -%}
    from all_causes
    group by {{ (cell + ['cause']) | join(', ') }}
)

select
    {{ night }} as night,
    {{ before }} as since_night,
    report_date,
    site_id,
    channel,
    segment_id,
    scenario_id,
    currency,
    cause,
    cast(movements as bigint) as movements,
    cast(orders as bigint) as orders,
    {% for figure in figures[2:] -%}
        cast({{ figure }} as decimal(18, 4)) as {{ figure }}{{ ',' if not loop.last }}
    {% endfor -%}
from final
where
    {% for figure in figures -%}
        {{ figure }} <> 0
        {{ 'or' if not loop.last }}
    {% endfor %}
