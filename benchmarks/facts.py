"""Landing to interactions for 1 and 10 million events: seconds, rows per second and peak memory per stage.

    python benchmarks/facts.py [--events 1000000 10000000] [--format parquet jsonl]

First the interactions and sessions with what they are made of and their gates (``perso run --up-to``), then in a second
home all that the fact stages make: identity, ledger, served lists and the daily sums of profiles too. The alternative
in the same run is bare DuckDB: three statements over the same storefront files that remove duplicates, cut sessions and
sum interactions, without contracts, rejects, identity, ledger, gates or increments.
"""

import argparse
import shutil
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb
from installation import Installation, print_table

DAYS = 30
LAST_DAY = date(2026, 10, 31)
EVENTS_PER_PERSON = 52  # storefront and recommendation events of one simulated person over DAYS, measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--format", nargs="+", default=["parquet", "jsonl"])
    parser.add_argument("--memory-limit", default="4GB", help="DuckDB's limit (PERSO_MEMORY_LIMIT)")
    options = parser.parse_args()
    rows: list[tuple[str, ...]] = []
    for events in options.events:
        for file_format in options.format:
            with tempfile.TemporaryDirectory() as folder:
                rows += measure(Installation(Path(folder), options.memory_limit), events, file_format)
    print_table(("run and stage", "events", "seconds", "events/s", "peak MB", "x bare"), rows)


def measure(installation: Installation, events: int, file_format: str) -> list[tuple[str, ...]]:
    people = str(max(100, events // EVENTS_PER_PERSON))
    installation.perso(
        "simulate", "--people", people, "--items", "10000", "--days", str(DAYS), "--format", file_format,
        "--last-day", LAST_DAY.isoformat(), "--seed", "3",
    )  # fmt: skip
    landing = installation.home / "landing"
    first = min(p.name for p in landing.glob("*/*"))
    nights = ("run", "--from", first, "--night", LAST_DAY.isoformat())
    needed = installation.perso(*nights, "--up-to", "interactions.interactions", "--up-to", "interactions.sessions")
    needed_records = _delivered(installation)
    for made in ("warehouse", "dagster", "dbt"):
        shutil.rmtree(installation.home / made)
    run = installation.perso(*nights, "--facts-only")
    delivered = _delivered(installation)
    bare = _bare_duckdb(landing / "storefront_events", file_format)
    name = f"{events // 1_000_000} M {file_format}"
    steps, for_interactions = sum(run.steps.values()), sum(needed.steps.values())
    table = [
        (f"{name}: {step}", f"{delivered:,}", f"{seconds:.1f}", f"{delivered / max(seconds, 0.1):,.0f}", "", "")
        for step, seconds in run.steps.items()
    ]
    return [
        (f"{name}: interactions and sessions", f"{needed_records:,}", f"{for_interactions:.1f}", f"{needed_records / for_interactions:,.0f}", f"{needed.peak_bytes / 1e6:,.0f}", f"{for_interactions / bare:.1f}"),
        *table,
        (f"{name}: all steps", f"{delivered:,}", f"{steps:.1f}", f"{delivered / steps:,.0f}", f"{run.peak_bytes / 1e6:,.0f}", f"{steps / bare:.1f}"),
        (f"{name}: with start-up", f"{delivered:,}", f"{run.seconds:.1f}", f"{delivered / run.seconds:,.0f}", "", f"{run.seconds / bare:.1f}"),
        (f"{name}: bare DuckDB", f"{delivered:,}", f"{bare:.1f}", "", "", "1.0"),
    ]  # fmt: skip


def _bare_duckdb(folder: Path, file_format: str) -> float:
    suffix = {"parquet": "parquet", "jsonl": "jsonl*"}.get(file_format, file_format)
    reader = (
        "read_parquet(?)"
        if file_format == "parquet"
        else "read_json(?, format = 'newline_delimited', ignore_errors = true, union_by_name = true)"
    )
    with duckdb.connect(
        str(folder.parents[1] / "bare.duckdb"), config={"threads": 2, "memory_limit": "4GB"}
    ) as connection:
        begun = time.monotonic()
        connection.execute(
            f"create table events as select * from {reader} qualify row_number() over (partition by event_id order by occurred_at) = 1",
            [str(folder / "*" / f"*.{suffix}")],
        )
        connection.execute(
            """create table sessions as
            with starts as (
                select *, occurred_at - lag(occurred_at) over (partition by visitor_id order by occurred_at) > interval 30 minute as is_start
                from (select * replace (try_cast(occurred_at as timestamp) as occurred_at) from events)
            ), numbered as (
                select *, count(*) filter (is_start) over (partition by visitor_id order by occurred_at) as number from starts
            )
            select visitor_id, number, min(occurred_at) as started_at, max(occurred_at) as ended_at, count(*) as events
            from numbered group by visitor_id, number"""
        )
        connection.execute(
            "create table interactions as select visitor_id, item_id, event_type, count(*) as events from events where item_id is not null group by all"
        )
        return time.monotonic() - begun


def _delivered(installation: Installation) -> int:
    """Records of the streams that were loaded."""
    with duckdb.connect(str(installation.home / "warehouse" / "perso.duckdb"), read_only=True) as warehouse:
        row = warehouse.execute("select sum(delivered) from raw.delivered_files").fetchone()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    main()
