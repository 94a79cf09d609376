"""Raw tables made by DuckDB's range(): small ones for tests, millions of rows for measuring.

Repeatable (everything follows from hashes of row numbers), with late, repeated and contradicting copies, refunds
before their sale, campaigns in the middle of a visit and visits across midnight and over days. Knows nothing of the simulated shop.
"""

from dataclasses import dataclass
from datetime import date

import duckdb

from perso_pipeline.contracts.streams import LANDING_COLUMNS, STREAMS

ROBOT_STREAMS = ("storefront_events", "recommendation_events")


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much to make."""

    storefront_events: int = 4000
    visitors: int = 120
    items: int = 40
    days: int = 12
    first_day: date = date(2026, 3, 20)


def create_raw(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty raw tables with the contract's columns."""
    connection.execute("create schema if not exists raw")
    for stream in STREAMS.values():
        columns = {f.column: f.type.value for f in stream.fields} | LANDING_COLUMNS
        if stream.name in ROBOT_STREAMS:
            columns["is_robot"] = "BOOLEAN"
        listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        connection.execute(f"create table if not exists raw.{stream.name} ({listed})")
    connection.execute("create table if not exists raw.loaded_days (load_date date, stream varchar, event_date date)")
    connection.execute(
        "create table if not exists raw.sites "
        "(site_id varchar, name varchar, timezone varchar, currency varchar, country varchar)"
    )
    connection.execute(
        "create table if not exists raw.user_agents (user_agent varchar, device_type varchar, browser varchar, os varchar)"
    )


def note_loaded_days(connection: duckdb.DuckDBPyConnection) -> None:
    """Write raw.loaded_days as the raw stage does, from what lies in the raw tables."""
    for name in STREAMS:
        connection.execute(
            f"insert into raw.loaded_days select distinct load_date, '{name}', event_date from raw.{name} "
            "except select * from raw.loaded_days"
        )


def fill_raw(connection: duckdb.DuckDBPyConnection, size: Size) -> None:
    """Fill all raw tables; a night's records lie together, as the raw stage writes them."""
    create_raw(connection)
    fill_sites(connection)
    _storefront(connection, size)
    _recommendations(connection, size)
    _orders(connection, size)
    _accounts(connection, size)
    _messages(connection, size)
    _catalog(connection, size)
    note_loaded_days(connection)


def fill_sites(connection: duckdb.DuckDBPyConnection) -> None:
    """The two sites that the records name."""
    connection.execute(
        "insert into raw.sites values ('shop-uk', 'UK', 'Europe/London', 'GBP', 'GB'),"
        " ('shop-de', 'DE', 'Europe/Berlin', 'EUR', 'DE')"
    )


def _insert(connection: duckdb.DuckDBPyConnection, stream: str, select: str, size: Size) -> None:
    """Add copies (1 in 100 twice, 1 in 300 twice and different) and arrival; then the landing columns."""
    different = {
        "recommendation_events": "model_version = 'other'",
        "profile_events": "phone_hash = 'other'",
        "message_events": "campaign_id = 'other'",
    }.get(stream, "quantity = coalesce(quantity, 0) + 1")
    column, value = different.split(" = ", 1)
    last = f"date '{size.first_day}' + {size.days + 2}"
    connection.execute(
        f"""
        insert into raw.{stream} by name
        with made as ({select}),
        dated as (
            select *, cast(occurred_at as date) as event_date,
                case when hash(event_id, 'late') % 50 = 0 then 1 + hash(event_id, 'by') % 5 else 0 end as days_late
            from made
        ),
        copies as (
            select * from dated
            union all by name
            select * replace (days_late + hash(event_id, 'again') % 3 as days_late) from dated
            where hash(event_id, 'copy') % 100 = 0
            union all by name
            select * replace ({value} as {column}) from dated where hash(event_id, 'other') % 300 = 0
        )
        select * exclude (days_late), least(event_date + days_late::integer, {last}) as load_date,
            'a-' || event_id[:1] || '.jsonl' as file, row_number() over () as line
        from copies
        order by load_date
        """
    )


