"""Every format and compression gives the same rows, and what cannot be read is one rejected record."""

import csv
import gzip
import io
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .conftest import Installation, view

RECORDS = [
    view(event_id="e1", event_type="product_view", item_id='a,"b"', price=1.5, new="x"),
    view(event_id="e2", search_query="grün & weiß", quantity=2),
    view(event_id="e3", quantity=-1),
    view(event_id="e4", occurred_at="2026-01-02T00:30:00Z", site_id="la"),
]
ROWS = [
    ("e1", 'a,"b"', "1.5000", None, None, "2026-01-01", 1, '{"new":"x"}'),
    ("e2", None, None, "grün & weiß", 2, "2026-01-01", 2, None),
    ("e4", None, None, None, None, "2026-01-01", 4, None),
]
COLUMNS = sorted({name for record in RECORDS for name in record})


def as_json(records: list[dict]) -> bytes:
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records).encode()


def as_csv(records: list[dict], delimiter: str = ",") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue().encode()


def as_parquet(records: list[dict]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([{c: r.get(c) for c in COLUMNS} for r in records]), sink)
    return sink.getvalue().to_pybytes()


def zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


def rows_of(shop: Installation, first_line: int) -> list[tuple]:
    return shop.rows(
        "select event_id, item_id, price::varchar, search_query, quantity, event_date::varchar, line - ?, payload::varchar"
        " from raw.storefront_events order by event_id",
        first_line - 1,
    )


TEXTS = [
    *((f"a.{suffix}", as_json(RECORDS), 1) for suffix in ("jsonl", "ndjson", "json", "JSONL")),
    ("a.csv", as_csv(RECORDS), 2),
    ("semicolons.csv", as_csv(RECORDS, ";"), 2),
    ("tabs.csv", as_csv(RECORDS, "\t"), 2),
]
FILES = [("a.parquet", as_parquet(RECORDS), 1)]
for _name, _content, _line in TEXTS:
    FILES += [
        (_name, _content, _line), (f"{_name}.gz", gzip.compress(_content), _line),
        (f"{_name}.zst", zstd(_content), _line), (f"{_name}.zstd", zstd(_content), _line),
    ]  # fmt: skip
FILES += [
    ("windows.jsonl", as_json(RECORDS).replace(b"\n", b"\r\n"), 1),
    ("windows.csv", as_csv(RECORDS).replace(b"\n", b"\r\n"), 2),
    ("bom.csv", b"\xef\xbb\xbf" + as_csv(RECORDS), 2),
    ("bom.jsonl", b"\xef\xbb\xbf" + as_json(RECORDS), 1),
    ("open-end.jsonl", as_json(RECORDS).rstrip(), 1),
    ("open-end.csv", as_csv(RECORDS).rstrip(), 2),
    ("two-members.jsonl.gz", gzip.compress(as_json(RECORDS[:2])) + gzip.compress(as_json(RECORDS[2:])), 1),
]


@pytest.mark.parametrize(("name", "content", "first_line"), FILES, ids=[f[0] for f in FILES])
def test_every_format_and_compression_gives_the_same_rows(
    shop: Installation, name: str, content: bytes, first_line: int
) -> None:
    shop.deliver("storefront_events", name, content)

    report = shop.load("storefront_events")["storefront_events"]

    assert rows_of(shop, first_line) == ROWS
    assert shop.reasons() == ["quantity is -1, must be at least 0"]
    assert (report.files, report.delivered, report.accepted, report.rejected) == (1, 4, 3, 1)
    assert report.drift == {"new": 1}


UNREADABLE = {
    "cut.jsonl.gz": gzip.compress(as_json(RECORDS * 50))[:-20],
    "cut.jsonl.zst": zstd(as_json(RECORDS * 50))[:-5],
    "cut.csv.gz": gzip.compress(as_csv(RECORDS * 50))[:-20],
    "plain.jsonl.gz": as_json(RECORDS),
    "empty.jsonl.gz": b"",
    "cut.parquet": as_parquet(RECORDS)[:-20],
    "empty.parquet": b"",
    "text.parquet": as_json(RECORDS),
    "utf16.jsonl": as_json(RECORDS).decode().encode("utf-16"),
    "no-header.csv": as_csv(RECORDS).split(b"\n", 1)[1],
    "twice.csv": b"event_id,event_type,event_id\n1,2,3\n",
    "latin1-header.csv": "event_id,größe\n1,2\n".encode("latin-1"),
    "nul-header.csv": b"event_id,a\0b\n1,2\n",
}


