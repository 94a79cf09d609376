"""Reading rejected records again after a mend: a mended file, a site added to the config, a contract that has grown.

Finds the nights; the reading itself is ``load``'s. Keep the later stages out: the caller runs them again
for the nights this returns.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.sites import Sites
from perso_pipeline.contracts.streams import STREAMS
from perso_pipeline.raw.landing import LandingFile, Refusal, scan
from perso_pipeline.raw.load import Progress, load_nights
from perso_pipeline.raw.report import Replayed, ReplayReport
from perso_pipeline.raw.tables import ensure_tables
from perso_pipeline.resources.warehouse import DuckDBWarehouse


def replay(
    warehouse: DuckDBWarehouse,
    *,
    landing_dir: Path,
    sites: Sites,
    hash_key: bytes,
    streams: Sequence[str] | None = None,
    on_progress: Progress | None = None,
    suppressed: frozenset[str] = frozenset(),
) -> ReplayReport:
    """Load again every night that may now come out better, and say how it did.

    A night of a stream is taken when it holds rejected records, when a field that was unknown is now in
    the contract, or when its files are no longer those that were loaded (by name and size).

    Raises:
        PersoError: nothing has been loaded yet, or as ``load_nights``.
    """
    if not warehouse.exists("raw.delivered_files"):
        msg = "Nothing has been loaded yet, so there is nothing to replay; run a night first."
        raise PersoError(msg)
    replayed = []
    for stream in STREAMS if streams is None else streams:
        with warehouse.connect(purpose="looking for records to replay") as connection:
            ensure_tables(connection)
            nights = sorted(_nights(connection, landing_dir, stream))
            before = _counts(connection, stream, nights)
        for first, last in _runs(nights):
            load_nights(
                warehouse, landing_dir=landing_dir, sites=sites, first=first, last=last, hash_key=hash_key,
                streams=[stream], on_progress=on_progress, suppressed=suppressed,
            )  # fmt: skip
        if nights:
            with warehouse.connect(read_only=True) as connection:
                after = _counts(connection, stream, nights)
            replayed.append(Replayed(stream, tuple(nights), *before, *after))
    return ReplayReport(tuple(replayed))


def _nights(connection: duckdb.DuckDBPyConnection, landing_dir: Path, stream: str) -> set[date]:
    rejected = connection.execute(
        "select distinct load_date from raw.rejected_records where stream = ? and load_date is not null", [stream]
    ).fetchall()
    learnt = connection.execute(
        "select distinct load_date from raw.schema_drift where stream = ? and list_contains(?, field)",
        [stream, list(STREAMS[stream].field_names) if stream in STREAMS else []],
    ).fetchall()
    loaded: dict[date, set[tuple[str, int]]] = {}
    for load_date, file, size in connection.execute(
        "select load_date, file, bytes from raw.delivered_files where stream = ? and load_date is not null", [stream]
    ).fetchall():
        loaded.setdefault(load_date, set()).add((file, size))
    nights = {night for (night,) in rejected + learnt}
    if loaded:
        delivery = scan(landing_dir, stream, min(loaded), max(loaded))
        found: dict[date, set[tuple[str, int]]] = {night: set() for night in loaded}
        things: list[LandingFile | Refusal] = [*delivery.files, *delivery.refusals]
        for thing in things:
            if thing.load_date in found:
                found[thing.load_date].add((thing.name, thing.bytes))
        nights |= {night for night, files in found.items() if files != loaded[night]}
    return nights


def _counts(connection: duckdb.DuckDBPyConnection, stream: str, nights: Sequence[date]) -> tuple[int, int]:
    row = connection.execute(
        "select coalesce(sum(accepted), 0)::bigint, coalesce(sum(rejected), 0)::bigint from raw.delivered_files"
        " where stream = ? and list_contains(?::date[], load_date)",
        [stream, list(nights)],
    ).fetchall()[0]
    return int(row[0]), int(row[1])


def _runs(nights: Sequence[date]) -> Iterator[tuple[date, date]]:
    """Stretches of nights without a gap."""
    start = 0
    for i, night in enumerate(nights):
        if i + 1 == len(nights) or nights[i + 1] - night > timedelta(days=1):
            yield nights[start], night
            start = i + 1
