{{ config(materialized='view', pre_hook=[]) }}

{% for rule in recommendation_rules() + channel_rules() -%}
    select
        night,
        rule,
        site_id,
        order_id,
        order_line_id,
        touch_id,
        scenario_id,
        model_version,
        variant,
        channel,
        cast(share_from as bigint) as share_from,
        cast(share_to as bigint) as share_to,
        cast(share_of as bigint) as share_of,
        is_credited
    from {{ ref('claims_by_' ~ rule) }}
    {% if not loop.last %}union all
    {% endif %}
{%- endfor %}