@pytest.mark.parametrize(("name", "content"), UNREADABLE.items(), ids=UNREADABLE.keys())
def test_an_unreadable_file_is_one_rejected_record_and_the_others_are_loaded(
    shop: Installation, name: str, content: bytes
) -> None:
    shop.deliver("storefront_events", name, content)
    shop.deliver_json("storefront_events", [view()], "good.jsonl")

    report = shop.load("storefront_events")

    assert (report.delivered, report.accepted, report.rejected) == (2, 1, 1)
    [reason] = shop.reasons()
    assert reason.startswith("unreadable file: ")
    assert str(shop.landing) not in reason


def test_a_damaged_page_rejects_only_its_file(shop: Installation) -> None:
    sink = pa.BufferOutputStream()
    many = pa.Table.from_pylist([view(event_id=f"{i:040d}{hash(i)}") for i in range(20_000)])
    pq.write_table(many, sink, compression="snappy", use_dictionary=False)
    content = bytearray(sink.getvalue().to_pybytes())
    content[1000:3000] = b"\xff" * 2000
    shop.deliver("storefront_events", "damaged.parquet", bytes(content))
    shop.deliver("storefront_events", "good.parquet", as_parquet(RECORDS))
    shop.deliver_json("storefront_events", [view()])

    report = shop.load("storefront_events")

    assert (report.delivered, report.accepted, report.rejected) == (6, 4, 2)
    assert [r for r in shop.reasons() if r.startswith("unreadable file: ")]


