from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from perso_pipeline.resources.warehouse import DuckDBWarehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "warehouse" / "perso.duckdb", threads=1)


def test_writing_a_partition_replaces_only_that_partition(warehouse: DuckDBWarehouse) -> None:
    for night, value in [(date(2026, 1, 1), 1), (date(2026, 1, 2), 2), (date(2026, 1, 1), 3)]:
        warehouse.write_partition("s.t", pa.table({"night": [night], "value": [value]}), {"night": night})
    rows = warehouse.query("select value from s.t order by night").to_pylist()
    assert rows == [{"value": 3}, {"value": 2}]


def test_a_new_table_of_many_rows_is_read_whole_before_the_file_is_closed(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "perso.duckdb", threads=2)
    rows = pa.table({"night": pa.array(["a"] * 300_000), "value": pa.array(range(300_000))})
    with warehouse.connect() as reader:
        warehouse.write_partition("s.t", rows, {"night": "a"})
        found = reader.execute("select count(*), min(night), max(value) from s.t").fetchall()
    assert found == [(300_000, "a", 299_999)]


def test_a_failing_write_leaves_the_old_partition(warehouse: DuckDBWarehouse) -> None:
    warehouse.write_partition("s.t", pa.table({"night": ["a"], "value": [1]}), {"night": "a"})
    with pytest.raises(duckdb.Error):
        warehouse.write_partition("s.t", pa.table({"night": ["a"], "value": ["no number"]}), {"night": "a"})
    assert warehouse.query("select * from s.t").to_pylist() == [{"night": "a", "value": 1}]


def test_a_column_that_the_stored_table_lacks_is_added_and_null_in_older_nights(warehouse: DuckDBWarehouse) -> None:
    warehouse.write_partition("s.t", pa.table({"night": ["a"], "value": [1]}), {"night": "a"})
    warehouse.write_partition("s.t", pa.table({"night": ["b"], "value": [2], "more": ["x"]}), {"night": "b"})
    rows = warehouse.query("select * from s.t order by night").to_pylist()
    assert rows == [{"night": "a", "value": 1, "more": None}, {"night": "b", "value": 2, "more": "x"}]


def test_parts_are_written_in_one_transaction_and_see_what_was_there_before(warehouse: DuckDBWarehouse) -> None:
    warehouse.write_partition("s.t", pa.table({"night": ["a"], "value": [1]}), {"night": "a"})

    def parts(last: object) -> Iterator[dict[str, pa.Table]]:
        yield {"s.t": pa.table({"night": ["a"], "value": [2]}), "s.u": pa.table({"night": ["a"]})}
        before = warehouse.query("select value from s.t")["value"].to_pylist()
        yield {"s.t": pa.table({"night": ["a"], "value": [10 * before[0]]})}
        yield {"s.t": pa.table({"night": ["a"], "value": [last]})}

    with pytest.raises(duckdb.Error):
        warehouse.write_partitions(parts("no number"), {"night": "a"})
    assert warehouse.query("select value from s.t").to_pylist() == [{"value": 1}]
    assert not warehouse.exists("s.u")

    assert warehouse.write_partitions(parts(4), {"night": "a"}) == {"s.t": 3, "s.u": 1}
    assert warehouse.query("select value from s.t order by value")["value"].to_pylist() == [2, 4, 10]


def test_a_part_is_let_go_once_it_is_written(warehouse: DuckDBWarehouse) -> None:
    held: list[int] = []

    def parts() -> Iterator[dict[str, pa.Table]]:
        for part in range(20):
            held.append(pa.total_allocated_bytes())
            values = pc.add(pa.array([part], pa.int64()).take(pa.array([0] * 100_000)), 0)
            yield {"s.t": pa.table({"night": pc.cast(values, pa.string()), "value": values})}

    warehouse.write_partitions(parts(), {"night": "0"})
    assert max(held) - held[0] < 3 * (held[2] - held[0])  # two of twenty: the one that is written and the next


def test_a_statement_reads_rows_that_it_is_given_even_while_parts_are_written(warehouse: DuckDBWarehouse) -> None:
    asked = "select t.value from given as g join s.t as t on t.value = g.value"
    given = {"given": pa.table({"value": [1, 2]})}
    warehouse.write_partition("s.t", pa.table({"night": ["a", "a"], "value": [1, 3]}), {"night": "a"})

    def parts() -> Iterator[dict[str, pa.Table]]:
        for value in (2, *warehouse.query(asked, tables=given)["value"].to_pylist()):
            yield {"s.t": pa.table({"night": ["a"], "value": [value]})}

    warehouse.write_partitions(parts(), {"night": "a"})
    assert sorted(warehouse.query(asked, tables=given)["value"].to_pylist()) == [1, 2]
    with pytest.raises(duckdb.CatalogException):
        warehouse.query(asked)


def test_rows_are_exported_in_their_order(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    rows = pa.table({"night": ["a"] * 3 + ["b"], "value": [3, 1, 2, 4]})
    warehouse.write_partitions([{"s.t": rows}], {"night": "a"})
    warehouse.export("select value from s.t where night = $night", tmp_path / "x.parquet", {"night": "a"})
    assert pq.read_table(tmp_path / "x.parquet")["value"].to_pylist() == [3, 1, 2]


def test_a_hostile_partition_value_is_only_a_value(warehouse: DuckDBWarehouse) -> None:
    hostile = "x'; drop table s.t; --"
    warehouse.write_partition("s.t", pa.table({"night": [hostile], "value": [1]}), {"night": hostile})
    warehouse.write_partition("s.t", pa.table({"night": [hostile], "value": [2]}), {"night": hostile})
    assert warehouse.query("select value from s.t where night = ?", [hostile]).to_pylist() == [{"value": 2}]


def test_no_connection_outlives_an_error(warehouse: DuckDBWarehouse) -> None:
    with pytest.raises(duckdb.Error), warehouse.connect() as connection:
        connection.execute("select * from nowhere")
    with duckdb.connect(str(warehouse.path)) as other:  # would fail if the lock were still held
        assert other.execute("select 1").fetchall() == [(1,)]


def test_a_setting_of_a_block_that_writes_ends_with_it(tmp_path: Path) -> None:
    kept = DuckDBWarehouse(tmp_path / "perso.duckdb", threads=1, keeps_open=True)
    keeps = "select current_setting('preserve_insertion_order') as keeps"
    with kept.transaction() as connection:
        connection.execute("set preserve_insertion_order = false")
        assert connection.execute(keeps).fetchall() == [(False,)]
    assert kept.query(keeps).to_pylist() == [{"keeps": True}]
    with pytest.raises(duckdb.Error), kept.transaction() as connection:
        connection.execute("set preserve_insertion_order = false; select * from nowhere")
    assert kept.query(keeps).to_pylist() == [{"keeps": True}]
