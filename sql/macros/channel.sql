{#-
  Where a visit came from and the channel that this makes, by config/channels.yml (perso_pipeline/interactions/channels.py
  hands it over as the variable `channels`, its patterns checked).
-#}

{#- A column of the ad click id's kind, named in the config; null for other kinds. -#}
{% macro of_click_id(kind, key) -%}
  case {{ kind }}
    {%- for click_id in var('channels').get('click_ids', []) %}
    when {{ sql_text(click_id['kind']) }} then {{ sql_text(click_id[key]) }}
    {%- endfor %}
    when null then null
  end
{%- endmacro %}

{#- Source and medium: of the UTM parameters, else of the click id, else of the referring host; both null is direct. -#}
{% macro traffic_source(source, medium, campaign, click_kind, referrer_host) -%}
  case
    when coalesce({{ source }}, {{ medium }}, {{ campaign }}) is not null then lower({{ source }})
    when {{ of_click_id(click_kind, 'source') }} is not null then {{ of_click_id(click_kind, 'source') }}
    else {{ referrer_host }}
  end
{%- endmacro %}
{% macro traffic_medium(source, medium, campaign, click_kind, referrer_host) -%}
  case
    when coalesce({{ source }}, {{ medium }}, {{ campaign }}) is not null then lower({{ medium }})
    when {{ of_click_id(click_kind, 'medium') }} is not null then {{ of_click_id(click_kind, 'medium') }}
    when {{ matches(referrer_host, var('channels').get('search', '$^')) }} then 'organic'
    when {{ referrer_host }} is not null then 'referral'
  end
{%- endmacro %}

{#- The first channel with a rule that fits. -#}
{% macro channel(source, medium, campaign) -%}
  {%- set columns = {'source': source, 'medium': medium, 'campaign': campaign} -%}
  case
    {%- for channel in var('channels').get('channels', []) %}
    when
      {%- for rule in channel['when'] %}
      {% if not loop.first %}or {% endif %}(
        {%- for column, pattern in rule -%}
        {% if not loop.first %} and {% endif %}{{ matches(columns[column], pattern) }}
        {%- endfor -%}
      )
      {%- endfor %}
      then {{ sql_text(channel['id']) }}
    {%- endfor %}
    when coalesce({{ source }}, {{ medium }}, {{ campaign }}) is null then 'direct'
    else 'unassigned'
  end
{%- endmacro %}
