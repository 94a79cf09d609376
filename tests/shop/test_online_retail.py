"""Online Retail II to landing: a few lines by hand, and every published figure of the real file."""

import csv
import io
import runpy
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import pytest

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.streams import STREAMS
from perso_pipeline.shop.online_retail import import_online_retail

SOURCE = Path(__file__).parents[3] / "shared" / "data" / "online_retail_II" / "online_retail_II_2009_2011.parquet"
FIGURES = runpy.run_path(str(Path(__file__).with_name("online_retail_figures.py")))["FIGURES"]
HEADER = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"
LINES = (
    "489434,85048,GLASS BALL,12,2010-07-01 07:45:00,6.95,13085.0,United Kingdom\n"
    '489434,079323,"LIGHTS, ""PINK""",3,2010-07-01 07:45:00,0.001,13085.0,United Kingdom\n'
    "C489435,85048,GLASS BALL,-2,2010-07-01 09:00:00,6.95,13085.0,United Kingdom\n"
    "C489436,M,Manual,1,2010-07-01 09:30:00,373.57,,United Kingdom\n"
    "A489437,B,Adjust bad debt,1,2010-12-01 10:00:00,-500.10,,EIRE\n"
    "489438,85048,damaged,-7,2010-12-01 11:00:00,0,,United Kingdom\n"
    "489439,POST,POSTAGE,1,2010-12-01 12:00:00,4.5,13086.0,France\n"
)


def _imported(tmp_path: Path, text: str, name: str = "lines.csv") -> duckdb.DuckDBPyConnection:
    source = tmp_path / name
    source.write_text(text, encoding="utf-8")
    import_online_retail(source, landing_dir=tmp_path / "landing")
    connection = duckdb.connect()
    for stream in ("order_events", "catalog_items"):
        connection.execute(f"""
            create table {stream} as select *, split_part(filename, '/', -2)::date as load_date
            from read_parquet('{tmp_path}/landing/{stream}/*/online_retail.parquet', filename = true)
        """)
    return connection


def test_each_kind_of_line_becomes_the_event_that_it_is(tmp_path):
    landed = _imported(tmp_path, HEADER + LINES)
    found = landed.execute("""
        select event_id, event_type, order_id, order_line_id, item_id, quantity, unit_price, amount, customer_id
        from order_events order by event_id
    """).fetchall()
    d = Decimal
    assert found == [
        ("or2-1", "order_placed", "489434", "1", "85048", 12, d("6.95"), d("83.40"), "13085"),
        ("or2-2", "order_placed", "489434", "2", "079323", 3, d("0.001"), d("0.003"), "13085"),
        ("or2-3", "line_refunded", "C489435", "1", "85048", 2, d("6.95"), d("13.90"), "13085"),
        # a cancellation of a positive quantity charges: what was paid back is negative
        ("or2-4", "line_refunded", "C489436", "1", "M", 1, d("373.57"), d("-373.57"), None),
        ("or2-5", "balance_adjusted", "A489437", "1", "B", 1, d("-500.10"), d("-500.10"), None),
        ("or2-6", "stock_written_off", "489438", "1", "85048", 7, d("0"), d("0"), None),
        ("or2-7", "order_placed", "489439", "1", "POST", 1, d("4.5"), d("4.5"), "13086"),
    ]


def test_the_workbook_of_the_uci_gives_what_the_same_lines_give_as_csv(tmp_path):
    # two sheets, numbers as numbers and times as times, but text where a code is no number
    workbook = openpyxl.Workbook()
    rows = list(csv.reader(io.StringIO(LINES)))
    sheets = (workbook.active, workbook.create_sheet("Year 2010-2011"))
    for sheet, part in zip(sheets, (rows[:4], rows[4:]), strict=True):
        sheet.append(HEADER.strip().split(","))
        for invoice, code, description, quantity, moment, price, customer, country in part:
            sheet.append([
                int(invoice) if invoice.isdigit() else invoice,
                int(code) if code.isdigit() and not code.startswith("0") else code,
                description, int(quantity), datetime.fromisoformat(moment), float(price),
                float(customer) if customer else None, country,
            ])  # fmt: skip
    workbook.save(tmp_path / "online_retail_II.xlsx")
    import_online_retail(tmp_path / "online_retail_II.xlsx", landing_dir=tmp_path / "xlsx")
    (tmp_path / "lines.csv").write_text(HEADER + LINES, encoding="utf-8")
    import_online_retail(tmp_path / "lines.csv", landing_dir=tmp_path / "csv")
    for stream in ("order_events", "catalog_items"):
        read = f"select * exclude filename from read_parquet('{tmp_path}/{{}}/{stream}/*/*.parquet', filename = true) order by event_id"
        assert duckdb.sql(read.format("xlsx")).fetchall() == duckdb.sql(read.format("csv")).fetchall()


def test_a_workbook_that_is_none_is_refused(tmp_path):
    (tmp_path / "x.xlsx").write_text("hello", encoding="utf-8")
    with pytest.raises(PersoError, match=r"x\.xlsx is no Excel workbook"):
        import_online_retail(tmp_path / "x.xlsx", landing_dir=tmp_path / "landing")


