"""Importer of Online Retail II (UCI 502, CC BY 4.0): two years of a real gift retailer's invoices.

Turns every source line into exactly one ``order_events`` record and derives a catalogue. Says nothing that
the data does not say: a cancellation names no order, so it stays a refund under its own invoice number.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from perso_pipeline.contracts.errors import PersoError, nearest

COLUMNS = ("Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country")

# Goods carry a code of five digits (with letters behind), or the prefix of a supplier's range. All the rest is
# no goods: postage (POST, DOT, C2, C3), manual lines (M, m), discounts (D), samples (S), fees (AMAZONFEE,
# BANK CHARGES, CRUK), corrections (ADJUST, ADJUST2, B), vouchers (gift_..., GIFT), PADS, tests (TEST...).
GOODS = r"^([0-9]{5}|DCGS|SP[0-9])"

_FILE = "online_retail.parquet"


@dataclass(frozen=True, kw_only=True)
class ImportSummary:
    """What was written; ``order_events`` equals the lines of the source."""

    order_events: int
    items: int
    item_records: int
    first_day: date
    last_day: date
    days: int  # days with lines
    days_spanned: int  # calendar days from the first to the last, both included


def import_online_retail(
    source: Path,
    *,
    landing_dir: Path,
    site_id: str = "online-retail",
    on_progress: Callable[[int, int], None] | None = None,
) -> ImportSummary:
    """Write ``landing_dir/{order_events,catalog_items}/<day of invoice>/online_retail.parquet``.

    ====================================  ===================  ========================================
    source line                           event                amount
    ====================================  ===================  ========================================
    invoice C...                          line_refunded        -(quantity x price): what was paid back
    invoice A...                          balance_adjusted     quantity x price, signed
    any other, quantity below zero        stock_written_off    quantity x price, signed (always 0 there)
    any other                             order_placed         quantity x price
    ====================================  ===================  ========================================

    ``quantity`` is without sign. One line of the data, C496350, is a cancellation of a positive quantity:
    its amount is negative, so that cancellations add up to the published sum. ``occurred_at`` is the
    InvoiceDate read as London time; ``event_id`` is ``or2-<row of the source>`` from 1.

    Args:
        source: Parquet, CSV, or XLSX (all sheets).
        landing_dir: files of the same name are replaced.
        site_id: site of the records; list it in ``config/sites.yml``.
        on_progress: called with (days written, days in all).

    Raises:
        PersoError: no such file, a column missing, a value that is no number or no time.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", site_id):
        msg = f"The site id {site_id!r} is not usable; take small letters, digits and '-', as in config/sites.yml."
        raise PersoError(msg)
    lines = _read(source)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.register("delivered", lines)
        _type_lines(connection, source)
        orders = connection.sql(_ORDERS, params={"site_id": site_id}).to_arrow_table()
        items = connection.sql(_ITEMS, params={"site_id": site_id, "goods": GOODS}).to_arrow_table()
    order_days = _by_day(orders)
    item_days = _by_day(items)
    for done, (day, rows) in enumerate(order_days.items(), start=1):
        _write(landing_dir / "order_events" / day.isoformat(), rows)
        if day in item_days:
            _write(landing_dir / "catalog_items" / day.isoformat(), item_days[day])
        if on_progress is not None:
            on_progress(done, len(order_days))
    first, last = min(order_days), max(order_days)
    return ImportSummary(
        order_events=orders.num_rows, items=pc.count_distinct(items["item_id"]).as_py(), item_records=items.num_rows,
        first_day=first, last_day=last, days=len(order_days), days_spanned=(last - first).days + 1,
    )  # fmt: skip


def _read(source: Path) -> pa.Table:
    """The source's eight columns and ``row``, in the order of the file."""
    if not source.is_file():
        msg = f"{source} is not there; give the path of Online Retail II as .parquet, .csv or .xlsx."
        raise PersoError(msg)
    kind = source.suffix.lower()
    try:
        if kind == ".parquet":
            table = pq.read_table(source)
        elif kind == ".csv":
            table = _read_csv(source)
        elif kind == ".xlsx":
            table = _read_xlsx(source)
        else:
            msg = f"{source.name} is neither .parquet, .csv nor .xlsx; save it as one of these."
            raise PersoError(msg)
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        msg = f"{source.name} cannot be read as {kind[1:]} ({_short(error)}); fetch the file again."
        raise PersoError(msg) from error
    for column in COLUMNS:
        if column not in table.column_names:
            msg = f"{source.name} has no column '{column}'{nearest(column, table.column_names)}; rename or add it."
            raise PersoError(msg)
    if table.num_rows == 0:
        msg = f"{source.name} has no lines; fetch the file again."
        raise PersoError(msg)
    return table.select(list(COLUMNS)).append_column("row", pa.array(np.arange(1, table.num_rows + 1)))


def _read_csv(source: Path) -> pa.Table:
    """All columns as text, so that a stock code such as 022423 keeps its zero; latin-1 as the UCI exports are."""
    content = source.read_bytes()
    if not content.strip():
        msg = f"{source.name} has no header line; the first line must name the columns {', '.join(COLUMNS)}."
        raise PersoError(msg)
    try:
        content.decode("utf-8")
        encoding = "utf8"
    except UnicodeDecodeError:
        encoding = "latin-1"
    return pa_csv.read_csv(
        pa.BufferReader(content),
        read_options=pa_csv.ReadOptions(encoding=encoding, use_threads=False),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types={column: pa.string() for column in COLUMNS}, strings_can_be_null=True, null_values=[""]
        ),
    )


