"""JSON Lines, CSV and Parquet brought to one shape of query: the contract's fields as delivered.

A ``Source`` selects ``file`` (index), ``line``, ``structural`` (why the record as such cannot be read, or
NULL) and ``v_<field>`` per contract field, empty text as NULL. Names from a delivery are bound or quoted.
Keep the contract's rules out (``rules``).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from perso_pipeline.contracts.streams import Field, Privacy, Stream
from perso_pipeline.raw.lines import LINE_LIMIT_BYTES, SEPARATOR

LINES_TABLE = "incoming_lines"
FILES_TABLE = "incoming_files"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A query over delivered records and what is needed to judge them."""

    sql: str
    types: dict[str, str]  # contract field -> DuckDB type as delivered
    payload: str  # SQL: unknown fields as JSON text, unmasked
    text: str  # SQL: the record for rejected_records, contact fields blanked, unmasked
    agents: str = ""  # SQL: the distinct user agents; unused where records are parsed once
    absent: frozenset[str] = frozenset()  # contract fields that no record has
    is_parsed_once: bool = True  # reading again is dear, so records are kept in a table meanwhile
    parameters: dict[str, object] = field(default_factory=dict)


_LINES = f"""
    lines as (
        select file, line, size, body, try(decode(body)) as delivered from {LINES_TABLE}
    )"""
_WITHOUT_END = r"regexp_replace(delivered, '(\r?\n|\r)$', '')"  # rtrim takes fifty times as long
_NOT_TEXT = (
    f"when size > {LINE_LIMIT_BYTES}"
    f" then 'the line is ' || size || ' bytes long, at most {LINE_LIMIT_BYTES} are allowed'"
    " when delivered is null then 'the line is not UTF-8 text'"
)
_RAW_TEXT = f"coalesce({_WITHOUT_END}, body::varchar)"


def json_lines(stream: Stream) -> Source:
    """One JSON object per line. Numbers keep the digits of a double (15), larger integers all of them."""
    names = stream.field_names
    structure = json.dumps(dict.fromkeys(names, "VARCHAR"))
    nothing = json.dumps(dict.fromkeys(names))
    known = ", ".join(f"'{name}'" for name in names)
    values = ", ".join(f'nullif(record."{name}", \'\') as "v_{name}"' for name in names)
    unknown = _present(f"json_merge_patch(delivered, '{nothing}')")
    shown = f"'''' || left(perso_mask_strict(left({_WITHOUT_END}, 4000)), 80) || ''''"
    sql = f"""
        with {_LINES},
        looked_at as (
            select *, case {_NOT_TEXT}
                when not json_valid(delivered) then 'the line is not JSON: '
                when not starts_with(ltrim(delivered), '{{') then 'the line is not a JSON object: '
                end as flaw
            from lines
        ),
        checked as (
            select *, case when ends_with(flaw, ': ') then flaw || {shown} else flaw end as structural from looked_at
        ),
        parsed as (
            select *,
                case when structural is null then from_json(delivered, '{structure}') end as record,
                case when structural is null then
                    len(list_filter(json_keys(delivered), lambda k: k not in ({known}))) > 0 end as has_unknown
            from checked
        )
        select file, line, structural, delivered, body, has_unknown, {values} from parsed"""
    return Source(
        sql=sql,
        types=dict.fromkeys(names, "VARCHAR"),
        payload=f"case when has_unknown then {unknown} end",
        text=_blank_keys(stream, _RAW_TEXT),
    )


def csv_lines(stream: Stream, delimiter: str, header: Sequence[str]) -> Source:
    """One record per line; a value holds no line break. ``header`` has no name twice."""
    known = {name: i for i, name in enumerate(header, start=1) if name in stream.field_names}
    unknown = [(f"name_{i}", i) for i, name in enumerate(header, start=1) if name not in stream.field_names]
    values = ", ".join(
        (f"{_unquoted(known[name])}" if name in known else "null::varchar") + f' as "v_{name}"'
        for name in stream.field_names
    )
    pairs = ", ".join(f"${parameter}::varchar, {_unquoted(i)}" for parameter, i in unknown)
    value = rf'(?:"(?:[^"]|"")*"|[^"{SEPARATOR}]*)'
    sql = f"""
        with {_LINES},
        counted as (
            select *, strlen(text) - strlen(replace(text, '"', '')) as quotes,
                string_split(text, '{SEPARATOR}') as parts
            from (select *, {_WITHOUT_END} as text from lines)
        ),
        checked as (
            select *, case {_NOT_TEXT}
                when quotes % 2 = 1 then 'the line has unbalanced quotes; a value may not hold a line break'
                when quotes > 0 and not regexp_matches(text, '^{value}(?:{SEPARATOR}{value})*$') then
                    'the line has a quote inside a value that does not begin and end with one'
                when len(parts) <> {len(header)} then
                    'the line has ' || len(parts) || ' values, the header has {len(header)}'
                end as structural
            from counted
        ),
        fitting as (
            select file, line, structural, delivered, body, case when structural is null then parts end as parts
            from checked
        )
        select file, line, structural, delivered, body, parts, {values} from fitting"""
    return Source(
        sql=sql,
        types=dict.fromkeys(stream.field_names, "VARCHAR"),
        payload=_present(f"json_object({pairs})") if unknown else "null::varchar",
        text=_blank_values(stream, f"replace({_RAW_TEXT}, '{SEPARATOR}', '{delimiter}')"),
        parameters={parameter: header[i - 1] for parameter, i in unknown},
    )


