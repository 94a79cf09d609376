"""The offset of each site's clock from UTC on the days around a delivery.

Reading a moment in its zone takes DuckDB seven times as long as adding an offset that is known for the whole day.
"""

import duckdb

from perso_pipeline.raw.sources import FILES_TABLE

LOCAL_DAYS_TABLE = "local_days"  # site_id, day (UTC), utc_offset; a day on which the clock changes is not in it
_BEFORE, _AFTER = 40, 2  # days; a moment outside is read in its zone


def note_local_days(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table for the files that are registered and the zones of ``raw.sites``."""
    connection.execute(f"""
        create or replace temp table {LOCAL_DAYS_TABLE} as
        with days as (
            select unnest(generate_series(first - {_BEFORE}, last + {_AFTER}, interval 1 day)) as day
            from (select min(load_date) as first, max(load_date) as last from {FILES_TABLE})
        ),
        hours as (
            select site_id, timezone as zone, day, day + to_hours(hour) as moment
            from raw.sites, days, range(25) as hours (hour)
        )
        select site_id, day::date as day, min(offset_then) as utc_offset
        from (select *, timezone(zone, timezone('UTC', moment)) - moment as offset_then from hours)
        group by site_id, day
        having min(offset_then) = max(offset_then)""")
