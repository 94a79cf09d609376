"""The contract's rules as SQL: what type a value becomes, why a record is rejected, how a value is kept.

Every function takes contract words only; no value, name or path from a delivery enters the text. Keep the
reading of formats out (``sources``).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from perso_pipeline.contracts.streams import Field, FieldType, Privacy, Stream

EARLIEST = "1995-01-01"
ID_LIMIT = 4096
SHOWN_LENGTH = 80

_NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_WHOLE = r"^[+-]?[0-9]{1,19}(\.0*)?$"
_CLOCK = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?"
_UTC_TIME = rf"{_CLOCK}( ?[Zz])?)?$"
_OFFSET_TIME = rf"{_CLOCK} ?[+-][0-9]{{2}}(:?[0-9]{{2}})?)$"
_ISO_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_CONTROL = r"[\x00-\x1f\x7f]"
# What makes an open text value worth a closer look; '[' and '{' open a value, '@' and '+4' an e-mail or phone.
_SUSPECT = rf"{_CONTROL}|[@\x{{FF20}}]|%(25)*40|u0040|&#|(\+|%2[Bb])[0-9 (]|(^| )[\[{{]"

_NUMERIC = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
)
_ALL_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
_WHAT = {
    FieldType.TEXT: "must be text",
    FieldType.INTEGER: "must be a whole number",
    FieldType.DECIMAL: "must be a number of at most 14 digits before the point",
    FieldType.RATE: "must be a number of at most 10 digits before the point",
    FieldType.BOOLEAN: "must be true or false",
    FieldType.TIMESTAMP: "must be a time like 2026-01-31T12:00:00Z",
    FieldType.DATE: "must be a day like 2026-01-31",
    FieldType.TEXT_LIST: "must be a list of texts without empty ones",
    FieldType.JSON: "must be a JSON object",
}


def literal(text: str) -> str:
    """A contract word as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def given(field: Field) -> str:
    """Column that holds the value as delivered; empty text is NULL."""
    return f'"v_{field.name}"'


def typed(field: Field) -> str:
    """Column that holds the value in the contract's type, NULL where it does not fit."""
    return given(field) if _stays(field) else f'"t_{field.name}"'


def _stays(field: Field) -> bool:
    return field.type is FieldType.TEXT and field.privacy is not Privacy.HASHED


def is_identifier(field: Field) -> bool:
    return field.type is FieldType.TEXT and field.privacy is Privacy.OPEN and field.name.endswith("_id")


def _is_open_text(field: Field) -> bool:
    return field.type is FieldType.TEXT and field.privacy is Privacy.OPEN and not field.words


def typing(field: Field, source_type: str) -> str | None:
    """SQL that turns the delivered value (of DuckDB type ``source_type``) into the contract's type.

    None where the value stays what it is.
    """
    value = given(field)
    if field.privacy is Privacy.HASHED:
        return f"perso_{field.normalise}({value})"
    if _stays(field):
        return None
    text = f"trim({value})" if source_type == "VARCHAR" else f"{value}::varchar"
    match field.type:
        case FieldType.INTEGER:
            if source_type in _NUMERIC:
                return f"try_cast({value} as bigint)"
            return f"case when regexp_matches({text}, '{_WHOLE}') then try_cast({text} as bigint) end"
        case FieldType.DECIMAL | FieldType.RATE:
            if source_type in _NUMERIC or source_type.startswith("DECIMAL") or source_type in ("FLOAT", "DOUBLE"):
                return f"try_cast({value} as {field.type.value})"
            return f"case when regexp_matches({text}, '{_NUMBER}') then try_cast({text} as {field.type.value}) end"
        case FieldType.BOOLEAN:
            return value if source_type == "BOOLEAN" else f"try_cast({text} as boolean)"
        case FieldType.TIMESTAMP:
            return _timestamp(value, text, source_type)
        case FieldType.DATE:
            if source_type == "DATE":
                return f"case when {value} between date '0001-01-01' and date '9999-12-31' then {value} end"
            return f"case when regexp_matches({text}, '{_ISO_DATE}') then try_cast({text} as date) end"
        case FieldType.TEXT_LIST:
            return _text_list(value, source_type)
        case _:
            return f"case when json_valid({text}) and starts_with(ltrim({text}), '{{') then {text} end"


