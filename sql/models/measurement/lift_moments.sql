{{ config(on_schema_change='append_new_columns') }}
{% set night = night_literal() %}
{% set cells = [
    ('total', "'all'"),
    ('channel', 'channel'),
    ('segment', 'segment_id'),
    ('scenario', 'scenario_id'),
    ('visitor', "case when is_returning then 'returning' else 'new' end"),
    ('channel_segment_scenario', "channel || ' | ' || segment_id || ' | ' || scenario_id"),
] %}

with units as (
    select * from {{ ref('assignments') }}
    where night = {{ night }}
),

cap_quantiles as (
    select
        experiment_id,
        cap_quantile
    from {{ source('measurement', 'experiments') }}
    where night = {{ night }}
),

-- units without an order are many and count as zero: they are only counted
counted as (
    select
        experiment_id,
        site_id,
        variant,
        scenario_id,
        channel,
        segment_id,
        is_returning,
        min(assigned_date) as first_assigned_date,
        count(*) as units,
        count(*) filter (where is_mixed) as mixed_units,
        count(*) filter (where is_switched) as switched_units,
        count(*) filter (where is_mismatched) as mismatched_units
    from units
    group by experiment_id, site_id, variant, scenario_id, channel, segment_id, is_returning
),

outcomes as (
    select
        units.scenario_id,
        units.channel,
        units.segment_id,
        units.is_returning,
        units.is_mixed,
        outcomes.*
    from {{ ref('unit_outcomes') }} as outcomes
    inner join units
        on
            outcomes.experiment_id = units.experiment_id
            and outcomes.site_id = units.site_id
            and outcomes.unit_id = units.unit_id
    where outcomes.night = {{ night }}
),

in_cells as (
    {% for dimension, cell in cells %}
    select
        '{{ dimension }}' as dimension,
        {{ cell }} as cell,
        experiment_id,
        site_id,
        variant,
        min(first_assigned_date) as first_assigned_date,
        sum(units) as units,
        sum(mixed_units) as mixed_units,
        sum(switched_units) as switched_units,
        sum(mismatched_units) as mismatched_units
    from counted
    group by {{ cell ~ ', ' if dimension != 'total' else '' }}experiment_id, site_id, variant
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

in_periods as (
    select
        'to_date' as period,
        outcomes.*,
        outcomes.orders as period_orders,
        outcomes.net as period_net
    from outcomes
    union all
    select
        'last_28_days' as period,
        outcomes.*,
        outcomes.recent_orders as period_orders,
        outcomes.recent_net as period_net
    from outcomes
),

-- 28 digits: DuckDB multiplies decimals of up to 18 digits in 64 bits, which overflows from 316,228 on
bought as (
    {% for dimension, cell in cells %}
    select
        period,
        '{{ dimension }}' as dimension,
        {{ cell }} as cell,
        experiment_id,
        site_id,
        unit_id,
        variant,
        is_mixed,
        period_orders as orders,
        cast(period_net as decimal(28, 4)) as net,
        earlier_orders,
        cast(earlier_net as decimal(28, 4)) as earlier_net,
        case when period_orders > 0 or period_net <> 0 then first_currency end as first_currency,
        case when period_orders > 0 or period_net <> 0 then last_currency end as last_currency
    from in_periods
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- one cap for both arms of a cell, so that the arms lose alike
ranked as (
    select
        bought.*,
        cap_quantiles.cap_quantile,
        row_number() over (
            partition by bought.experiment_id, bought.site_id, bought.period, bought.dimension, bought.cell, bought.orders > 0
            order by bought.net, bought.unit_id
        ) as place,
        count(*) over (
            partition by bought.experiment_id, bought.site_id, bought.period, bought.dimension, bought.cell, bought.orders > 0
        ) as places
    from bought
    inner join cap_quantiles on bought.experiment_id = cap_quantiles.experiment_id
),

limited as (
    select
        *,
        max(case when orders > 0 and place <= ceil(cap_quantile * places) then net end) over (
            partition by experiment_id, site_id, period, dimension, cell
        ) as net_cap
    from ranked
),

capped as (
    select
        *,
        case when net > net_cap then net_cap else net end as capped_net
    from limited
),

summed as (
    select
        experiment_id,
        site_id,
        period,
        dimension,
        cell,
        variant,
        count(*) filter (where orders > 0) as ordering_units,
        sum(net) filter (where is_mixed) as mixed_net,
        sum(orders) as orders,
        sum(orders * orders) as orders_squared,
        sum(net) as net,
        sum(net * net) as net_squared,
        sum(orders * net) as orders_times_net,
        sum(capped_net) as capped_net,
        sum(capped_net * capped_net) as capped_net_squared,
        sum(earlier_orders) as earlier_orders,
        sum(earlier_orders * earlier_orders) as earlier_orders_squared,
        sum(orders * earlier_orders) as orders_times_earlier_orders,
        sum(earlier_net) as earlier_net,
        sum(earlier_net * earlier_net) as earlier_net_squared,
        sum(net * earlier_net) as net_times_earlier_net,
        sum(capped_net * earlier_net) as capped_net_times_earlier_net,
        max(net_cap) as net_cap,
        min(first_currency) as first_currency,
        max(last_currency) as last_currency
    from capped
    group by experiment_id, site_id, period, dimension, cell, variant
),

periods as (
    select 'to_date' as period
    union all
    select 'last_28_days' as period
),

final as (
    select
        periods.period,
        in_cells.*,
        summed.ordering_units,
        summed.mixed_net,
        summed.orders,
        summed.orders_squared,
        summed.net,
        summed.net_squared,
        summed.orders_times_net,
        summed.capped_net,
        summed.capped_net_squared,
        summed.earlier_orders,
        summed.earlier_orders_squared,
        summed.orders_times_earlier_orders,
        summed.earlier_net,
        summed.earlier_net_squared,
        summed.net_times_earlier_net,
        summed.capped_net_times_earlier_net,
        summed.net_cap,
        summed.first_currency,
        summed.last_currency
    from in_cells
    cross join periods
    left join summed
        on
            in_cells.experiment_id = summed.experiment_id
            and in_cells.site_id = summed.site_id
            and periods.period = summed.period
            and in_cells.dimension = summed.dimension
            and in_cells.cell = summed.cell
            and in_cells.variant = summed.variant
)

select
    {{ night }} as night,
    experiment_id,
    site_id,
    period,
    dimension,
    cell,
    variant,
    first_assigned_date,
    cast(units as bigint) as units,
    coalesce(ordering_units, 0) as ordering_units,
    cast(mixed_units as bigint) as mixed_units,
    cast(switched_units as bigint) as switched_units,
    cast(mismatched_units as bigint) as mismatched_units,
    {% for name in ['orders', 'orders_squared', 'earlier_orders', 'earlier_orders_squared', 'orders_times_earlier_orders'] %}
    cast(coalesce({{ name }}, 0) as bigint) as {{ name }},
    {% endfor %}
    {% for name in ['net', 'mixed_net', 'capped_net', 'orders_times_net', 'earlier_net'] %}
    cast(coalesce({{ name }}, 0) as decimal(38, 4)) as {{ name }},
    {% endfor %}
    {% for name in [
        'net_squared', 'capped_net_squared', 'earlier_net_squared', 'net_times_earlier_net', 'capped_net_times_earlier_net'
    ] %}
    cast(coalesce({{ name }}, 0) as decimal(38, 8)) as {{ name }},
    {% endfor %}
    cast(net_cap as decimal(18, 4)) as net_cap,
    first_currency,
    last_currency
from final
