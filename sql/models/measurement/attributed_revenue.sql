{{ config(on_schema_change='append_new_columns') }}
{% set night = night_literal() %}
{% set rules = recommendation_rules() + channel_rules() %}

with lines as (
    select * from {{ ref('attributable_lines') }}
    where night = {{ night }}
),

claims as (
    select * from {{ ref('attribution_claims') }}
    where night = {{ night }}
),

rules (rule, is_over_channels) as (
    values
    {% for rule in rules -%}
        ('{{ rule }}', {{ 'true' if rule in channel_rules() else 'false' }}){{ ',' if not loop.last }}
    {% endfor %}
),

credited as (
    select distinct rule, site_id, order_id, order_line_id from claims
    where is_credited
),

-- a line that nobody claims stands under 'none' and its own channel, so that every rule adds up to the ledger
claimed as (
    select
        claims.rule,
        claims.site_id,
        claims.order_id,
        claims.order_line_id,
        claims.scenario_id,
        claims.model_version,
        claims.variant,
        claims.channel,
        claims.share_from,
        claims.share_to,
        claims.share_of,
        claims.is_credited,
        true as is_claim
    from claims
    union all
    select
        rules.rule,
        lines.site_id,
        lines.order_id,
        lines.order_line_id,
        case when rules.is_over_channels then lines.scenario_id else 'none' end as scenario_id,
        case when rules.is_over_channels then lines.model_version else 'none' end as model_version,
        case when rules.is_over_channels then lines.variant else 'none' end as variant,
        lines.channel,
        0 as share_from,
        1 as share_to,
        1 as share_of,
        true as is_credited,
        false as is_claim
    from lines
    cross join rules
    left join credited
        on
            rules.rule = credited.rule
            and lines.site_id = credited.site_id
            and lines.order_id = credited.order_id
            and lines.order_line_id = credited.order_line_id
    where credited.rule is null
),

shares as (
    select
        lines.order_date,
        lines.site_id,
        lines.order_id,
        claimed.rule,
        coalesce(claimed.scenario_id, lines.scenario_id) as scenario_id,
        coalesce(claimed.model_version, lines.model_version) as model_version,
        coalesce(claimed.variant, lines.variant) as variant,
        coalesce(claimed.channel, lines.channel) as channel,
        lines.currency,
        claimed.is_credited,
        claimed.is_claim,
        claimed.share_from = 0 and claimed.is_credited as is_counted,
        lines.is_order_head,
        lines.movements,
        {% for figure in ['gross', 'discount', 'cancelled', 'refunded', 'adjusted', 'cost'] -%}
            {{ share_of('lines.' ~ figure, 'claimed.share_from', 'claimed.share_to', 'claimed.share_of') }} as {{ figure }},
        {% endfor -%}
        {{ share_of('lines.margin', 'claimed.share_from', 'claimed.share_to', 'claimed.share_of') }} as margin
    from claimed
    inner join lines
        on
            claimed.site_id = lines.site_id
            and claimed.order_id = lines.order_id
            and claimed.order_line_id = lines.order_line_id
)

select
    {{ night }} as night,
    order_date,
    site_id,
    rule,
    scenario_id,
    model_version,
    variant,
    channel,
    currency,
    cast(coalesce(sum(movements) filter (where is_counted), 0) as bigint) as movements,
    count(*) filter (where is_credited) as lines,
    count(distinct order_id) filter (where is_counted and is_order_head) as orders,
    {% for figure in ['gross', 'discount', 'cancelled', 'refunded', 'adjusted'] -%}
        cast(coalesce(sum({{ figure }}) filter (where is_credited), 0) as decimal(18, 4)) as {{ figure }},
    {% endfor -%}
    cast(
        coalesce(sum(gross - discount - cancelled - refunded + adjusted) filter (where is_credited), 0) as decimal(18, 4)
    ) as net,
    cast(sum(cost) filter (where is_credited) as decimal(18, 4)) as cost,
    cast(sum(margin) filter (where is_credited) as decimal(18, 4)) as margin,
    cast(
        coalesce(sum(gross - discount - cancelled - refunded + adjusted) filter (where is_claim), 0) as decimal(18, 4)
    ) as claimed_net
from shares
group by order_date, site_id, rule, scenario_id, model_version, variant, channel, currency
