"""No e-mail address and no phone number leaves landing in clear."""

import hashlib
import hmac
import json

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perso_pipeline.contracts.streams import STREAMS, FieldType, Privacy
from perso_pipeline.raw import privacy

from .conftest import KEY, Installation

CANARIES = (
    "canary.bird@example.com",
    "Canary.Bird%40example.com",
    "+44 20 7946 0958",
    "00442079460958",
    "07946 095812",
    "442079460958",
)
TRACES = (b"canary.bird", b"Canary.Bird", b"7946", b"79460958")


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    privacy.install(connection, KEY)
    return connection


@pytest.mark.parametrize("key", [b"k", b"k" * 64, b"k" * 65, b"\0\xff"], ids=["short", "block", "long", "bytes"])
@pytest.mark.parametrize("text", ["", "a@b.de", "grün" * 100])
def test_the_macro_is_hmac_sha_256(key: bytes, text: str) -> None:
    connection = duckdb.connect()
    privacy.install(connection, key)

    [(found,)] = connection.execute("select perso_hmac(?)", [text]).fetchall()

    assert found == hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("macro", "value", "kept"),
    [
        ("email", "  Jo@Example.COM ", "jo@example.com"),
        ("email", "nobody", None),
        ("phone", "+44 (0)20 7946-0958", "+4402079460958"),
        ("phone", "0044 20 7946 0958", "+442079460958"),
        ("phone", "020 7946 0958", "02079460958"),
        ("phone", "n/a", None),
    ],
)
def test_contact_details_are_normalised_before_hashing(
    connection: duckdb.DuckDBPyConnection, macro: str, value: str, kept: str | None
) -> None:
    assert connection.execute(f"select perso_{macro}(?)", [value]).fetchall() == [(kept,)]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://x.de/?m=jo.b%2Bnews@x.co.uk&a=1", "https://x.de/?m=[e-mail]&a=1"),
        ("jo%40x.de", "[e-mail]"),
        ("jo%2540x.de", "[e-mail]"),
        ("call +49 (171) 123-4567 now", "call [phone] now"),
        ("call 0171 2345678", "call [phone]"),
        ("tel=%2B491711234567&x", "tel=[phone]&x"),
        ("(555) 123-4567", "[phone]"),
        ("06 12 34 56 78", "[phone]"),
        ("491711234567", "[phone]"),
        ("from 2026-01-31 12:00:00.123456 on", "from 2026-01-31 12:00:00.123456 on"),
        ("Chrome/126.0.6478.127 Safari/537.36", "Chrome/126.0.6478.127 Safari/537.36"),
        ("550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
        ("items 12345 and 678901", "items 12345 and 678901"),
        ("@handle", "@handle"),
        ("a\0b\nc", "a b c"),
    ],
)
def test_free_text_is_masked_and_the_rest_of_it_kept(
    connection: duckdb.DuckDBPyConnection, text: str, masked: str
) -> None:
    assert connection.execute("select perso_mask_text(?)", [text]).fetchall() == [(masked,)]


@pytest.mark.parametrize(
    ("document", "masked"),
    [
        ('{"a":4915112345678}', '{"a":"[phone]"}'),
        ('{"a":[4915112345678,4915112345678]}', '{"a":["[phone]","[phone]"]}'),
        ('{"a":1.5,"b":"jo@x.de"}', '{"a":1.5,"b":"[e-mail]"}'),
        ('{"a":1}', '{"a":1}'),
    ],
)
def test_masked_json_stays_json(connection: duckdb.DuckDBPyConnection, document: str, masked: str) -> None:
    assert connection.execute("select perso_mask_json(?)::varchar", [document]).fetchall() == [(masked,)]


def test_a_number_inside_a_text_of_json_does_not_break_it(connection: duckdb.DuckDBPyConnection) -> None:
    document = json.dumps({"a": "tel, 4915112345678"})

    [(masked,)] = connection.execute("select perso_mask_json(?)::varchar", [document]).fetchall()

    json.loads(masked)
    assert "4915112345678" not in masked


def canaries_for(stream: str, field: str) -> tuple[str, ...]:
    """An id or a number without a plus cannot be told from a phone number, and is kept."""
    contract = STREAMS[stream]
    if (
        field not in contract.field_names
        or contract[field].privacy is not Privacy.OPEN
        or contract[field].type is FieldType.JSON
    ):
        return CANARIES
    return CANARIES[:3]


