"""Nights: nothing lost, loading again, replay, hostile names."""

import itertools
import json
import os
from datetime import date, timedelta
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from perso_pipeline.contracts.errors import ConfigError, PersoError
from perso_pipeline.contracts.sites import Site, Sites
from perso_pipeline.contracts.streams import LANDING_COLUMNS, STREAMS
from perso_pipeline.raw.conservation import conservation
from perso_pipeline.raw.load import load_nights
from perso_pipeline.raw.replay import replay
from perso_pipeline.raw.tables import LEDGERS, ensure_tables

from .conftest import KEY, NIGHT, SITES, Installation, view

NEXT = NIGHT + timedelta(days=1)
CONTENT = "select * exclude (file, line) from raw.storefront_events order by all"


def test_all_tables_exist_after_loading_nothing_with_columns_in_the_contracts_order(shop: Installation) -> None:
    report = shop.load()

    assert (report.delivered, report.accepted, report.rejected) == (0, 0, 0)
    for name, stream in STREAMS.items():
        columns = [c for (c,) in shop.rows("select column_name from information_schema.columns where table_schema = 'raw' and table_name = ? order by ordinal_position", name)]  # fmt: skip
        expected = [f.column for f in stream.fields] + list(LANDING_COLUMNS)
        assert columns[: len(expected)] == expected
        assert columns[len(expected) :] == (
            ["is_robot"] if name in ("storefront_events", "recommendation_events") else []
        )
    tables = {t for (t,) in shop.rows("select table_name from information_schema.tables where table_schema = 'raw'")}
    assert tables == {*STREAMS, *LEDGERS}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.one_of(
            st.builds(lambda i, q: json.dumps(view(event_id=f"e{i}", quantity=q)).encode(), st.integers(0, 9), st.integers(-2, 3)),
            st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")),
            st.sampled_from([b"", b"\r", b"{}", b"[]", b"null", b'{"event_id":"x"', b'"', b",,,,", b"\xef\xbb\xbf"]),
        ),
        max_size=12,
    ),
    cuts=st.lists(st.integers(0, 12), max_size=2),
    suffix=st.sampled_from(["jsonl", "csv"]),
)  # fmt: skip
def test_accepted_and_rejected_are_delivered_however_files_are_split(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], cuts: list[int], suffix: str
) -> None:
    shop = Installation(tmp_path_factory.mktemp("shop"))
    header = b"event_id,event_type,occurred_at,site_id,visitor_id\n" if suffix == "csv" else b""
    bounds = [0, *sorted(cuts), len(lines)]
    for i, (start, end) in enumerate(itertools.pairwise(bounds)):
        shop.deliver("storefront_events", f"{i}.{suffix}", header + b"".join(line + b"\n" for line in lines[start:end]))
    # A byte order mark that begins a file is no content of its first line.
    firsts = set(bounds[:-1]) if suffix == "jsonl" else set()
    delivered = sum(
        (line.removeprefix(b"\xef\xbb\xbf") if i in firsts else line) not in (b"", b"\r")
        for i, line in enumerate(lines)
        if not (i in firsts and line.startswith((b"\xff\xfe", b"\xfe\xff")))
    )

    report = shop.load("storefront_events")

    result = conservation(shop.warehouse, "storefront_events", first=NIGHT, last=NIGHT)
    assert result.imbalances == ()
    assert result.files == len(bounds) - 1
    if not any(r.startswith("unreadable") for r in shop.reasons()):
        assert report.delivered == delivered == report.accepted + report.rejected


def test_conservation_names_the_file_when_a_row_goes_missing(shop: Installation) -> None:
    shop.deliver_json("storefront_events", [view(event_id="e1"), view(event_id="e2")])
    shop.load("storefront_events")
    with shop.warehouse.connect() as connection:
        connection.execute("delete from raw.storefront_events where event_id = 'e1'")

    [imbalance] = conservation(shop.warehouse, "storefront_events", first=NIGHT, last=NIGHT).imbalances

    assert str(imbalance) == "storefront_events/2026-01-02/a.jsonl: 2 delivered, but 1 accepted and 0 rejected"


