{#- A search in the form in which searches are counted: lower case, no blanks around it. -#}
{% macro search_term(column='search_query') -%}lower(trim({{ column }})){%- endmacro %}
