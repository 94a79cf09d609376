"""The books of the raw stage: files delivered, days touched, fields drifting, sites, things out of place.

All are counted from the tables as written, in the same transaction. Keep reading and judging out.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb
import pyarrow as pa

from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.contracts.sites import Sites
from perso_pipeline.contracts.streams import Stream
from perso_pipeline.raw.landing import Refusal
from perso_pipeline.raw.report import StreamReport
from perso_pipeline.raw.sources import FILES_TABLE

DRIFT_FIELDS_LIMIT = 1_000  # per stream and night: a hostile sender may invent a name per record


def clear(connection: duckdb.DuckDBPyConnection, stream: Stream, first: date, last: date) -> None:
    """Take away what the nights held; ``loaded_days`` stays, because days that lose rows must be done again too."""
    connection.execute(f"delete from raw.{stream.name} where load_date between ? and ?", [first, last])
    for ledger in ("rejected_records", "delivered_files", "schema_drift"):
        connection.execute(
            f"delete from raw.{ledger} where stream = ? and load_date between ? and ?", [stream.name, first, last]
        )


def write(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    delivered: Mapping[int, int],
    refusals: Iterable[Refusal],
    *,
    first: date,
    last: date,
    erased: Mapping[int, int] | None = None,
) -> None:
    """Enter the nights' files, refusals, event days and unknown fields; ``delivered`` and ``erased`` are by file index.

    Records that an erasure took out of a file were delivered and erased, as long as the file is the one it left.
    """
    nights = {"stream": stream.name, "first": first, "last": last}
    left_out = [(erased or {}).get(file, 0) for file in delivered]
    counts = pa.table(
        {
            "file": pa.array(delivered.keys(), pa.int32()),
            "delivered": pa.array(delivered.values(), pa.int64()),
            "erased": pa.array(left_out, pa.int64()),
        }
    )
    connection.register("delivered_counts", counts)
    connection.execute(
        f"""
        insert into raw.delivered_files
        with accepted as (
            select load_date, file, count(*) as records from raw.{stream.name}
            where load_date between $first and $last group by all
        ),
        rejected as (
            select load_date, file, count(*) as records from raw.rejected_records
            where stream = $stream and load_date between $first and $last group by all
        )
        select f.load_date, $stream, f.name, f.format, f.bytes, c.delivered + coalesce(e.records, 0),
            coalesce(a.records, 0), coalesce(r.records, 0), c.erased + coalesce(e.records, 0)
        from {FILES_TABLE} as f
        inner join delivered_counts as c on c.file = f.file
        left join accepted as a on a.load_date = f.load_date and a.file = f.name
        left join rejected as r on r.load_date = f.load_date and r.file = f.name
        left join raw.erased_records as e
            on e.load_date = f.load_date and e.stream = $stream and e.file = f.name and e.bytes = f.bytes
        order by f.load_date, f.name""",
        nights,
    )
    connection.unregister("delivered_counts")
    for refusal in refusals:
        _refuse(connection, refusal)
    connection.execute(
        f"""
        insert into raw.loaded_days
        select distinct load_date, $stream, event_date from raw.{stream.name}
        where load_date between $first and $last
        except
        select load_date, stream, event_date from raw.loaded_days""",
        nights,
    )
    connection.execute(
        f"""
        insert into raw.schema_drift
        with fields as (
            select load_date, unnest(list_distinct(json_keys(payload))) as field from raw.{stream.name}
            where load_date between $first and $last and payload is not null
        ),
        counted as (
            select load_date, left(perso_mask_all(field), 200) as field, count(*) as records from fields group by all
        )
        select load_date, $stream, field, records from counted
        qualify row_number() over (partition by load_date order by records desc, field) <= {DRIFT_FIELDS_LIMIT}""",
        nights,
    )


def write_sites(connection: duckdb.DuckDBPyConnection, sites: Sites) -> None:
    """Replace ``raw.sites`` by the config.

    Raises:
        ConfigError: a time zone is not known.
    """
    zones = {zone for (zone,) in connection.execute("select name from pg_timezone_names()").fetchall()}
    for site in sites.sites:
        try:
            is_known = ZoneInfo(site.timezone) is not None and site.timezone in zones
        except (ZoneInfoNotFoundError, ValueError):
            is_known = False
        if not is_known:
            msg = f"sites.yml: site '{site.id}': '{site.timezone}' is no time zone; write one like Europe/Berlin."
            raise ConfigError(msg)
    connection.execute("delete from raw.sites")
    for site in sites.sites:
        connection.execute(
            "insert into raw.sites values (?, ?, ?, ?, ?)",
            [site.id, site.name, site.timezone, site.currency, site.country],
        )


def write_misplaced(connection: duckdb.DuckDBPyConnection, misplaced: Iterable[Refusal]) -> None:
    """Replace the entries without a date, which belong to no night."""
    for ledger in ("rejected_records", "delivered_files"):
        connection.execute(f"delete from raw.{ledger} where load_date is null")
    for refusal in misplaced:
        _refuse(connection, refusal)


def _refuse(connection: duckdb.DuckDBPyConnection, refusal: Refusal) -> None:
    key = [refusal.load_date, refusal.stream, refusal.name]
    connection.execute(
        "insert into raw.rejected_records values (?, perso_mask_open(?), perso_mask_open(?), null, ?, null)",
        [*key, refusal.reason],
    )
    connection.execute(
        "insert into raw.delivered_files values (?, perso_mask_open(?), perso_mask_open(?), 'unknown', ?, 1, 0, 1, 0)",
        [*key, refusal.bytes],
    )


def report(connection: duckdb.DuckDBPyConnection, stream: Stream, first: date, last: date) -> StreamReport:
    """Sum up the nights as they now stand in the tables."""
    nights = [stream.name, first, last]
    counts = connection.execute(
        "select count(*), coalesce(sum(delivered), 0)::bigint, coalesce(sum(accepted), 0)::bigint,"
        " coalesce(sum(rejected), 0)::bigint, coalesce(sum(erased), 0)::bigint"
        " from raw.delivered_files where stream = ? and load_date between ? and ?",
        nights,
    ).fetchall()[0]
    drift = connection.execute(
        "select field, sum(records)::bigint from raw.schema_drift where stream = ? and load_date between ? and ?"
        " group by field order by field",
        nights,
    ).fetchall()
    files, delivered, accepted, rejected, erased = counts
    return StreamReport(stream.name, files, delivered, accepted, rejected, dict(drift), erased)