def test_a_file_that_breaks_after_a_chunk_was_kept_leaves_no_rows(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perso_pipeline.raw.stream_load.LINES_CHUNK", 100)
    monkeypatch.setattr("perso_pipeline.raw.lines.CHUNK_BYTES", 8000)
    content = gzip.compress(as_json([view(event_id=os.urandom(20).hex()) for _ in range(500)]))
    shop.deliver("storefront_events", "cut.jsonl.gz", content[: len(content) // 2])

    report = shop.load("storefront_events")

    assert (report.delivered, report.accepted, report.rejected) == (1, 0, 1)
    assert shop.rows("select count(*) from raw.storefront_events") == [(0,)]


LINES = {
    "unbalanced quotes": ('e1,"page_view', "the line has unbalanced quotes; a value may not hold a line break"),
    "too few values": ("e1,page_view", "the line has 2 values, the header has 5"),
    "too many values": ("e1,page_view,2026-01-01,uk,v,x", "the line has 6 values, the header has 5"),
    "quote inside": ('e1,page_view,2026-01-01,uk,v"x"', "the line has a quote inside a value that does not begin and end with one"),
    "our separator inside": ("e1\x1fpage_view,2026-01-01,uk,v", "the line has 4 values, the header has 5"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "reason"), LINES.values(), ids=LINES.keys())
def test_a_csv_line_that_does_not_fit_is_rejected(shop: Installation, line: str, reason: str) -> None:
    shop.deliver("storefront_events", "a.csv", f"event_id,event_type,occurred_at,site_id,visitor_id\n{line}\n")

    shop.load("storefront_events")

    assert shop.reasons() == [reason]
    [(text,)] = shop.rows("select text from raw.rejected_records")
    assert text.replace(" ", "") == line.replace("\x1f", "")


def test_invalid_utf8_and_nul_reject_their_line_only(shop: Installation) -> None:
    good = as_json([view()])
    shop.deliver("storefront_events", "a.jsonl", b'{"event_id": "\xff"}\n' + good + b"\0\0\0\n")

    report = shop.load("storefront_events")

    assert (report.delivered, report.accepted, report.rejected) == (3, 1, 2)
    assert [r[:26] for r in shop.reasons()] == ["the line is not UTF-8 text", "the line is not JSON: '   "]


def test_a_line_without_end_is_rejected_without_filling_memory(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perso_pipeline.raw.lines.CHUNK_BYTES", 1 << 20)
    shop.deliver("storefront_events", "a.jsonl", b"x" * (20 << 20) + b"\n" + as_json([view()]))

    report = shop.load("storefront_events")

    assert (report.delivered, report.accepted, report.rejected) == (2, 1, 1)
    [(length,)] = shop.rows("select max(length(text)) from raw.rejected_records")
    assert length < 13 << 20
    assert shop.reasons()[0].startswith("the line is 20971521 bytes long") or "[phone]" in shop.reasons()[0]


PARQUET_TYPES = {
    "time with a zone": ("occurred_at", pa.timestamp("us", "Europe/Berlin"), 1_767_268_800_000_000, "occurred_at::varchar", "2026-01-01 12:00:00"),
    "nanoseconds": ("occurred_at", pa.timestamp("ns"), 1_767_268_800_000_000_001, "occurred_at::varchar", "2026-01-01 12:00:00"),
    "seconds": ("occurred_at", pa.timestamp("s"), 1_767_268_800, "occurred_at::varchar", "2026-01-01 12:00:00"),
    "a day for a time": ("occurred_at", pa.date32(), 20_454, "occurred_at::varchar", "2026-01-01 00:00:00"),
    "float for a count": ("quantity", pa.float64(), 3.0, "quantity", 3),
    "decimal for a count": ("quantity", pa.decimal128(10, 2), 3, "quantity", 3),
    "float for an amount": ("price", pa.float64(), 0.1, "price::varchar", "0.1000"),
    "other scale": ("price", pa.decimal128(38, 10), 1, "price::varchar", "1.0000"),
    "number for an id": ("item_id", pa.int64(), 42, "item_id", "42"),
    "bytes for text": ("item_id", pa.binary(), b"x", "item_id", "x"),
    "categories": ("item_id", pa.dictionary(pa.int8(), pa.string()), "x", "item_id", "x"),
    "unknown struct": ("new", pa.struct([("a", pa.int64())]), {"a": 1}, "payload::varchar", '{"new":{"a":1}}'),
    "hostile column": ('x"; drop table raw.sites; --', pa.int64(), 1, "payload::varchar", '{"x\\"; drop table raw.sites; --":1}'),
}  # fmt: skip


@pytest.mark.parametrize(("name", "type_", "value", "column", "kept"), PARQUET_TYPES.values(), ids=PARQUET_TYPES.keys())
def test_parquet_types_are_brought_to_the_contract(
    shop: Installation, name: str, type_: pa.DataType, value: object, column: str, kept: object
) -> None:
    columns = {k: pa.array([v]) for k, v in view(occurred_at="2026-01-01 12:00:00").items()}
    columns[name] = (
        pa.array([value], pa.string()).cast(type_) if pa.types.is_dictionary(type_) else pa.array([value], type_)
    )
    path = shop.deliver("storefront_events", "a.parquet", b"")
    pq.write_table(pa.table(columns), path)

    shop.load("storefront_events")

    assert shop.reasons() == []
    assert shop.rows(f"select {column} from raw.storefront_events") == [(kept,)]


@pytest.mark.parametrize(("value", "shown"), [(1.5, "1.5"), (float("nan"), "nan"), (1e30, "1e+30")])
def test_a_float_that_is_no_count_is_rejected(shop: Installation, value: float, shown: str) -> None:
    path = shop.deliver("storefront_events", "a.parquet", b"")
    pq.write_table(pa.table({k: pa.array([v]) for k, v in view(quantity=value).items()}), path)

    shop.load("storefront_events")

    assert shop.reasons() == [f"quantity is '{shown}', must be a whole number"]


def test_large_parquet_files_are_cut_and_small_ones_gathered(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perso_pipeline.raw.stream_load.PARQUET_CHUNK", 7)
    for name, rows in (("large", 20), ("one", 3), ("two", 3), ("three", 3)):
        path = shop.deliver("storefront_events", f"{name}.parquet", b"")
        pq.write_table(pa.Table.from_pylist([view(event_id=f"{name}{i}") for i in range(rows)]), path)

    assert shop.load("storefront_events").accepted == 29
    assert shop.rows("select count(distinct event_id), max(line) from raw.storefront_events") == [(29, 20)]


def test_a_folder_that_looks_like_a_glob_or_a_hive_partition_is_taken_literally(tmp_path: Path) -> None:
    shop = Installation(tmp_path / "a[1]*" / "item_id=7")
    shop.deliver("storefront_events", "a.parquet", as_parquet(RECORDS))

    shop.load("storefront_events")

    assert rows_of(shop, 1) == ROWS
