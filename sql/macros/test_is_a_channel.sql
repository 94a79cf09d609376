{#- Every value is a channel of config/channels.yml, or one of those that the pipeline gives by itself. -#}
{% test is_a_channel(model, column_name, also=[]) %}
{%- set names = ['direct', 'unassigned'] + also -%}
{%- for channel in var('channels').get('channels', []) -%}{%- do names.append(channel['id']) -%}{%- endfor %}
select {{ column_name }}
from {{ model }}
where {{ column_name }} is null or {{ column_name }} not in ({% for name in names %}{{ sql_text(name) }}{% if not loop.last %}, {% endif %}{% endfor %})
{% endtest %}