def test_times_are_london_times_turned_to_utc(tmp_path):
    landed = _imported(tmp_path, HEADER + LINES)
    summer, winter = landed.execute("""
        select min(occurred_at)::varchar, max(occurred_at)::varchar from order_events where event_id in ('or2-1', 'or2-7')
    """).fetchall()[0]
    assert summer == "2010-07-01 06:45:00"  # British summer time is an hour ahead
    assert winter == "2010-12-01 12:00:00"
    days = landed.execute("select distinct load_date from order_events order by 1").fetchall()
    assert days == [(date(2010, 7, 1),), (date(2010, 12, 1),)]


def test_the_catalogue_follows_what_is_known_on_the_day(tmp_path):
    unnamed = (
        "1,22000,,5,2010-01-04 10:00:00,0,,United Kingdom\n2,22000,RED MUG,1,2010-01-06 10:00:00,2.5,,United Kingdom\n"
    )
    landed = _imported(tmp_path, HEADER + unnamed + "3,POST,POSTAGE,1,2010-01-06 10:00:00,4,,France\n")
    found = landed.execute(
        "select load_date, item_id, item_type, name, price from catalog_items order by 1, 2"
    ).fetchall()
    assert found == [
        (date(2010, 1, 4), "22000", "product", "22000", None),
        (date(2010, 1, 6), "22000", "product", "RED MUG", Decimal("2.5")),
        (date(2010, 1, 6), "POST", "service", "POSTAGE", Decimal(4)),
    ]


def test_fields_and_event_types_are_those_of_the_contract(tmp_path):
    landed = _imported(tmp_path, HEADER + LINES)
    for stream in ("order_events", "catalog_items"):
        columns = {row[0] for row in landed.execute(f"describe {stream}").fetchall()} - {"filename", "load_date"}
        assert columns <= set(STREAMS[stream].field_names)
        types = {row[0] for row in landed.execute(f"select distinct event_type from {stream}").fetchall()}
        assert types <= set(STREAMS[stream]["event_type"].words)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(HEADER.replace("Price", "UnitPrice") + LINES, "no column 'Price'", id="column missing"),
        pytest.param(HEADER, "has no lines", id="empty"),
        pytest.param("", "no header", id="no bytes"),
        pytest.param(HEADER + LINES + "1,2,x,many,2010-01-01 00:00:00,1,,UK\n", "row 8: Quantity", id="no number"),
        pytest.param(HEADER + "1,2,x,1,yesterday,1,,UK\n", "row 1: InvoiceDate", id="no time"),
        pytest.param(HEADER + "1,2,x,1,2010-01-01 00:00:00,1,Bob,UK\n", "row 1: Customer ID", id="no customer number"),
        pytest.param(HEADER + "1,2,x\n", "cannot be read", id="too few cells"),
    ],
)
def test_a_faulty_file_is_refused_in_one_sentence_and_nothing_is_written(tmp_path, text, sentence):
    source = tmp_path / "lines.csv"
    source.write_text(text, encoding="utf-8")
    with pytest.raises(PersoError, match=sentence):
        import_online_retail(source, landing_dir=tmp_path / "landing")
    assert not (tmp_path / "landing").exists()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PersoError, match=r"nowhere\.parquet is not there"):
        import_online_retail(tmp_path / "nowhere.parquet", landing_dir=tmp_path / "landing")


def test_a_file_that_is_not_parquet_is_refused(tmp_path):
    (tmp_path / "x.parquet").write_text("hello", encoding="utf-8")
    with pytest.raises(PersoError, match=r"x\.parquet cannot be read as parquet"):
        import_online_retail(tmp_path / "x.parquet", landing_dir=tmp_path / "landing")


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    if not SOURCE.is_file():
        pytest.skip(f"the public data set is not here: {SOURCE}")
    folder = tmp_path_factory.mktemp("online_retail")
    summary = import_online_retail(SOURCE, landing_dir=folder)
    assert (summary.order_events, summary.items, summary.days_spanned) == (1_044_847, 5_305, 739)
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute(f"""
        create schema raw;
        create table raw.order_events as
        select *, ((occurred_at at time zone 'UTC') at time zone 'Europe/London')::date as event_date,
            split_part(filename, '/', -2)::date as load_date
        from read_parquet('{folder}/order_events/*/online_retail.parquet', filename = true)
    """)
    return connection


@pytest.mark.parametrize("name", FIGURES)
def test_the_published_figures_come_out(landed, name):
    sql, expected = FIGURES[name]
    assert landed.execute(sql).fetchall() == [expected]


def test_every_source_line_is_one_record_on_its_own_day(landed):
    lines, ids, rows, foreign = landed.execute("""
        select count(*), count(distinct event_id), count(distinct (order_id, order_line_id)),
            count(*) filter (load_date <> event_date)
        from raw.order_events
    """).fetchall()[0]
    assert lines == ids == rows == 1_044_847
    assert foreign == 0
