"""Dagster's SQLite event log, quick enough for a backfill of years.

A backfill of 739 nights is two events per table and night: 37,000 in all. Dagster's own SQLite log opens, commits and
closes two database files for each (10 ms), also when Dagster hands it a whole batch. This one keeps the files
open and writes a batch in two transactions. Drop it when Dagster's does. It leans on private names of Dagster,
whose version is pinned exactly.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dagster._core.events import ASSET_EVENTS
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData, serialize_value
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import StaticPool

os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")  # without it Dagster hands over one event at a time

_OPEN_FILES = 4  # the index, the run and a few more: the webserver looks at one run after another
_BUSY_SECONDS = 10.0


class BatchingEventLog(SqliteEventLogStorage):
    """As its parent, with files kept open and ``store_event_batch`` in two transactions."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self._engines: dict[str, Engine] = {}
        super().__init__(*arguments, **more)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "BatchingEventLog":
        return cls(inst_data=inst_data, **config_value)  # the parent names itself here

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Any]:
        with self._db_lock, self._engine(shard).connect() as connection, connection.begin():
            yield connection

    def _engine(self, shard: str) -> Engine:
        engine = self._engines.pop(shard, None)
        if engine is None:
            while len(self._engines) >= _OPEN_FILES:
                self._engines.pop(next(iter(self._engines))).dispose()
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
            )
            event.listen(engine, "connect", _less_waiting)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
        self._engines[shard] = engine  # last in, so that the one longest unused goes first
        return engine

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run; asset events together, any others one at a time."""
        batch = [e for e in events if e.is_dagster_event and e.dagster_event_type in ASSET_EVENTS]
        for entry in events:
            if not (entry.is_dagster_event and entry.dagster_event_type in ASSET_EVENTS):
                self.store_event(entry)
        if not batch:
            return
        rows = [self._event_to_row(entry) for entry in batch]
        insert = SqlEventLogStorageTable.insert()
        with self.run_connection(batch[0].run_id) as connection:
            connection.execute(insert, rows)
        with self.index_transaction() as connection:
            with_ids = insert.returning(SqlEventLogStorageTable.c.id, sort_by_parameter_order=True)
            ids = [row[0] for row in connection.execute(with_ids, rows)]
            self._store_asset_event_tags(connection, batch, ids)
            # what is kept per asset is its last event, so only that one needs to be written
            newest = {
                str(e.dagster_event.asset_key): (e, i) for e, i in zip(batch, ids, strict=True) if e.dagster_event
            }
            for entry, event_id in newest.values():
                self._store_asset_event(connection, entry, event_id)

    def _store_asset_check_evaluation_planned(self, event: EventLogEntry, event_id: int | None) -> None:
        """One row per partition, as the parent, but the event is serialised once and not once a partition."""
        planned = event.get_dagster_event().asset_check_planned_data
        subset = planned.partitions_subset
        row = {
            "asset_key": planned.asset_key.to_string(),
            "check_name": planned.check_name,
            "run_id": event.run_id,
            "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
            "evaluation_event": serialize_value(event),
            "evaluation_event_timestamp": self._event_insert_timestamp(event),
            "evaluation_event_storage_id": event_id,
        }
        rows = [{**row, "partition": key} for key in subset.get_partition_keys()] if subset else [row]
        with self.index_connection() as connection:
            connection.execute(AssetCheckExecutionsTable.insert(), rows)

    def dispose(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()


def _less_waiting(connection: Any, _record: Any) -> None:
    # With a write-ahead log NORMAL survives a killed process; only a power cut can lose the last events.
    connection.execute("PRAGMA synchronous=NORMAL")
