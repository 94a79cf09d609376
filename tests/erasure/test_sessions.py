"""Facts of devices that somebody erased shared with others: what is taken out to make them anew, and what is replaced."""

from pathlib import Path

import pyarrow as pa
import pytest

from perso_pipeline.contracts.streams import STREAMS
from perso_pipeline.erasure import sessions
from perso_pipeline.resources.warehouse import DuckDBWarehouse, WarehouseResource
from perso_pipeline.settings import Settings

# who stands in a record: till is the shared device; bob came on it and on his phone, and ordered from his tablet
RECORDS = {
    "storefront_events": [
        {"event_id": "e1", "visitor_id": "till"},
        {"event_id": "e2", "visitor_id": "till", "customer_id": "bob"},
        {"event_id": "e3", "visitor_id": "phone", "customer_id": "bob"},
        {"event_id": "e4", "visitor_id": "phone"},
        {"event_id": "e5", "visitor_id": "tablet", "order_id": "o1"},
        {"event_id": "e6", "visitor_id": "other", "customer_id": "cid"},
    ],
    "order_events": [{"event_id": "e7", "customer_id": "bob", "order_id": "o1"}, {"event_id": "e8", "order_id": "o2"}],
    "catalog_items": [{"event_id": "e9"}],
}
FACTS = """
    create schema interactions;
    create table interactions.sessions as
    select visitor_id, coalesce('customer:' || customer_id, 'visitor:' || visitor_id) as identifier, count(*) as events
    from raw.storefront_events group by all;
    create table interactions.person_totals as
    select checkpoint_date, identifier, sum(events)::bigint as events
    from interactions.sessions, (values (date '2026-01-31'), (date '2026-02-28')) as t (checkpoint_date) group by all;
    create table interactions.item_days as select count(*) as events from raw.storefront_events"""


@pytest.fixture
def store(tmp_path: Path) -> DuckDBWarehouse:
    """Facts made while an erased person's e0 stood on the till; that record is gone."""
    store = DuckDBWarehouse(tmp_path / "perso.duckdb")
    with store.connect() as connection:
        connection.execute("create schema raw")
        for stream in STREAMS.values():
            columns = ", ".join(f"{field.column} varchar" for field in stream.fields)
            connection.execute(f"create table raw.{stream.name} ({columns})")
            records = RECORDS.get(stream.name, [])
            if records:
                names = sorted({name for record in records for name in record})
                given = pa.table({name: pa.array([r.get(name) for r in records], pa.string()) for name in names})
                connection.register("rows", given)
                connection.execute(f"insert into raw.{stream.name} by name from rows")
                connection.unregister("rows")
        connection.execute("""
            create table raw.rejected_records as select 'a line of somebody' as text;
            create table raw.loaded_days as select unnest([date '2026-01-01', date '2026-02-28']) as load_date;
            insert into raw.storefront_events (event_id, visitor_id) values ('e0', 'till')""")
        connection.execute(FACTS)
        connection.execute("delete from interactions.person_totals where checkpoint_date = '2026-02-28'")
        connection.execute("delete from raw.storefront_events where event_id = 'e0'")
    return store


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """In place of dbt, facts by one statement; holds what the small warehouse had."""
    seen: dict[str, object] = {}

    def build(_: object, warehouse: WarehouseResource, *, variables: dict[str, object], **__: object) -> list[object]:
        seen["nights"] = (variables["from_night"], variables["to_night"])
        with warehouse.open().connect() as connection:
            for table in ("storefront_events", "order_events", "catalog_items"):
                found = connection.execute(f"select event_id from raw.{table} order by all").fetchall()
                seen[table] = [event_id for (event_id,) in found]
            seen["rejected"] = connection.execute("select count(*) from raw.rejected_records").fetchall()[0][0]
            connection.execute(FACTS)
        return []

    monkeypatch.setattr(sessions.DbtResource, "build", build)
    return seen


def rows(store: DuckDBWarehouse, table: str) -> list[tuple[object, ...]]:
    found = store.query(f"select * from interactions.{table} order by all")
    return [tuple(row.values()) for row in found.to_pylist()]


def test_records_of_the_device_and_of_the_customers_known_on_it_are_taken_out(
    store: DuckDBWarehouse, taken: dict[str, object], tmp_path: Path
) -> None:
    sessions.renew(Settings(home=tmp_path), store, ["till"])
    assert taken["storefront_events"] == ["e1", "e2", "e3", "e4", "e5"]
    assert taken["order_events"] == ["e7"]
    assert taken["catalog_items"] == ["e9"]
    assert taken["rejected"] == 0
    assert taken["nights"] == ("2026-01-01", "2026-02-28")
    assert not (store.path.parent / "shared_devices").exists()


def test_their_facts_are_replaced_and_all_others_stay(
    store: DuckDBWarehouse, taken: dict[str, object], tmp_path: Path
) -> None:
    for _ in range(2):
        sessions.renew(Settings(home=tmp_path), store, ["till"])
        assert ("till", "visitor:till", 1) in rows(store, "sessions")  # e0 counted before
        assert ("other", "customer:cid", 1) in rows(store, "sessions")
        assert len(rows(store, "sessions")) == 6
        assert rows(store, "item_days") == [(7,)]  # a sum over everybody
        totals = store.query("select distinct checkpoint_date from interactions.person_totals")
        assert totals.num_rows == 1  # a checkpoint that was not taken is not begun
    assert taken
