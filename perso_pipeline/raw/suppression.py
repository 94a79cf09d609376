"""Records of people who were erased: told from what they name, and left out of everything that is loaded.

Who was erased is a list of HMACs (``<home>/erasures/suppressed.txt``), so that nobody can be read off it. A record is
an erased person's if it proves an erased customer or belongs to an order of one; if it proves no customer, also if it
names an erased device, address, telephone or card. A record that proves another customer is that customer's. A line
that cannot be taken apart is theirs if one of their identifiers stands in it. Keep removing what was loaded out
(``erasure``).
"""

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.streams import Stream
from perso_pipeline.raw import rules
from perso_pipeline.raw.sources import LINES_TABLE

LIST_NAME = "suppressed.txt"
LIST_TABLE = "suppressed_identifiers"  # hmac
ERASED_TABLE = "erased_records_found"  # file (index), line
_VALUES_TABLE = "erased_values"
_HEX_DIGITS = 64

# kind of identifier -> field of a record, SQL of the value as identity.identifiers has it
_IDENTIFIERS = {
    "customer": ("customer_id", "perso_safe_id({0})"),
    "visitor": ("visitor_id", "perso_safe_id({0})"),
    "loyalty": ("loyalty_id", "perso_safe_id({0})"),
    "email": ("email", "perso_hmac(perso_email({0}))"),
    "phone": ("phone", "perso_hmac(perso_phone({0}))"),
}


def read_list(erasures_dir: Path) -> frozenset[str]:
    """The HMACs of everybody who was erased from this installation.

    Raises:
        PersoError: a line of the list is no HMAC.
    """
    path = erasures_dir / LIST_NAME
    lines = path.read_text(encoding="ascii").split() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        if len(line) != _HEX_DIGITS or set(line) - set("0123456789abcdef"):
            msg = f"Line {number} of {path} is no HMAC; restore the file, or erased people may come back."
            raise PersoError(msg)
    return frozenset(lines)


def give_list(connection: duckdb.DuckDBPyConnection, hmacs: Iterable[str]) -> None:
    """Make ``LIST_TABLE`` for ``find_erased``."""
    connection.register("given_hmacs", pa.table({"hmac": pa.array(sorted(hmacs), pa.string())}))
    connection.execute(f"create or replace temp table {LIST_TABLE} as from given_hmacs")
    connection.unregister("given_hmacs")


def names_people(stream: Stream) -> bool:
    """Whether records of the stream can name a person at all."""
    return any(field in stream.field_names for field, _ in _IDENTIFIERS.values())


def find_erased(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    relation: str,
    *,
    parameters: dict[str, object] | None = None,
    has_lines: bool,
) -> dict[int, int]:
    """Note in ``ERASED_TABLE`` which records of ``relation`` are of people on the list; returns records by file index.

    Args:
        connection: Has the macros of ``privacy`` and ``LIST_TABLE``.
        stream: Whose records.
        relation: SQL with ``file``, ``line``, ``structural`` and ``v_<field>``.
        parameters: Of ``relation``.
        has_lines: The text stands in ``incoming_lines``, to search what cannot be taken apart.
    """
    given = parameters or {}
    connection.execute(f"create or replace temp table {_VALUES_TABLE} as {_values(stream, relation)}", given)
    if has_lines:
        connection.execute(f"insert into {_VALUES_TABLE} {_tokens(relation)}", given)
    connection.execute(f"create or replace temp table {ERASED_TABLE} (file integer, line bigint)")
    if not connection.execute(f"select count(*) from {_VALUES_TABLE}").fetchall()[0][0]:
        return {}
    connection.execute(f"insert into {ERASED_TABLE} select file, line from ({relation}) where {_rule(stream)}", given)
    if has_lines:
        connection.execute(f"insert into {ERASED_TABLE} {_lines_with_tokens(relation)}", given)
    counts = connection.execute(f"select file, count(*) from {ERASED_TABLE} group by file").fetchall()
    return {int(file): int(records) for file, records in counts}


def _identifiers(stream: Stream) -> dict[str, str]:
    return {
        kind: rules.given(stream[field]) for kind, (field, _) in _IDENTIFIERS.items() if field in stream.field_names
    }


def _order(stream: Stream) -> str | None:
    if "order_id" not in stream.field_names:
        return None
    return f"{rules.given(stream['site_id'])} || ':' || {rules.given(stream['order_id'])}"


def _values(stream: Stream, relation: str) -> str:
    """Distinct values first: few people, many records, and an HMAC costs a microsecond."""
    wanted = {kind: (column, _IDENTIFIERS[kind][1]) for kind, column in _identifiers(stream).items()}
    order = _order(stream)
    if order:
        wanted["order"] = (order, "{0}")
    named = " union all ".join(
        f"select '{kind}' as kind, given, {value.format('given')} as value"
        f" from (select distinct {column} as given from records)"
        for kind, (column, value) in wanted.items()
    )
    return f"""
        with records as materialized ({relation}), named as ({named})
        select kind, given from named where perso_hmac(kind || ':' || value) in (from {LIST_TABLE})"""


def _rule(stream: Stream) -> str:
    columns = _identifiers(stream)

    def is_erased(kind: str, value: str) -> str:
        return f"coalesce({value} in (select given from {_VALUES_TABLE} where kind = '{kind}'), false)"

    any_ = [is_erased("customer", columns["customer"])] if "customer" in columns else []
    order = _order(stream)
    any_ += [is_erased("order", order)] if order else []
    others = [is_erased(kind, value) for kind, value in columns.items() if kind != "customer"]
    return f"{' or '.join(any_)} or ({_proves_nobody(stream)} and ({' or '.join(others)}))"


def _proves_nobody(stream: Stream) -> str:
    """As ``proven_customer`` in the SQL models: who merely tries to sign in has proved nothing."""
    customer = rules.given(stream["customer_id"])
    if "is_success" not in stream.field_names:
        return f"{customer} is null"
    kind, success = rules.given(stream["event_type"]), rules.given(stream["is_success"])
    is_attempt = f"{kind} = 'sign_in' and not coalesce(try_cast({success} as boolean), false)"
    return f"({customer} is null or coalesce({is_attempt}, false))"


def _torn(relation: str) -> str:
    """Tokens of the lines that could not be taken apart."""
    text = "coalesce(try(decode(l.body)), l.body::varchar)"
    return f"""
        select l.file, l.line, unnest(list_distinct(regexp_extract_all({text}, '[0-9A-Za-z_.@+-]{{4,}}'))) as token
        from {LINES_TABLE} as l
        inner join (select file, line from ({relation}) where structural is not null) as r
            on r.file = l.file and r.line = l.line"""


def _tokens(relation: str) -> str:
    kinds = " union all ".join(
        f"select 'token' as kind, token as given, '{kind}' as as_kind, {value.format('token')} as value from tokens"
        for kind, (_, value) in _IDENTIFIERS.items()
    )
    return f"""
        with torn as ({_torn(relation)}), tokens as (select distinct token from torn), named as ({kinds})
        select distinct kind, given from named where perso_hmac(as_kind || ':' || value) in (from {LIST_TABLE})"""


def _lines_with_tokens(relation: str) -> str:
    return f"""
        with torn as ({_torn(relation)})
        select distinct file, line from torn
        where token in (select given from {_VALUES_TABLE} where kind = 'token')
            and (file, line) not in (select (file, line) from {ERASED_TABLE})"""
