{#- Attribution rules are one model each, in models/measurement/rules; what they have in common is here. -#}

{#- Names of the rules: those over recommendations, of which several scenarios may claim one line, and those over channels. -#}
{% macro recommendation_rules() -%}{{ return(['request', 'click_30_minutes', 'click_7_days', 'unit']) }}{%- endmacro %}
{% macro channel_rules() -%}{{ return(['first', 'last', 'linear', 'position']) }}{%- endmacro %}

{#- Claims on an order line by the touches that a condition names: one per scenario, by its last touch; the last of all wins. -#}
{% macro scenario_claims(rule, condition) -%}
with touches as (
    select
        *,
        row_number() over (
            partition by night, site_id, order_id, order_line_id, scenario_id order by touched_at desc, touch_id desc
        ) as place_in_scenario,
        row_number() over (
            partition by night, site_id, order_id, order_line_id order by touched_at desc, touch_id desc
        ) as place
    from {{ ref('touch_candidates') }}
    where {{ condition }}
)

select
    night,
    '{{ rule }}' as rule,
    site_id,
    order_id,
    order_line_id,
    touch_id,
    scenario_id,
    model_version,
    variant,
    channel,
    0 as share_from,
    1 as share_to,
    1 as share_of,
    place = 1 as is_credited
from touches
where place_in_scenario = 1
{%- endmacro %}

{#- Claims of visits on an order line; the shares are SQL over place, from 1, and places. A share of nothing is no claim. -#}
{% macro visit_claims(rule, share_from, share_to, share_of) -%}
with touches as (
    select
        *,
        row_number() over (
            partition by night, site_id, order_id, order_line_id order by touched_at, touch_id
        ) as place,
        count(*) over (partition by night, site_id, order_id, order_line_id) as places
    from {{ ref('touch_candidates') }}
    where touch_type = 'visit'
),

shares as (
    select
        *,
        {{ share_from }} as share_from,
        {{ share_to }} as share_to,
        {{ share_of }} as share_of
    from touches
)

select
    night,
    '{{ rule }}' as rule,
    site_id,
    order_id,
    order_line_id,
    touch_id,
    scenario_id,
    model_version,
    variant,
    channel,
    share_from,
    share_to,
    share_of,
    true as is_credited
from shares
where share_to > share_from
{%- endmacro %}