def _timestamp(value: str, text: str, source_type: str) -> str:
    if source_type.startswith("TIMESTAMP"):
        moment = f"timezone('UTC', {value})" if source_type == "TIMESTAMP WITH TIME ZONE" else f"{value}::timestamp"
        return f"case when {moment} between timestamp '0001-01-01' and timestamp '9999-12-31' then {moment} end"
    if source_type == "DATE":
        return f"case when {value} between '0001-01-01' and '9999-12-31' then {value}::timestamp end"
    # TIMESTAMP ignores an offset and TIMESTAMPTZ is slow, so each only reads what it must.
    return (
        f"case when regexp_matches({text}, '{_UTC_TIME}') then try_cast({text} as timestamp)"
        f" when regexp_matches({text}, '{_OFFSET_TIME}') then timezone('UTC', try_cast({text} as timestamptz)) end"
    )


def _text_list(value: str, source_type: str) -> str:
    if source_type.endswith("[]"):
        items = f"{value}::varchar[]"
    else:
        text = f"{value}::varchar"
        items = (
            f"case when starts_with(ltrim({text}), '[') then"
            f" case when json_valid({text}) then from_json({text}, '[\"VARCHAR\"]') end"
            f" when starts_with(ltrim({text}), '{{') then null else string_split({text}, '|') end"
        )
    return f"case when list_count({items}) = len({items}) and not list_contains({items}, '') then {items} end"


def open_texts(stream: Stream, absent: Collection[str] = ()) -> list[str]:
    """SQL of each open text value of a record; of a list its members in one."""
    fields = [f for f in stream.fields if f.name not in absent]
    texts = [given(f) for f in fields if _is_open_text(f)]
    return texts + [f"array_to_string({typed(f)}, ' ')" for f in fields if f.type is FieldType.TEXT_LIST]


def suspect(text: str) -> str:
    """SQL that is true where a text needs the closer rules; NULL of NULL.

    DuckDB extracts from a dictionary once per entry, where it would match once per record.
    """
    return f"(strlen({text}) > {ID_LIMIT} or regexp_extract({text}, '{_SUSPECT}') <> '')"


@dataclass(frozen=True)
class Fault:
    """One way to be rejected, as SQL: ``told`` is the sentence, in which ``shown`` is ``quoted`` made fit to show."""

    condition: str
    told: str
    quoted: str | None = None


def shown(text: str) -> str:
    """Masked before it is cut, or half an address would be left at the cut."""
    masked = f"left(perso_mask_all(left({text}, {50 * SHOWN_LENGTH})), {SHOWN_LENGTH})"
    return f"'''' || {masked} || case when length({text}) > {SHOWN_LENGTH} then '…' else '' end || ''''"


def first_fault(faults: Collection[Fault]) -> str:
    """SQL: number of the record's first fault, from 0; NULL for a record to be accepted.

    Expects ``structural``, ``is_suspect``, ``load_date``, ``zone`` and the columns of ``given`` and ``typed``.
    """
    return _by_number((f"when {fault.condition} then {i}" for i, fault in enumerate(faults)), "case")


def quotation(faults: Collection[Fault]) -> str:
    """SQL: the value that the reason shows, unmasked. Expects ``fault``."""
    return _by_number((f"when {i} then {f.quoted}" for i, f in enumerate(faults) if f.quoted), "case fault")


def reason(faults: Collection[Fault]) -> str:
    """SQL: why a record is rejected, as one clear sentence. Expects ``fault`` and ``shown``."""
    return _by_number((f"when {i} then {fault.told}" for i, fault in enumerate(faults)), "case fault")


def _by_number(branches: Iterable[str], case: str) -> str:
    return f"{case} {' '.join(branches)} end"


def faults(stream: Stream, types: Mapping[str, str], absent: Collection[str] = ()) -> list[Fault]:
    """Everything that is checked, in order; the first fault wins.

    ``types`` are the DuckDB types as delivered, ``absent`` the fields that no record of the source has.
    """
    found = [Fault("structural is not null", "structural")]
    for field in stream.fields:
        if field.name in absent:
            found += [Fault("true", f"'{field.name} is missing'")] if field.required else []
            continue
        found += _field_faults(field, types[field.name])
        if field.name == "site_id":
            told = "which config/sites.yml does not list; add it there and replay"
            found.append(Fault("zone is null", f"'site_id is ' || shown || ', {told}'", given(field)))
        if field.name == stream.time_field:
            found += _time_faults(field)
    return found + _needs(stream)