def _storefront(connection: duckdb.DuckDBPyConnection, size: Size) -> None:
    seconds = size.days * 86400
    visits = max(size.storefront_events // 8, 1)
    _insert(
        connection,
        "storefront_events",
        f"""
        select
            'e' || md5(n::varchar)[:20] as event_id,
            case
                when n % 8 = 0 and hash(n, 's') % 3 = 0 then 'sign_in'
                when n % 8 < 2 then 'page_view' when n % 8 < 5 then 'product_view' when n % 8 = 5 then 'add_to_cart'
                when n % 8 = 6 then case when hash(n, 'c') % 4 = 0 then 'add_to_wish_list' else 'search_request' end
                else case when hash(n, 'o') % 4 = 0 then 'checkout_complete' else 'category_view' end
            end as event_type,
            timestamp '{size.first_day}'
                + to_seconds((hash(visit, 'at') % {seconds})::bigint)
                + to_seconds(((n % 8) * 60 + hash(n, 'step') % 800)::bigint) as occurred_at,
            case when visitor % 3 = 0 then 'shop-de' else 'shop-uk' end as site_id,
            'v' || visitor as visitor_id,
            case when hash(visit, 'known') % 3 = 0
                then 'c' || (case when visitor % 41 = 0 then hash(visit, 'shared') % 9 else visitor // 2 end) end as customer_id,
            case when event_type = 'sign_in' then hash(n, 'ok') % 5 > 0 end as is_success,
            case when event_type in ('product_view', 'add_to_cart', 'add_to_wish_list')
                then 'i' || (hash(n, 'item') % {size.items}) end as item_id,
            case when event_type in ('product_view', 'category_view') then 'home/kitchen' end as category_path,
            case when event_type = 'add_to_cart' then 1 + hash(n) % 3 end as quantity,
            case when event_type in ('product_view', 'add_to_cart') then 10 + hash(n, 'price') % 90 end::decimal(18, 4) as price,
            case when event_type in ('product_view', 'add_to_cart') then 'GBP' end as currency,
            case when event_type = 'checkout_complete' then 'o' || n end as order_id,
            case when event_type = 'search_request' then 'mug ' || n % 50 end as search_query,
            case when n % 8 < 5 then 'https://shop.example/p/' || hash(n, 'url') % 1000 end as url,
            case when n % 8 = 0 and hash(visit, 'r') % 2 = 0 then 'https://www.google.com/' end as referrer,
            case when hash(n, 'utm') % 40 = 0 then ['newsletter', 'google', 'bing'][(1 + hash(n, 'src') % 3)::int] end as utm_source,
            case when hash(n, 'utm') % 40 = 0 then ['email', 'cpc'][(1 + hash(n, 'med') % 2)::int] end as utm_medium,
            case when hash(n, 'utm') % 40 = 0 then 'spring' end as utm_campaign,
            case when visitor % 2 = 0 then 'Mozilla/5.0 (iPhone; Mobile)' else 'Mozilla/5.0 (Windows NT 10.0)' end as user_agent,
            'GB' as country,
            visitor % 97 = 5 as is_robot
        from (
            select n, n // 8 as visit, hash(n // 8, 'who') % {size.visitors} as visitor
            from range({visits * 8}) as r(n)
        )
        """,
        size,
    )
    # a visit that lasts for days: an event every 25 minutes, silent for an hour and a half every other day
    _insert(
        connection,
        "storefront_events",
        f"""
        select
            'z' || n as event_id, 'product_view' as event_type,
            timestamp '{size.first_day}' + to_minutes((n * 25)::bigint) as occurred_at,
            'shop-uk' as site_id, 'v-endless' as visitor_id, 'i' || n % 7 as item_id, null::bigint as quantity,
            case when n % 90 in (20, 21, 60) then 'news' || n % 2 end as utm_source,
            'https://shop.example/' as url, 'GB' as country, false as is_robot
        from range({size.days} * 57) as r(n)
        where n % 130 < 126
        """,
        size,
    )


def _recommendations(connection: duckdb.DuckDBPyConnection, size: Size) -> None:
    seconds = size.days * 86400
    requests = size.storefront_events // 40
    _insert(
        connection,
        "recommendation_events",
        f"""
        select
            'r' || n as event_id,
            ['served', 'rendered', 'viewed', 'clicked', 'added_to_cart'][step + 1] as event_type,
            timestamp '{size.first_day}'
                + to_seconds((hash(request, 'when') % {seconds})::bigint) + to_seconds((step * 900)::bigint) as occurred_at,
            'shop-uk' as site_id,
            'v' || hash(request, 'who') % {size.visitors} as visitor_id,
            'q' || request as request_id,
            case when step = 0 then 'home' end as scenario_id,
            case when step = 0 then case when hash(request, 'arm') % 10 = 0 then 'control' else 'treatment' end end as variant,
            case when step < 3 then [
                'i' || hash(request, 1) % {size.items}, 'i' || hash(request, 2) % {size.items},
                'i' || hash(request, 3) % {size.items}
            ] end as item_ids,
            case when step >= 3 then 'i' || hash(request, 2) % {size.items} end as item_id,
            case when step = 0 then 'knn:1' end as model_version,
            false as is_robot
        from (select n, n // 5 as request, n % 5 as step from range({requests * 5}) as r(n))
        where hash(request, 'steps') % 6 >= step
        """,
        size,
    )


def _orders(connection: duckdb.DuckDBPyConnection, size: Size) -> None:
    orders = size.storefront_events // 40
    _insert(
        connection,
        "order_events",
        f"""
        with lines as (
            select n * 8 + 7 as number, line, n,
                hash(n * 8 + 7, line) % 90 + 10 as price,
                timestamp '{size.first_day}' + to_seconds((hash(n, 'ordered') % {size.days * 86400})::bigint) as placed_at,
                hash(n, 'buyer') % {size.visitors} as visitor
            from range({orders}) as r(n), range(3) as l(line)
        ),
        kinds as (
            select *, 'order_placed' as event_type, 0 as after from lines
            union all select *, 'order_cancelled', 1 from lines where hash(n, line, 'cancel') % 15 = 0
            union all select *, 'line_refunded', 2 + hash(n, line, 'days') % 4 from lines where hash(n, line, 'refund') % 8 = 0
            union all select *, 'line_refunded', -1 from lines where hash(n, line, 'early') % 200 = 0
            union all select *, 'return_completed', 2 from lines where hash(n, line, 'refund') % 8 = 0
            union all select *, 'balance_adjusted', 3 from lines where hash(n, line, 'adjust') % 60 = 0
        )
        select
            'w' || number || '-' || line || '-' || event_type || after as event_id,
            event_type,
            placed_at + to_days(after::integer) as occurred_at,
            case when visitor % 3 = 0 then 'shop-de' else 'shop-uk' end as site_id,
            'o' || number as order_id,
            'l' || line as order_line_id,
            case when n % 7 > 0 and n % 2 = 0 then 'c' || visitor // 2 end as customer_id,
            case when n % 7 > 0 then 'v' || visitor end as visitor_id,
            case when n % 3 = 0 then 'mail' || visitor // 3 end as email_hash,
            case when n % 5 = 0 then 'card' || visitor // 4 end as loyalty_id,
            case when line = 2 then 'postage' else 'i' || hash(n, line) % {size.items} end as item_id,
            case event_type when 'balance_adjusted' then 0 else 2 end::bigint as quantity,
            case when event_type = 'order_placed' then price end::decimal(18, 4) as unit_price,
            case when event_type = 'order_placed' and n % 3 = 0 then 1 end::decimal(18, 4) as discount,
            (case event_type
                when 'order_placed' then 2 * price - case when n % 3 = 0 then 1 else 0 end
                when 'balance_adjusted' then -2 else 2 * price end)::decimal(18, 4) as amount,
            case when event_type = 'order_placed' and n % 4 > 0 then price * 0.6 end::decimal(18, 4) as unit_cost,
            'GBP' as currency,
            case when n % 5 = 0 then 'q' || n % greatest({size.storefront_events // 40}, 1) end as request_id,
            'web' as order_channel,
            'GB' as country
        from kinds
        """,
        size,
    )


def _accounts(connection: duckdb.DuckDBPyConnection, size: Size) -> None:
    _insert(
        connection,
        "profile_events",
        f"""
        select
            'p' || n as event_id,
            case when n % 4 = 0 then 'profile_record' else 'account_created' end as event_type,
            timestamp '{size.first_day}' + to_seconds((hash(n, 'opened') % {size.days * 86400})::bigint) as occurred_at,
            'shop-uk' as site_id,
            'c' || n as customer_id,
            case when n % 4 > 0 then 'v' || n * 2 end as visitor_id,
            'mail' || hash(n, 'mail') % {size.visitors // 2} as email_hash,
            'phone' || hash(n, 'phone') % {size.visitors} as phone_hash,
            case when n % 3 = 0 then 'card' || n // 2 end as loyalty_id
        from range({size.visitors // 2}) as r(n)
        """,
        size,
    )


def _messages(connection: duckdb.DuckDBPyConnection, size: Size) -> None:
    _insert(
        connection,
        "message_events",
        f"""
        select
            'm' || n as event_id,
            case when n % 3 = 0 then 'clicked' else 'opened' end as event_type,
            timestamp '{size.first_day}' + to_seconds((hash(n, 'sent') % {size.days * 86400})::bigint) as occurred_at,
            'shop-uk' as site_id,
            'c' || hash(n, 'to') % {size.visitors // 2} as customer_id,
            'v' || hash(n, 'from') % {size.visitors} as visitor_id,
            'message' || n as message_id,
            'email' as message_channel,
            'spring' as campaign_id
        from range({size.visitors}) as r(n)
        """,
        size,
    )


def _catalog(connection: duckdb.DuckDBPyConnection, size: Size) -> None:
    connection.execute(
        f"""
        insert into raw.catalog_items by name
        select
            'k' || site || item || '-' || day as event_id, 'item_upserted' as event_type,
            timestamp '{size.first_day}' + to_days(day::integer) + to_hours(4) as occurred_at,
            site as site_id,
            case when item = {size.items} then 'postage' else 'i' || item end as item_id,
            case when item = {size.items} then 'service' else 'product' end as item_type,
            'thing ' || item as name, 'brand ' || item % 7 as brand, ['home/kitchen', 'gifts'] as category_paths,
            20::decimal(18, 4) as price, 'GBP' as currency,
            case when item % 3 > 0 then 8 + day end::decimal(18, 4) as unit_cost, 5 as stock,
            cast(occurred_at as date) as event_date,
            cast(occurred_at as date) + (case when hash(item, day) % 9 = 0 then 2 else 0 end) as load_date,
            'c.jsonl' as file, row_number() over () as line
        from range({size.items + 1}) as i(item), range(0, {size.days}, 4) as d(day),
            (values ('shop-uk'), ('shop-de')) as s(site)
        where item < {size.items} or day >= 4
        order by load_date
        """
    )
