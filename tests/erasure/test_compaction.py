"""A warehouse file written anew: what stands in it, and the lines of Parquet files that moved up."""

from pathlib import Path

import pytest

from perso_pipeline.erasure.compaction import GONE_LINES, compact
from perso_pipeline.resources.warehouse import DuckDBWarehouse

GONE = [1, 2, 1023, 1024, 1025, 2048, 3000]


@pytest.fixture
def store(tmp_path: Path) -> DuckDBWarehouse:
    """3,000 records of one Parquet file and of one text file, the same lines gone from both."""
    store = DuckDBWarehouse(tmp_path / "perso.duckdb", threads=2)
    with store.connect() as connection:
        connection.execute(f"""
            create schema raw;
            create table raw.order_events as
            select file, line::bigint as line, 'r' || line as record
            from range(1, 3001) as t (line), (values ('a.parquet'), ('b.jsonl')) as f (file)
            where line not in {tuple(GONE)};
            create table raw.rejected_records as
            select stream, 'a.parquet' as file, 2500::bigint as line
            from (values ('order_events'), ('profile_events')) as s (stream);
            create view raw.counted as select count(*) as records from raw.order_events;
            create table {GONE_LINES} as
            select 'order_events' as stream, 'a.parquet' as file, unnest({GONE})::bigint as line, 3000 as records""")
    return store


def test_lines_of_a_parquet_file_move_up_by_what_went_before_them(store: DuckDBWarehouse) -> None:
    compact(store)

    rows = store.query("select line, record from raw.order_events where file = 'a.parquet' order by line")
    assert rows["line"].to_pylist() == list(range(1, 2994))
    assert rows["record"].to_pylist() == [f"r{line}" for line in range(1, 3001) if line not in GONE]
    text = store.query("select line from raw.order_events where file = 'b.jsonl' order by line")
    assert text["line"].to_pylist() == [line for line in range(1, 3001) if line not in GONE]
    rejected = store.query("select line from raw.rejected_records order by stream")
    assert rejected["line"].to_pylist() == [2494, 2500]  # a file of the same name in another stream stays


def test_called_again_it_moves_nothing_and_views_stand(store: DuckDBWarehouse) -> None:
    compact(store)
    before = store.query("select * from raw.order_events order by all")
    compact(store)
    assert store.query("select * from raw.order_events order by all") == before
    assert store.query("select records from raw.counted")["records"].to_pylist() == [5986]
    assert not store.exists(GONE_LINES)