def _read_xlsx(source: Path) -> pa.Table:
    import pandas as pd
    from python_calamine import CalamineError

    texts = {"Invoice": str, "StockCode": str, "Description": str}
    try:
        sheets = pd.read_excel(source, sheet_name=None, dtype=texts, engine="calamine")
    except (CalamineError, ValueError) as error:
        msg = f"{source.name} is no Excel workbook ({_short(error)}); fetch the file again."
        raise PersoError(msg) from error
    return pa.Table.from_pandas(pd.concat(sheets.values(), ignore_index=True), preserve_index=False)


def _type_lines(connection: duckdb.DuckDBPyConnection, source: Path) -> None:
    """Make table ``lines`` with proper types.

    Raises:
        PersoError: a value does not fit; names the first such row.
    """
    connection.execute("""
        create temp table lines as
        select
            row,
            "Invoice"::varchar as invoice,
            "StockCode"::varchar as stock_code,
            nullif(trim("Description"::varchar), '') as description,
            try_cast("Quantity" as bigint) as quantity,
            try_cast("InvoiceDate" as timestamp) as invoiced_at,
            try_cast("Price" as decimal(18, 4)) as price,
            try_cast(try_cast("Customer ID" as double) as bigint)::varchar as customer_id,
            "Country"::varchar as country,
            "Customer ID" is not null and try_cast("Customer ID" as double) is null as is_odd_customer
        from delivered
    """)
    bad = connection.sql("""
        select
            row,
            case
                when invoice is null then 'Invoice' when stock_code is null then 'StockCode'
                when quantity is null then 'Quantity' when invoiced_at is null then 'InvoiceDate'
                when price is null then 'Price' else 'Customer ID'
            end as field
        from lines
        where invoice is null or stock_code is null or quantity is null or invoiced_at is null or price is null
            or is_odd_customer
        order by row limit 1
    """).fetchall()
    for row, column in bad:
        msg = f"{source.name} row {row}: {column} is missing or cannot be read; mend or remove that line."
        raise PersoError(msg)


_ORDERS = """
    with signed as (
        select
            *,
            (quantity * price)::decimal(18, 4) as worth,
            case
                when starts_with(invoice, 'C') then 'line_refunded'
                when starts_with(invoice, 'A') then 'balance_adjusted'
                when quantity < 0 then 'stock_written_off'
                else 'order_placed'
            end as event_type
        from lines
    )
    select
        'or2-' || row as event_id,
        event_type,
        (invoiced_at at time zone 'Europe/London') at time zone 'UTC' as occurred_at,
        $site_id as site_id,
        invoice as order_id,
        (row_number() over (partition by invoice order by row))::varchar as order_line_id,
        customer_id,
        stock_code as item_id,
        abs(quantity) as quantity,
        price as unit_price,
        case when event_type = 'order_placed' then 0::decimal(18, 4) end as discount,
        case when event_type = 'line_refunded' then -worth else worth end as amount,
        'GBP' as currency,
        country,
        invoiced_at::date as day
    from signed
    order by day, row
"""

# One record on the first day of a stock code; a further one on the day on which its name or price first becomes known.
_ITEMS = """
    with known as (
        select
            *,
            invoiced_at::date as day,
            price > 0 and not starts_with(invoice, 'A') as is_priced
        from lines
    ),
    firsts as (
        select
            stock_code,
            min(day) as first_day,
            min(day) filter (is_priced and description is not null) as named_day,
            min(day) filter (is_priced) as priced_day,
            arg_min(price, row) filter (is_priced) as first_price
        from known
        group by stock_code
    ),
    days as (
        select distinct f.stock_code, d.day
        from firsts as f, unnest([f.first_day, f.named_day, f.priced_day]) as d (day)
        where d.day is not null
    ),
    names as (
        select
            k.stock_code,
            k.day,
            k.description,
            row_number() over (
                partition by k.stock_code, k.day
                order by count(*) filter (k.is_priced) desc, count(*) desc, min(k.row)
            ) as position
        from known as k
        semi join days as d on d.stock_code = k.stock_code and d.day = k.day
        where k.description is not null
        group by k.stock_code, k.day, k.description
    )
    select
        'or2-item-' || d.stock_code || '-' || d.day as event_id,
        'item_upserted' as event_type,
        ((d.day::timestamp + interval 1 minute) at time zone 'Europe/London') at time zone 'UTC' as occurred_at,
        $site_id as site_id,
        d.stock_code as item_id,
        case when regexp_matches(d.stock_code, $goods) then 'product' else 'service' end as item_type,
        coalesce(
            case when d.day >= f.named_day then named.description end, here.description, d.stock_code
        ) as name,
        case when d.day >= f.priced_day then f.first_price end as price,
        case when d.day >= f.priced_day then 'GBP' end as currency,
        d.day
    from days as d
    inner join firsts as f on f.stock_code = d.stock_code
    left join names as named on named.stock_code = d.stock_code and named.day = f.named_day and named.position = 1
    left join names as here on here.stock_code = d.stock_code and here.day = d.day and here.position = 1
    order by d.day, d.stock_code
"""


def _by_day(table: pa.Table) -> dict[date, pa.Table]:
    """Slices of a table sorted by ``day``, without that column."""
    days = table["day"].combine_chunks()
    starts = np.flatnonzero(np.append(True, np.diff(days.cast(pa.int32()).to_numpy()) != 0))
    ends = np.append(starts[1:], len(days))
    rows = table.drop_columns(["day"]).combine_chunks()
    return {
        days[int(low)].as_py(): rows.slice(int(low), int(high - low)) for low, high in zip(starts, ends, strict=True)
    }


def _write(folder: Path, rows: pa.Table) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, folder / _FILE, compression="zstd", store_schema=False)


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:120]
