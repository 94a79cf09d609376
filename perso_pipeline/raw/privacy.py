"""Contact details out of the warehouse: HMAC-SHA-256 for fields that hold them, masks for free text.

The rules are temporary SQL macros of a connection, so that they run in bulk and once per value. The key
is bound into session variables, never written into SQL text. Keep out which field is treated how: that is
the contract's and ``rules``'.

What is masked, and the price of it:

- ``perso_mask_open`` (open text: names, brands, campaign names): e-mail addresses and phone numbers
  with a leading ``+``.
- ``perso_mask_text`` (free text, unknown fields, rejected records): also numbers that begin with ``00``
  or ``0``, North American numbers, and any bare run of 10 to 15 digits. An EAN or a time in
  milliseconds inside a URL goes too: a number without a ``+`` cannot be told from them, and the landing
  file still has it.
- ``perso_mask_strict`` (lines that could not be parsed, in streams with contact fields): also any seven
  digits with separators between them.
"""

import hashlib

import duckdb

_BLOCK_BYTES = 64  # block of SHA-256, RFC 2104

_AT = r"(?:@|%(?:25)*40|\\+u0040|&#(?:64|[xX]40);|\x{FF20})"
EMAIL_PATTERN = rf"[\pL\pN._%+'!#$*^{{|}}~\-]+\"?{_AT}[\pL\pN\-]+(?:\.[\pL\pN\-]+)*"
_GAP = r"(?:[ ()./\-]|%20)"
PLUS_PATTERN = rf"(?:\+|%2[Bb]){_GAP}?(?:[0-9]{_GAP}{{0,3}}){{7,14}}[0-9]"
_NUMBERS = "|".join(
    (
        rf"00{_GAP}?(?:[0-9]{_GAP}{{0,3}}){{7,14}}[0-9]",
        r"\(?0[0-9]{2,5}(?:[ /)\-]|%20){1,2}[0-9]{3,8}(?:(?:[ \-]|%20)[0-9]{2,6}){0,3}",
        r"0[1-9](?:[ .\-][0-9]{2}){4}",
        r"\(?[2-9][0-9]{2}\)?[ .\-]{1,2}[0-9]{3}[ .\-][0-9]{4}",
        r"[0-9]{10,15}",
    )
)
_NUMBER_PATTERN = rf"(^|[^0-9A-Za-z_.\-])(?:{_NUMBERS})\b"
_STRICT_PATTERN = r"[0-9](?:[ ()./\-]{0,2}[0-9]){6,}"
_CONTROL = r"[\x00-\x1f\x7f]"
# What a value must hold before any of the dear patterns is tried; extracted, for DuckDB does that once per entry of a
# dictionary and matches once per record.
_WORTH_A_LOOK = rf"{_AT}|{_CONTROL}|[0-9](?:{_GAP}{{0,3}}[0-9]){{7}}"

MACROS = {
    "perso_hmac(x)": (
        "sha256(getvariable('perso_outer_pad') || unhex(sha256(getvariable('perso_inner_pad') || encode(x))))"
    ),
    "perso_email(x)": "case when contains(x, '@') then lower(trim(x)) end",
    "perso_phone(x)": (
        "case when length(regexp_replace(x, '[^0-9]', '', 'g')) >= 5 then "
        "regexp_replace(case when starts_with(trim(x), '+') then '+' else '' end"
        " || regexp_replace(x, '[^0-9]', '', 'g'), '^00', '+') end"
    ),
    "perso_has_contact(x)": f"regexp_matches(x, $p${EMAIL_PATTERN}$p$) or regexp_matches(x, $p$^{PLUS_PATTERN}$p$)",
    "perso_safe_id(x)": ("case when perso_has_contact(x) then 'h:' || left(perso_hmac(lower(trim(x))), 16) else x end"),
    "perso_mask_open(x)": (
        f"regexp_replace(regexp_replace(x, $p${EMAIL_PATTERN}$p$, '[e-mail]', 'g'),"
        f" $p${PLUS_PATTERN}$p$, '[phone]', 'g')"
    ),
    "perso_mask_all(x)": (
        f"regexp_replace(perso_mask_open(regexp_replace(x, $p${_CONTROL}$p$, ' ', 'g')),"
        rf" $p${_NUMBER_PATTERN}$p$, '\1[phone]', 'g')"
    ),
    "perso_mask_text(x)": f"case when regexp_extract(x, $p${_WORTH_A_LOOK}$p$) <> '' then perso_mask_all(x) else x end",
    "perso_mask_strict(x)": f"regexp_replace(perso_mask_all(x), $p${_STRICT_PATTERN}$p$, '[digits]', 'g')",
    # A bare number that is masked must become a string, or the JSON around it breaks.
    "perso_quote_numbers(x)": r"""regexp_replace(x, $p$([:\[,] ?)(-?[0-9]{10,15})\b$p$, '\1"\2"', 'g')""",
    "perso_valid_json(masked, x)": (
        "case when json_valid(masked) then masked else to_json(perso_mask_all(x))::varchar end"
    ),
    "perso_mask_json(x)": (
        f"(case when regexp_extract(x, $p${_WORTH_A_LOOK}$p$) <> ''"
        " then perso_valid_json(perso_mask_all(perso_quote_numbers(x)), x) else x end)::json"
    ),
}


def install(connection: duckdb.DuckDBPyConnection, hash_key: bytes) -> None:
    """Give ``connection`` the macros above and the key, until ``forget``."""
    key = hashlib.sha256(hash_key).digest() if len(hash_key) > _BLOCK_BYTES else hash_key
    key = key.ljust(_BLOCK_BYTES, b"\0")
    connection.execute("set variable perso_inner_pad = ?", [bytes(byte ^ 0x36 for byte in key)])
    connection.execute("set variable perso_outer_pad = ?", [bytes(byte ^ 0x5C for byte in key)])
    for signature, body in MACROS.items():
        connection.execute(f"create or replace temp macro {signature} as {body}")


def forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Take the key from the connection."""
    connection.execute("reset variable perso_inner_pad")
    connection.execute("reset variable perso_outer_pad")
