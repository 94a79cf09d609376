"""Loading nights: landing folders to ``raw.*``, one transaction per stream.

This is where files, formats and tables meet. Keep rules (``rules``), reading (``lines``, ``parquet``,
``sources``) and Dagster out.
"""

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path

import duckdb

from perso_pipeline.contracts.errors import PersoError, nearest
from perso_pipeline.contracts.sites import Sites
from perso_pipeline.contracts.streams import STREAMS, Stream
from perso_pipeline.raw import ledgers, parquet, privacy, suppression
from perso_pipeline.raw.judge import keep
from perso_pipeline.raw.landing import Delivery, Format, scan, scan_misplaced
from perso_pipeline.raw.report import LoadReport, StreamReport
from perso_pipeline.raw.stream_load import StreamLoad
from perso_pipeline.raw.tables import ensure_tables
from perso_pipeline.raw.user_agents import note_user_agents
from perso_pipeline.resources.warehouse import DuckDBWarehouse

Progress = Callable[[str, int, int], None]


def load_nights(
    warehouse: DuckDBWarehouse,
    *,
    landing_dir: Path,
    sites: Sites,
    first: date,
    last: date,
    hash_key: bytes,
    streams: Sequence[str] | None = None,
    on_progress: Progress | None = None,
    suppressed: frozenset[str] = frozenset(),
) -> LoadReport:
    """Load the landing folders dated ``first`` to ``last`` (included) into ``raw.*``.

    A night that was loaded before is replaced. All raw tables exist afterwards. ``on_progress`` is told
    stream, bytes done and bytes in all. Records of people on the list ``suppressed`` (``suppression``) are counted as
    erased and kept nowhere.

    Raises:
        PersoError: a stream's name is not known, ``first`` is after ``last``, or the key is empty.
        ConfigError: a site's time zone is not known.
    """
    chosen = list(STREAMS) if streams is None else list(streams)
    for name in chosen:
        if name not in STREAMS:
            msg = f"There is no stream '{name}'{nearest(name, STREAMS)}; the streams are {', '.join(STREAMS)}."
            raise PersoError(msg)
    if first > last:
        msg = f"The first night, {first}, is after the last, {last}; swap them."
        raise PersoError(msg)
    if not hash_key:
        msg = "The key for hashing contact details is empty; set PERSO_HASH_KEY or leave it out to have one made."
        raise PersoError(msg)
    misplaced = scan_misplaced(landing_dir)
    with warehouse.transaction(purpose="loading raw") as connection:
        privacy.install(connection, hash_key)
        ensure_tables(connection)
        ledgers.write_sites(connection, sites)
        ledgers.write_misplaced(connection, misplaced)
    reports = []
    for name in chosen:
        delivery = scan(landing_dir, name, first, last)
        progress = _progress(on_progress, name, sum(file.bytes for file in delivery.files))
        reports.append(_load_stream(warehouse, STREAMS[name], delivery, first, last, hash_key, progress, suppressed))
    return LoadReport(first, last, tuple(reports), len(misplaced))


def _progress(on_progress: Progress | None, stream: str, total: int) -> Callable[[int], None]:
    return lambda done: on_progress(stream, done, total) if on_progress else None


def _load_stream(
    warehouse: DuckDBWarehouse,
    stream: Stream,
    delivery: Delivery,
    first: date,
    last: date,
    hash_key: bytes,
    progress: Callable[[int], None],
    suppressed: frozenset[str],
) -> StreamReport:
    broken: dict[int, str] = {}  # Parquet files of which a page turned out to be damaged
    while True:
        try:
            with warehouse.transaction(purpose=f"loading raw.{stream.name}") as connection:
                connection.execute("set preserve_insertion_order = false")
                privacy.install(connection, hash_key)
                ledgers.clear(connection, stream, first, last)
                has_erased = bool(suppressed) and suppression.names_people(stream)
                suppression.give_list(connection, suppressed)
                judge = partial(keep, has_erased=has_erased)
                load = StreamLoad(connection, stream, delivery, broken, progress, judge=judge)
                load.run()
                ledgers.write(
                    connection, stream, load.delivered, delivery.refusals, first=first, last=last, erased=load.erased
                )
                if stream.name == "storefront_events":
                    note_user_agents(connection, first, last)
                report = ledgers.report(connection, stream, first, last)
                privacy.forget(connection)
                return report
        except duckdb.Error:
            suspects = [(i, f) for i, f in enumerate(delivery.files) if f.format is Format.PARQUET and i not in broken]
            found = parquet.probe(suspects)
            if not found:
                raise
            broken |= found
