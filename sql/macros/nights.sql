{#- Nights as given on the command line. Add here what turns a --vars date into SQL; nothing else may read those vars. -#}

{#- A date as a SQL literal; anything that is not YYYY-MM-DD stops the run before it reaches the warehouse. -#}
{% macro date_literal(value) -%}
  {%- set text = value | string -%}
  {%- if not modules.re.match('^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$', text) -%}
    {{ exceptions.raise_compiler_error("Not a date: '" ~ text ~ "'; give nights as YYYY-MM-DD.") }}
  {%- endif -%}
  cast('{{ text }}' as date)
{%- endmacro %}

{#- The night that a one-night stage is computed for. -#}
{% macro night_literal() -%}
  {%- if execute and not var('night') -%}
    {{ exceptions.raise_compiler_error("This stage runs a night at a time; give --vars '{night: YYYY-MM-DD}'.") }}
  {%- endif -%}
  {{ date_literal(var('night') or '9999-12-31') }}
{%- endmacro %}

{#- Whether a column lies in the nights of this run. -#}
{% macro in_nights(column) -%}
  {{ column }} between {{ date_literal(var('from_night')) }} and {{ date_literal(var('to_night')) }}
{%- endmacro %}