def _field_faults(field: Field, source_type: str) -> list[Fault]:
    value, result, name = given(field), typed(field), field.name
    found: list[Fault] = []
    if field.required:
        found.append(Fault(f"{value} is null", f"'{name} is missing'"))
    if field.privacy is Privacy.HASHED:
        what = {"email": "an e-mail address", "phone": "a phone number"}[field.normalise or "email"]
        found.append(Fault(f"{value} is not null and {result} is null", f"'{name} is not {what}'"))
    elif not _stays(field) and not _always_fits(field, source_type):
        told = f"'{name} is ' || shown || ', {_WHAT[field.type]}'"
        found.append(Fault(f"{value} is not null and {result} is null", told, f"{value}::varchar"))
    if field.words:
        found.append(_unknown_word(field))
    for limit, sign, what in ((field.minimum, "<", "at least"), (field.maximum, ">", "at most")):
        if limit is not None:
            told = f"'{name} is ' || {value}::varchar || ', must be {what} {limit}'"
            found.append(Fault(f"{result} {sign} {limit}", told))
    if _is_open_text(field):
        found += _text_faults(field)
    return found


def _always_fits(field: Field, source_type: str) -> bool:
    """Whether a value of this type cannot fail to become one of the contract's."""
    if field.type is FieldType.INTEGER:
        return source_type in _ALL_WHOLE
    return source_type == field.type.value and field.type in (FieldType.BOOLEAN, FieldType.DECIMAL, FieldType.RATE)


def _text_faults(field: Field) -> list[Fault]:
    value, name = given(field), field.name
    found = [
        Fault(
            f"is_suspect and regexp_matches({value}, '^[\\[{{]') and json_valid({value})",
            f"'{name} is ' || shown || ', {_WHAT[FieldType.TEXT]}'",
            value,
        )
    ]
    if is_identifier(field):
        found += [
            Fault(f"is_suspect and regexp_matches({value}, '{_CONTROL}')", f"'{name} holds a control character'"),
            Fault(
                f"is_suspect and length({value}) > {ID_LIMIT}",
                f"'{name} is ' || length({value}) || ' characters long, at most {ID_LIMIT} are allowed'",
            ),
        ]
    return found


def _unknown_word(field: Field) -> Fault:
    value = given(field)
    ranked = ", ".join(
        f"{{'s': jaro_winkler_similarity({value}, {literal(w)}), 'w': {literal(w)}}}" for w in field.words
    )
    hint = (
        f"case when list_max([{ranked}]).s > 0.8 then ' (did you mean ' || list_max([{ranked}]).w || '?)' else '' end"
    )
    told = f"'{field.name} is ' || shown || {hint} || ', must be one of: {', '.join(field.words)}'"
    return Fault(f"{value} not in ({', '.join(map(literal, field.words))})", told, value)


def _time_faults(field: Field) -> list[Fault]:
    moment, name = typed(field), field.name
    return [
        Fault(f"{moment} < timestamp '{EARLIEST}'", f"'{name} is ' || {moment}::varchar || ', before {EARLIEST}'"),
        Fault(
            f"{moment} >= load_date::timestamp + interval 2 day",
            f"'{name} is ' || {moment}::varchar || ', later than the day after its arrival on ' || load_date::varchar",
        ),
    ]


def _needs(stream: Stream) -> list[Fault]:
    needed: dict[str, list[str]] = {}
    for word, names in stream.needs.items():
        for name in names:
            needed.setdefault(name, []).append(word)
    kind = given(stream["event_type"])
    return [
        Fault(
            f"{given(stream[name])} is null and {kind} in ({', '.join(map(literal, words))})",
            f"'{name} is missing, ' || {kind} || ' needs it'",
        )
        for name, words in needed.items()
    ]


def kept(field: Field, *, may_be_suspect: bool) -> str:
    """SQL of the value as the raw table keeps it; needs ``is_suspect`` when records may be so."""
    value = typed(field)
    if field.privacy is Privacy.HASHED:
        return f"perso_hmac({value})"
    if field.type is FieldType.JSON:
        return f"perso_mask_json({value})"
    if field.privacy is Privacy.FREE_TEXT:
        return f"perso_mask_text({value})"
    if not may_be_suspect:
        return value
    if field.type is FieldType.TEXT_LIST:
        return f"case when is_suspect then list_transform({value}, lambda x: perso_safe_id(x)) else {value} end"
    if is_identifier(field):
        return f"case when is_suspect then perso_safe_id({value}) else {value} end"
    if _is_open_text(field):
        return f"case when is_suspect then perso_mask_open({value}) else {value} end"
    return value
