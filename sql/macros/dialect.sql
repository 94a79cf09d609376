{#- Constructs that differ between engines, one dispatched macro each. Add one only where dbt has none of its own. -#}

{#- A 64-bit hash of some columns; equal rows have equal hashes, the reverse nearly always. -#}
{% macro row_fingerprint(columns) -%}
  {{ return(adapter.dispatch('row_fingerprint')(columns)) }}
{%- endmacro %}
{% macro duckdb__row_fingerprint(columns) -%}hash({{ columns | join(', ') }}){%- endmacro %}
{% macro spark__row_fingerprint(columns) -%}xxhash64({{ columns | join(', ') }}){%- endmacro %}

{#- A text as a literal. -#}
{% macro sql_text(text) -%}'{{ text | replace("'", "''") }}'{%- endmacro %}

{#- Whether a text contains a pattern, case-blind; false for null. Pattern: a Jinja string that holds a regular expression. -#}
{% macro matches(column, pattern) -%}
  {{ return(adapter.dispatch('matches')(column, pattern)) }}
{%- endmacro %}
{% macro duckdb__matches(column, pattern) -%}coalesce(regexp_matches(lower({{ column }}), {{ sql_text(pattern) }}), false){%- endmacro %}
{% macro spark__matches(column, pattern) -%}coalesce(lower({{ column }}) rlike {{ sql_text(pattern | replace("\\", "\\\\")) }}, false){%- endmacro %}

{#- Host of a web address, lower case; null where there is none. -#}
{% macro host_of(column) -%}
  {{ return(adapter.dispatch('host_of')(column)) }}
{%- endmacro %}
{% macro duckdb__host_of(column) -%}nullif(regexp_extract(lower({{ column }}), '^[a-z]+://(?:www\.)?([^/:?#]+)', 1), ''){%- endmacro %}
{% macro spark__host_of(column) -%}nullif(regexp_extract(lower({{ column }}), '^[a-z]+://(?:www\\.)?([^/:?#]+)', 1), ''){%- endmacro %}

{#- Which of the steps of so many minutes since 1970 a UTC moment lies in. -#}
{% macro time_step(column, minutes) -%}
  {{ return(adapter.dispatch('time_step')(column, minutes)) }}
{%- endmacro %}
{% macro duckdb__time_step(column, minutes) -%}epoch_us({{ column }}) // {{ minutes | int * 60000000 }}{%- endmacro %}
{% macro spark__time_step(column, minutes) -%}unix_micros({{ column }}) div {{ minutes | int * 60000000 }}{%- endmacro %}

{#- One row per day from the first to the last, both included. -#}
{% macro each_day(first, last) -%}
  {{ return(adapter.dispatch('each_day')(first, last)) }}
{%- endmacro %}
{% macro duckdb__each_day(first, last) -%}
  cast(unnest(generate_series(cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval 1 day)) as date)
{%- endmacro %}
{% macro spark__each_day(first, last) -%}explode(sequence({{ first }}, {{ last }})){%- endmacro %}

{#- Lists, which engines name differently. Positions count from 1; a null list contains nothing. -#}

{#- Aggregate: the values of some rows in any order; null where there is none. -#}
{% macro values_of(column, condition) -%}
  {{ return(adapter.dispatch('values_of')(column, condition)) }}
{%- endmacro %}
{% macro duckdb__values_of(column, condition) -%}
  list({{ column }}) filter (where {{ condition }} and {{ column }} is not null)
{%- endmacro %}
{% macro spark__values_of(column, condition) -%}
  nullif(collect_list(case when {{ condition }} then {{ column }} end), array())
{%- endmacro %}

{#- The distinct values of a list, sorted. -#}
{% macro distinct_values(list) -%}
  {{ return(adapter.dispatch('distinct_values')(list)) }}
{%- endmacro %}
{% macro duckdb__distinct_values(list) -%}list_sort(list_distinct({{ list }})){%- endmacro %}
{% macro spark__distinct_values(list) -%}sort_array(array_distinct({{ list }})){%- endmacro %}

{#-
  The members of the lists in a list. One list comes back as it is (nearly always there is but one, and sorting
  them all costs more than finding them), several as their distinct members, sorted.
-#}
{% macro members_of(lists) -%}
  {{ return(adapter.dispatch('members_of')(lists)) }}
{%- endmacro %}
{% macro duckdb__members_of(lists) -%}
  case when len({{ lists }}) = 1 then {{ lists }}[1] else list_sort(list_distinct(flatten({{ lists }}))) end
{%- endmacro %}
{% macro spark__members_of(lists) -%}
  case when size({{ lists }}) = 1 then {{ lists }}[0] else sort_array(array_distinct(flatten({{ lists }}))) end
{%- endmacro %}

{#- The members of the lists in a list, one after the other; null for null. -#}
{% macro joined_lists(lists) -%}flatten({{ lists }}){%- endmacro %}

{#- How many distinct members a list has; 0 for null. -#}
{% macro count_of_members(list) -%}
  {{ return(adapter.dispatch('count_of_members')(list)) }}
{%- endmacro %}
{% macro duckdb__count_of_members(list) -%}coalesce(len(list_distinct({{ list }})), 0){%- endmacro %}
{% macro spark__count_of_members(list) -%}case when {{ list }} is null then 0 else size(array_distinct({{ list }})) end{%- endmacro %}

{#- Aggregate: the values in the order of a key that is unique within the group. -#}
{% macro values_in_order(column, key) -%}
  {{ return(adapter.dispatch('values_in_order')(column, key)) }}
{%- endmacro %}
{% macro duckdb__values_in_order(column, key) -%}list({{ column }} order by {{ key }}){%- endmacro %}
{% macro spark__values_in_order(column, key) -%}
  transform(sort_array(collect_list(struct({{ key }} as k, {{ column }} as v))), x -> x.v)
{%- endmacro %}

{#- Two columns that turn a row into one row per member of its list: the member and its position. -#}
{% macro with_position(column, member, position) -%}
  {{ return(adapter.dispatch('with_position')(column, member, position)) }}
{%- endmacro %}
{% macro duckdb__with_position(column, member, position) -%}
  unnest({{ column }}) as {{ member }},
  unnest(range(1, len({{ column }}) + 1)) as {{ position }}
{%- endmacro %}
{% macro spark__with_position(column, member, position) -%}
  inline(transform({{ column }}, (x, i) -> struct(x as {{ member }}, cast(i + 1 as bigint) as {{ position }})))
{%- endmacro %}

{#- The positions of a list, from 1; null for null. -#}
{% macro all_positions(column) -%}
  {{ return(adapter.dispatch('all_positions')(column)) }}
{%- endmacro %}
{% macro duckdb__all_positions(column) -%}range(1, len({{ column }}) + 1){%- endmacro %}
{% macro spark__all_positions(column) -%}transform({{ column }}, (x, i) -> cast(i + 1 as bigint)){%- endmacro %}

{#- Position of the first such member; 0 or null where there is none. -#}
{% macro position_in(column, member) -%}
  {{ return(adapter.dispatch('position_in')(column, member)) }}
{%- endmacro %}
{% macro duckdb__position_in(column, member) -%}list_position({{ column }}, {{ member }}){%- endmacro %}
{% macro spark__position_in(column, member) -%}array_position({{ column }}, {{ member }}){%- endmacro %}

{% macro is_in(column, member) -%}
  {{ return(adapter.dispatch('is_in')(column, member)) }}
{%- endmacro %}
{% macro duckdb__is_in(column, member) -%}coalesce(list_contains({{ column }}, {{ member }}), false){%- endmacro %}
{% macro spark__is_in(column, member) -%}coalesce(array_contains({{ column }}, {{ member }}), false){%- endmacro %}

{% macro value_at(column, position) -%}
  {{ return(adapter.dispatch('value_at')(column, position)) }}
{%- endmacro %}
{% macro duckdb__value_at(column, position) -%}{{ column }}[{{ position }}]{%- endmacro %}
{% macro spark__value_at(column, position) -%}element_at({{ column }}, cast({{ position }} as int)){%- endmacro %}

{#- A text with the moment and the event that stated it: the greatest of several is the newest. -#}
{% macro stated(stated_at, event_id, value) -%}
  {{ return(adapter.dispatch('stated')(stated_at, event_id, value)) }}
{%- endmacro %}
{% macro duckdb__stated(stated_at, event_id, value) -%}
  struct_pack(stated_at := {{ stated_at }}, event_id := {{ event_id }}, value := cast({{ value }} as varchar))
{%- endmacro %}
{% macro spark__stated(stated_at, event_id, value) -%}
  named_struct('stated_at', {{ stated_at }}, 'event_id', {{ event_id }}, 'value', cast({{ value }} as string))
{%- endmacro %}

{#- A visit by when it began, with what sent it: the least of several is the first touch, the greatest the last. -#}
{% macro touch(started_at, session_id, source, medium) -%}
  {{ return(adapter.dispatch('touch')(started_at, session_id, source, medium)) }}
{%- endmacro %}
{% macro duckdb__touch(started_at, session_id, source, medium) -%}
  struct_pack(started_at := {{ started_at }}, session_id := {{ session_id }}, source := {{ source }}, medium := {{ medium }})
{%- endmacro %}
{% macro spark__touch(started_at, session_id, source, medium) -%}
  named_struct('started_at', {{ started_at }}, 'session_id', {{ session_id }}, 'source', {{ source }}, 'medium', {{ medium }})
{%- endmacro %}

{#- A key of a JSON object as text. -#}
{% macro json_text(column, key) -%}
  {{ return(adapter.dispatch('json_text')(column, key)) }}
{%- endmacro %}
{% macro duckdb__json_text(column, key) -%}json_extract_string({{ column }}, '$.{{ key }}'){%- endmacro %}
{% macro spark__json_text(column, key) -%}get_json_object({{ column }}, '$.{{ key }}'){%- endmacro %}

{#- A UTC moment in a time zone that stands in a column. -#}
{% macro local_time(zone, moment) -%}
  {{ return(adapter.dispatch('local_time')(zone, moment)) }}
{%- endmacro %}
{% macro duckdb__local_time(zone, moment) -%}timezone({{ zone }}, timezone('UTC', {{ moment }})){%- endmacro %}
{% macro spark__local_time(zone, moment) -%}from_utc_timestamp({{ moment }}, {{ zone }}){%- endmacro %}

{#- A key of a JSON object that holds a list of whole numbers; null where it does not. -#}
{% macro json_integers(column, key) -%}
  {{ return(adapter.dispatch('json_integers')(column, key)) }}
{%- endmacro %}
{% macro duckdb__json_integers(column, key) -%}try_cast(json_extract({{ column }}, '$.{{ key }}') as bigint[]){%- endmacro %}
{% macro spark__json_integers(column, key) -%}from_json(get_json_object({{ column }}, '$.{{ key }}'), 'array<bigint>'){%- endmacro %}

{#-
  The share of an amount from one numerator to the next: shares of 0 to a, a to b, ... to the denominator add up to
  the amount exactly, in ten-thousandths and whole numbers all the way.
-#}
{% macro share_of(amount, share_from, share_to, share_of) -%}
  {{ return(adapter.dispatch('share_of')(amount, share_from, share_to, share_of)) }}
{%- endmacro %}
{% macro duckdb__share_of(amount, share_from, share_to, share_of) -%}
  {%- set units = "cast(" ~ amount ~ " * 10000 as hugeint)" -%}
  cast(({{ units }} * {{ share_to }} // {{ share_of }} - {{ units }} * {{ share_from }} // {{ share_of }})
  * cast(0.0001 as decimal(18, 4)) as decimal(18, 4))
{%- endmacro %}
{% macro spark__share_of(amount, share_from, share_to, share_of) -%}
  {%- set units = "cast(" ~ amount ~ " * 10000 as bigint)" -%}
  cast(({{ units }} * {{ share_to }} div {{ share_of }} - {{ units }} * {{ share_from }} div {{ share_of }})
  * cast(0.0001 as decimal(18, 4)) as decimal(18, 4))
{%- endmacro %}

{#- The members of a list of texts as one text. -#}
{% macro joined_text(list, separator) -%}
  {{ return(adapter.dispatch('joined_text')(list, separator)) }}
{%- endmacro %}
{% macro duckdb__joined_text(list, separator) -%}array_to_string({{ list }}, {{ sql_text(separator) }}){%- endmacro %}
{% macro spark__joined_text(list, separator) -%}array_join({{ list }}, {{ sql_text(separator) }}){%- endmacro %}

{#- Where a unit falls in [0, 1) under a salt: contracts.assignment.share, bit for bit. Arguments are expressions. -#}
{% macro hash_share(salt, unit) -%}
  {{ return(adapter.dispatch('hash_share')(salt, unit)) }}
{%- endmacro %}
{% macro duckdb__hash_share(salt, unit) -%}
  cast(cast('0x' || left(md5({{ salt }} || ':' || {{ unit }}), 15) as bigint) as double) / 1152921504606846976
{%- endmacro %}
{% macro spark__hash_share(salt, unit) -%}
  cast(conv(left(md5(concat({{ salt }}, ':', {{ unit }})), 15), 16, 10) as double) / 1152921504606846976
{%- endmacro %}

{#- One row per whole number from the first to the last, both included. -#}
{% macro each_number(first, last) -%}
  {{ return(adapter.dispatch('each_number')(first, last)) }}
{%- endmacro %}
{% macro duckdb__each_number(first, last) -%}unnest(range({{ first }}, {{ last }} + 1)){%- endmacro %}
{% macro spark__each_number(first, last) -%}explode(sequence({{ first }}, {{ last }})){%- endmacro %}

{#- Day of the week, 1 Monday to 7 Sunday. -#}
{% macro iso_weekday(column) -%}
  {{ return(adapter.dispatch('iso_weekday')(column)) }}
{%- endmacro %}
{% macro duckdb__iso_weekday(column) -%}extract(isodow from {{ column }}){%- endmacro %}
{% macro spark__iso_weekday(column) -%}extract(dayofweek_iso from {{ column }}){%- endmacro %}

{#- The position of the first such member for each member of a second list; 0 where there is none, null for a null list. -#}
{% macro positions_of(list, members) -%}
  {{ return(adapter.dispatch('positions_of')(list, members)) }}
{%- endmacro %}
{% macro duckdb__positions_of(list, members) -%}
  list_transform({{ members }}, lambda member: coalesce(list_position({{ list }}, member), 0))
{%- endmacro %}
{% macro spark__positions_of(list, members) -%}transform({{ members }}, member -> array_position({{ list }}, member)){%- endmacro %}