def record_of(stream: str, field: str, canary: str) -> dict[str, object]:
    """A record that would be accepted, but for ``canary`` in ``field``."""
    contract = STREAMS[stream]
    record: dict[str, object] = {}
    for f in contract.fields:
        if f.required or f.name in ("email", "phone"):
            record[f.name] = {
                FieldType.TIMESTAMP: "2026-01-01T12:00:00Z", FieldType.INTEGER: 1, FieldType.DECIMAL: 1,
            }.get(f.type, f.words[0] if f.words else "uk" if f.name == "site_id" else "x@example.org" if f.name == "email" else "+49 30 1234567" if f.name == "phone" else f"{f.name}-1")  # fmt: skip
    for words in contract.needs.get(str(record["event_type"]), ()):
        record.setdefault(words, "x")
    kind = contract[field].type if field in contract.field_names else None
    record[field] = {FieldType.TEXT_LIST: [canary, "x"], FieldType.JSON: {"note": canary, canary: 1}}.get(kind, canary)  # type: ignore[arg-type]
    return record


@pytest.mark.slow
def test_canaries_in_every_field_of_every_stream_stay_in_landing(shop: Installation) -> None:
    for stream, contract in STREAMS.items():
        fields = [*contract.field_names, "unknown", "canary.bird@example.com"]
        records = [record_of(stream, field, canary) for field in fields for canary in canaries_for(stream, field)]
        lines: list[dict[str, object] | str] = [*records]
        lines += [json.dumps(r)[:-1] for r in records]  # broken JSON
        lines += [json.dumps(r).replace("@", "\\u0040") for r in records]
        lines += list(CANARIES)
        shop.deliver_json(stream, lines)
        names = sorted({name for record in records for name in record if "canary" not in name})
        rows = [
            [json.dumps(r.get(n, "")) if isinstance(r.get(n), list | dict) else str(r.get(n, "")) for n in names]
            for r in records
        ]
        quoted = ["\t".join('"' + value.replace('"', '""') + '"' for value in row) for row in rows]
        plain = [",".join(row) for row in rows]  # some do not fit
        shop.deliver(stream, "a.csv", "\n".join(["\t".join(names), *quoted]) + "\n")
        shop.deliver(stream, "b.csv", "\n".join([",".join(names), *plain, *(f"{p},{p}" for p in plain)]) + "\n")
        table = pa.table({n: [row[i] or None for row in rows] for i, n in enumerate(names)})
        pq.write_table(
            table.append_column("canary.bird@example.com", pa.array(["x"] * len(rows))),
            shop.deliver(stream, "a.parquet", b""),
        )
        shop.deliver(stream, "canary.bird@example.com.csv", "event_id\n")
        shop.deliver(stream, "a.txt", "canary.bird@example.com")

    report = shop.load()

    assert report.accepted > 300
    assert report.rejected > 300
    # DuckDB compresses text, so the bytes alone prove little: look at every value first.
    for table, column in shop.rows(
        "select table_name, column_name from information_schema.columns where table_schema = 'raw'"
        " and (data_type in ('VARCHAR', 'JSON') or data_type like '%[]')"
    ):
        found = shop.rows(
            f'select "{column}"::varchar, count(*) from raw.{table}'
            f""" where regexp_matches("{column}"::varchar, '(?i)canary.?bird|7946|%40example') group by all limit 3"""
        )
        assert found == [], f"{table}.{column}"
    shop.warehouse.close()  # writes what is still to be written
    for path in shop.warehouse.path.parent.rglob("*"):
        content = path.read_bytes()
        assert [t for t in TRACES if t in content] == [], path.name


def test_hashed_fields_hold_the_hmac_of_the_normalised_value(shop: Installation) -> None:
    shop.deliver_json("profile_events", [record_of("profile_events", "email", " Jo@Example.com")])

    shop.load("profile_events")

    expected = [hmac.new(KEY, v, hashlib.sha256).hexdigest() for v in (b"jo@example.com", b"+49301234567")]
    assert shop.rows("select email_hash, phone_hash from raw.profile_events") == [tuple(expected)]


def test_an_id_that_is_an_address_becomes_the_same_hash_everywhere(shop: Installation) -> None:
    shop.deliver_json("profile_events", [record_of("profile_events", "customer_id", "Jo@Example.com")])
    shop.deliver_json("message_events", [record_of("message_events", "customer_id", "jo@example.com ")])

    shop.load("profile_events", "message_events")

    expected = "h:" + hmac.new(KEY, b"jo@example.com", hashlib.sha256).hexdigest()[:16]
    assert (
        shop.rows("select customer_id from raw.profile_events union all select customer_id from raw.message_events")
        == [(expected,)] * 2
    )


def test_reasons_never_show_a_contact_field(shop: Installation) -> None:
    shop.deliver_json("profile_events", [record_of("profile_events", "email", "Jo Doe, Canary Lane")])

    shop.load("profile_events")

    assert shop.reasons() == ["email is not an e-mail address"]
    [(text,)] = shop.rows("select text from raw.rejected_records")
    assert "Jo Doe" not in text


def test_every_contact_field_of_the_contract_says_how_it_is_normalised() -> None:
    contacts = [f for s in STREAMS.values() for f in s.fields if f.privacy is Privacy.HASHED]

    assert contacts
    assert all(f"perso_{f.normalise}(x)" in privacy.MACROS for f in contacts)