def test_loading_a_night_again_changes_nothing_and_leaves_other_nights_alone(shop: Installation) -> None:
    shop.deliver_json("storefront_events", [view(event_id="e1"), view(event_id="e2", quantity=-1, x=1)])
    shop.deliver_json("storefront_events", [view(event_id="e3", x=1)], night=NEXT)
    shop.load(first=NIGHT, last=NEXT)
    tables = [*STREAMS, *LEDGERS]
    before = {t: shop.rows(f"from raw.{t} order by all") for t in tables}

    shop.load(first=NEXT)
    shop.load(first=NIGHT)

    assert {t: shop.rows(f"from raw.{t} order by all") for t in tables} == before
    assert before["schema_drift"] == [(NEXT, "storefront_events", "x", 1)]


def test_files_split_and_named_otherwise_give_the_same_content(shop: Installation, tmp_path: Path) -> None:
    records = [view(event_id=f"e{i}", quantity=i - 1) for i in range(6)]
    other = Installation(tmp_path / "other")
    shop.deliver_json("storefront_events", records)
    other.deliver_json("storefront_events", records[4:], "a.jsonl")
    other.deliver_json("storefront_events", records[:4], "z.jsonl")

    shop.load("storefront_events")
    other.load("storefront_events")

    assert shop.rows(CONTENT) == other.rows(CONTENT)


def test_days_that_lose_their_rows_stay_among_the_loaded_days(shop: Installation) -> None:
    shop.deliver_json("storefront_events", [view(), view(event_id="e2", occurred_at="2025-12-24T12:00:00Z")])
    shop.load("storefront_events")
    shop.deliver_json("storefront_events", [view()])

    shop.load("storefront_events")

    days = shop.rows("select event_date from raw.loaded_days order by event_date")
    assert days == [(date(2025, 12, 24),), (date(2026, 1, 1),)]


def test_a_file_without_records_is_in_the_books(shop: Installation) -> None:
    shop.deliver("storefront_events", "a.jsonl", "")
    shop.deliver("storefront_events", "a.csv", "event_id,event_type\n")
    shop.deliver("storefront_events", "b.csv", "\n")

    shop.load("storefront_events")

    books = shop.rows("select file, delivered, accepted, rejected from raw.delivered_files order by file")
    assert [(f.split("/")[-1], *n) for f, *n in books] == [("a.csv", 0, 0, 0), ("a.jsonl", 0, 0, 0), ("b.csv", 0, 0, 0)]


def test_replay_takes_up_records_once_the_site_is_in_the_config(shop: Installation) -> None:
    shop.deliver_json("storefront_events", [view(), view(event_id="e2", site_id="fr")])
    shop.deliver_json("storefront_events", [view(event_id="e3")], night=NEXT)
    shop.load(first=NIGHT, last=NEXT)
    more = Sites(sites=[*SITES.sites, Site(id="fr", name="FR", timezone="Europe/Paris", currency="EUR")])

    report = replay(shop.warehouse, landing_dir=shop.landing, sites=more, hash_key=KEY)

    [replayed] = report.streams
    assert (replayed.stream, replayed.nights, report.first_night) == ("storefront_events", (NIGHT,), NIGHT)
    assert (replayed.accepted_before, replayed.rejected_before) == (1, 1)
    assert (replayed.accepted_after, replayed.rejected_after, report.recovered) == (2, 0, 1)
    assert shop.reasons() == []
    assert shop.rows("select count(*) from raw.storefront_events") == [(3,)]


def test_replay_takes_up_a_mended_file_and_a_file_that_came_later(shop: Installation) -> None:
    shop.deliver_json("storefront_events", [view()])
    shop.deliver_json("storefront_events", [view(event_id="e2")], night=NEXT)
    shop.load(first=NIGHT, last=NEXT)
    shop.deliver_json("storefront_events", [view(event_id="e3")], "later.jsonl")

    report = replay(shop.warehouse, landing_dir=shop.landing, sites=SITES, hash_key=KEY)

    assert (report.nights, report.recovered) == ((NIGHT,), 1)
    assert replay(shop.warehouse, landing_dir=shop.landing, sites=SITES, hash_key=KEY).nights == ()


def test_replay_takes_up_fields_that_the_contract_has_learnt(shop: Installation) -> None:
    shop.deliver_json("storefront_events", [view()])
    shop.load("storefront_events")
    with shop.warehouse.connect() as connection:  # as if url had been unknown on that night
        connection.execute("insert into raw.schema_drift values (?, 'storefront_events', 'url', 1)", [NIGHT])

    assert replay(shop.warehouse, landing_dir=shop.landing, sites=SITES, hash_key=KEY).nights == (NIGHT,)


def test_replay_before_any_load_says_what_to_do(shop: Installation) -> None:
    with pytest.raises(PersoError, match="run a night first"):
        replay(shop.warehouse, landing_dir=shop.landing, sites=SITES, hash_key=KEY)


