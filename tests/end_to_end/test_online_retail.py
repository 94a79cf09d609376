"""Two years of a real retailer's invoices: landing to ledger in one backfill, every published figure again."""

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from driving import Installation

pytestmark = pytest.mark.slow

SOURCE = Path(__file__).parents[3] / "shared" / "data" / "online_retail_II" / "online_retail_II_2009_2011.parquet"


@pytest.fixture(scope="module")
def retailer(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    if not SOURCE.exists():
        pytest.skip("the public data set Online Retail II is not in ../shared/data")
    installation = Installation(tmp_path_factory.mktemp("retailer"))
    installation.perso("import", "online-retail", str(SOURCE))
    installation.perso("run", "--from", "2009-12-01", "--night", "2011-12-09", "--facts-only")
    return installation


# One statement per figure of the data set's description; the clean subset drops cancellations, lines without a
# customer, and lines whose quantity or price is not positive.
CLEAN = "event_type = 'order_placed' and customer_id is not null and quantity > 0 and unit_price > 0"
FIGURES = {
    "lines": ("select count(*) from staging.stg_order_events", 1_044_847),
    "invoices": ("select count(distinct order_id) from staging.stg_order_events", 53_628),
    "stock codes": ("select count(distinct item_id) from staging.stg_order_events", 5_305),
    "customers": ("select count(distinct customer_id) from staging.stg_order_events", 5_942),
    "countries": ("select count(distinct country) from staging.stg_order_events", 43),
    "share of lines without a customer": (
        "select round(100.0 * count(*) filter (customer_id is null) / count(*), 1) from staging.stg_order_events",
        22.5,
    ),
    "clean lines": (f"select count(*) from staging.stg_order_events where {CLEAN}", 791_044),
    "clean customers": (f"select count(distinct customer_id) from staging.stg_order_events where {CLEAN}", 5_878),
    "clean stock codes": (f"select count(distinct item_id) from staging.stg_order_events where {CLEAN}", 4_631),
    "clean orders": (f"select count(distinct order_id) from staging.stg_order_events where {CLEAN}", 36_969),
    "clean revenue": (
        f"select sum(quantity * unit_price)::decimal(18, 2) from staging.stg_order_events where {CLEAN}",
        Decimal("17431533.18"),
    ),
    "clean customer-item pairs": (
        f"select count(distinct (customer_id, item_id)) from staging.stg_order_events where {CLEAN}",
        481_932,
    ),
    "customers with two or more orders": (
        f"""select count(*) from (select customer_id from staging.stg_order_events where {CLEAN}
            group by 1 having count(distinct order_id) >= 2)""",
        4_255,
    ),
}


@pytest.mark.parametrize("figure", FIGURES)
def test_the_warehouse_gives_the_published_figure(retailer: Installation, figure: str) -> None:
    sql, published = FIGURES[figure]
    assert retailer.rows(sql)[0][0] == published


def test_net_revenue_by_country_and_month_is_that_of_the_raw_file(retailer: Installation) -> None:
    """Quantity times price, returns and bad debts as the file signs them, summed without the product."""
    query = f"""select Country, strftime(InvoiceDate, '%Y-%m') as month,
            sum(Quantity::decimal(18, 4) * Price::decimal(18, 4))::decimal(18, 4) as net
        from read_parquet('{SOURCE}') group by all having net <> 0 order by all"""
    with duckdb.connect() as connection:
        raw = connection.execute(query).fetchall()
    ledger = retailer.rows(
        """select country, strftime(movement_date, '%Y-%m') as month, sum(net)::decimal(18, 4) as net
        from interactions.order_movements group by all having sum(net) <> 0 order by all"""
    )
    assert len(raw) > 400
    assert ledger == raw