def _unquoted(position: int) -> str:
    part = f"parts[{position}]"
    return f"nullif(case when starts_with({part}, '\"') then replace({part}[2:-2], '\"\"', '\"') else {part} end, '')"


def parquet_rows(stream: Stream, columns: dict[str, str]) -> Source:
    """Rows of Parquet files of one schema; ``columns`` are DuckDB's names and types of it.

    Parameters still to be given: ``paths`` (list), ``first_row`` and ``last_row`` (0-based, both included).
    """
    types = {name: columns.get(name, "VARCHAR") for name in stream.field_names}
    values, struct = [], []
    for contract_field in stream.fields:
        name = contract_field.name
        values.append(f'{_parquet_value(contract_field, columns.get(name))} as "v_{name}"')
        if name in columns:
            types[name] = "VARCHAR" if columns[name] == "BLOB" else columns[name]
            blank = f"case when \"v_{name}\" is not null then '[masked]' end"
            struct.append(f'"{name}" := ' + (blank if contract_field.privacy is Privacy.HASHED else f'"v_{name}"'))
    for contract_field in stream.fields:
        if contract_field.type.value == "VARCHAR" or types[contract_field.name].startswith(("STRUCT", "MAP", "ENUM")):
            types[contract_field.name] = "VARCHAR"
    unknown = {f"u_{i}": name for i, name in enumerate(columns) if name not in stream.field_names}
    extras = [f"{_quoted(name)} := {alias}" for alias, name in unknown.items()]
    selected = "".join(f", p.{_quoted(name)} as {alias}" for alias, name in unknown.items())
    sql = f"""
        select f.file, p.file_row_number + 1 as line, null::varchar as structural, {", ".join(values)}{selected}
        from read_parquet($paths, filename = true, file_row_number = true, hive_partitioning = false) as p
        inner join {FILES_TABLE} as f on f.path = p.filename
        where p.file_row_number between $first_row and $last_row"""
    return Source(
        sql=sql,
        types=types,
        payload=_present(f"to_json(struct_pack({', '.join(extras)}))") if extras else "null::varchar",
        text=f"to_json(struct_pack({', '.join(struct + extras)}))::varchar",
        agents=_agents(stream["user_agent"], columns["user_agent"]) if "user_agent" in columns else "",
        absent=frozenset(stream.field_names) - columns.keys(),
        is_parsed_once=False,
    )


def _agents(contract_field: Field, column_type: str) -> str:
    return f"""
        select distinct {_parquet_value(contract_field, column_type)} as agent
        from read_parquet($paths, file_row_number = true, hive_partitioning = false) as p
        where p.file_row_number between $first_row and $last_row"""


def _parquet_value(contract_field: Field, column_type: str | None) -> str:
    if column_type is None:
        return "null::varchar"
    column = f'p."{contract_field.name}"'
    if column_type == "BLOB":
        return f"nullif(try(decode({column})), '')"
    if column_type == "VARCHAR":
        return f"nullif({column}, '')"
    if column_type.startswith(("STRUCT", "MAP")):
        return f"to_json({column})::varchar"
    if contract_field.type.value == "VARCHAR" or column_type.startswith("ENUM"):
        return f"nullif({column}::varchar, '')"
    return column


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _present(document: str) -> str:
    """Only what has a value: merging into an empty object drops nulls."""
    return f"nullif(json_merge_patch('{{}}', {document})::varchar, '{{}}')"


def _blank_keys(stream: Stream, text: str) -> str:
    contacts = [f.name for f in stream.fields if f.privacy is Privacy.HASHED]
    if not contacts:
        return text
    pattern = rf'("(?:{"|".join(contacts)})"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^,}}\s]+)'
    return f"regexp_replace({text}, $p${pattern}$p$, '\\1\"[masked]\"', 'g')"


def _blank_values(stream: Stream, text: str) -> str:
    for contact in (f for f in stream.fields if f.privacy is Privacy.HASHED):
        value = f'"v_{contact.name}"'
        text = f"case when {value} is null then {text} else replace({text}, {value}, '[masked]') end"
    return text