def test_a_table_of_an_older_contract_is_rebuilt_with_its_rows(shop: Installation) -> None:
    shop.deliver_json("storefront_events", [view()])
    shop.load("storefront_events")
    before = shop.rows("from raw.storefront_events")
    with shop.warehouse.connect() as connection:
        connection.execute("alter table raw.storefront_events drop column url")
        connection.execute("alter table raw.storefront_events alter rating type varchar")
        ensure_tables(connection)

    assert shop.rows("from raw.storefront_events") == before


NAMES = ["a'; drop table x.jsonl", 'a".jsonl', "a\nb.jsonl", "x@example.com.jsonl", "*.parquet", "a?.jsonl", "a.xlsx",
         "a.parquet.gz", "jsonl", "a.jsonl.bz2", "..jsonl..", "\udcff.jsonl", "=cmd|' /C calc'!A0.csv"]  # fmt: skip


def test_hostile_and_unknown_names_are_one_rejected_record_each(shop: Installation) -> None:
    names = [n for n in NAMES if not n.startswith(".")]
    for name in names:
        shop.deliver_json("storefront_events", [view()], name)
    (shop.landing / "storefront_events" / NIGHT.isoformat() / "folder.jsonl").mkdir()
    os.mkfifo(shop.landing / "storefront_events" / NIGHT.isoformat() / "pipe.jsonl")
    shop.deliver_json("storefront_events", [view()])

    report = shop.load("storefront_events")

    assert (report.accepted, report.rejected) == (1, len(names) + 2)
    assert conservation(shop.warehouse, "storefront_events", first=NIGHT, last=NIGHT).imbalances == ()
    assert not shop.rows("select file from raw.rejected_records where regexp_matches(file, '[\\x00-\\x1f]|x@example')")


def test_what_tools_leave_beside_their_data_is_ignored(shop: Installation) -> None:
    for name in ("_SUCCESS", ".a.jsonl.crc", "a.jsonl.tmp", "_a.jsonl"):
        shop.deliver("storefront_events", name, "x")

    assert shop.load("storefront_events").delivered == 0


def test_what_lies_outside_a_nights_folder_is_told_and_taken_back_once_mended(shop: Installation) -> None:
    shop.deliver_json("storefront_events", [view()])
    for folder in (
        "no_stream/2026-01-02",
        "storefront_events/2026-02-30",
        "storefront_events/x' or 1=1",
        "order_events/20260102",
    ):
        path = shop.landing / folder
        path.mkdir(parents=True)
        (path / "a.jsonl").write_text("{}")
    (shop.landing / "stray.jsonl").write_text("{}")

    report = shop.load()

    assert (report.delivered, report.misplaced) == (1, 5)
    assert shop.rows("select count(*), count(load_date) from raw.rejected_records") == [(5, 0)]
    (shop.landing / "stray.jsonl").unlink()
    assert shop.load().misplaced == 4
    assert shop.rows("select count(*) from raw.rejected_records") == [(4,)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"streams": ["storefront_event"]}, r"no stream 'storefront_event' \(did you mean 'storefront_events'\?\)"),
        ({"first": NEXT}, "after the last"),
        ({"hash_key": b""}, "PERSO_HASH_KEY"),
    ],
)
def test_wrong_arguments_are_one_sentence(shop: Installation, changes: dict, message: str) -> None:
    arguments = {"landing_dir": shop.landing, "sites": SITES, "first": NIGHT, "last": NIGHT, "hash_key": KEY} | changes

    with pytest.raises(PersoError, match=message):
        load_nights(shop.warehouse, **arguments)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../etc/passwd", ""])
def test_an_unknown_time_zone_names_the_site(shop: Installation, zone: str) -> None:
    sites = Sites(sites=[Site(id="uk", name="UK", timezone=zone, currency="GBP")])

    with pytest.raises(ConfigError, match="site 'uk'"):
        shop.load(sites=sites)


def test_progress_ends_at_all_bytes(shop: Installation) -> None:
    told: list[tuple[str, int, int]] = []
    path = shop.deliver_json("storefront_events", [view()])

    load_nights(
        shop.warehouse, landing_dir=shop.landing, sites=SITES, first=NIGHT, last=NIGHT, hash_key=KEY,
        on_progress=lambda *now: told.append(now),
    )  # fmt: skip

    size = path.stat().st_size
    assert told[-1] == ("storefront_events", size, size)
