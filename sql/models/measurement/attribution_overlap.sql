{% set night = night_literal() %}
{% set rules = recommendation_rules() %}

with lines as (
    select * from {{ ref('attributable_lines') }}
    where night = {{ night }}
),

claims as (
    select
        site_id,
        order_id,
        order_line_id,
        {{ values_in_order("rule || ':' || scenario_id", "rule || ':' || scenario_id") }} as claimants,
        {% for rule in rules -%}
            count(*) filter (where rule = '{{ rule }}') as claims_by_{{ rule }},
        {% endfor -%}
        count(distinct rule) as rules,
        count(distinct scenario_id) as scenarios
    from {{ ref('attribution_claims') }}
    where night = {{ night }} and rule in ('{{ rules | join("', '") }}')
    group by site_id, order_id, order_line_id
)

select
    {{ night }} as night,
    lines.order_date,
    lines.site_id,
    coalesce({{ joined_text('claims.claimants', ', ') }}, 'nobody') as claimed_by,
    lines.currency,
    coalesce(min(claims.rules), 0) as rules,
    coalesce(min(claims.scenarios), 0) as scenarios,
    {% for rule in rules -%}
        coalesce(min(claims.claims_by_{{ rule }}), 0) as claims_by_{{ rule }},
    {% endfor -%}
    count(*) as lines,
    cast(sum(lines.movements) as bigint) as movements,
    cast(sum(lines.net) as decimal(18, 4)) as net,
    cast(sum(lines.margin) as decimal(18, 4)) as margin
from lines
left join claims
    on
        lines.site_id = claims.site_id
        and lines.order_id = claims.order_id
        and lines.order_line_id = claims.order_line_id
group by lines.order_date, lines.site_id, claimed_by, lines.currency
