"""Every published figure of Online Retail II as SQL on ``raw.order_events``, and what it must give.

Each query returns one row. Used on the importer's files here and on the warehouse by the end-to-end tests.
"""

from decimal import Decimal
from typing import Any

# What a line was worth in the source: quantity x price, with the source's sign.
_WORTH = "case event_type when 'line_refunded' then -amount else amount end"
_LINES = "raw.order_events where site_id = 'online-retail'"
_CLEAN = f"{_LINES} and event_type = 'order_placed' and customer_id is not null and quantity > 0 and unit_price > 0"

FIGURES: dict[str, tuple[str, tuple[Any, ...]]] = {
    "lines": (f"select count(*) from {_LINES}", (1_044_847,)),
    "invoices": (f"select count(distinct order_id) from {_LINES}", (53_628,)),
    "stock codes": (f"select count(distinct item_id) from {_LINES}", (5_305,)),
    "customers": (f"select count(distinct customer_id) from {_LINES}", (5_942,)),
    "countries": (f"select count(distinct country) from {_LINES}", (43,)),
    "first and last day": (
        f"select strftime(min(event_date), '%Y-%m-%d'), strftime(max(event_date), '%Y-%m-%d') from {_LINES}",
        ("2009-12-01", "2011-12-09"),
    ),
    "percent of lines without a customer": (
        f"select round(100 * avg(case when customer_id is null then 1 else 0 end), 1) from {_LINES}",
        (22.5,),
    ),
    "cancellation lines and their worth": (
        f"select count(*), -sum(amount) from {_LINES} and event_type = 'line_refunded' and starts_with(order_id, 'C')",
        (19_165, Decimal("-1465303.66")),
    ),
    "bad debts and the lowest price": (
        f"select count(*), min(unit_price) from {_LINES} and event_type = 'balance_adjusted' and starts_with(order_id, 'A')",
        (6, Decimal("-53594.36")),
    ),
    "clean lines, customers, stock codes, orders, revenue": (
        f"""select count(*), count(distinct customer_id), count(distinct item_id), count(distinct order_id), round(sum(amount), 2)
            from {_CLEAN}""",
        (791_044, 5_878, 4_631, 36_969, Decimal("17431533.18")),
    ),
    "clean customer-item pairs": (
        f"select count(*) from (select distinct customer_id, item_id from {_CLEAN})",
        (481_932,),
    ),
    "clean customers with two or more orders": (
        f"select count(*) from (select customer_id from {_CLEAN} group by 1 having count(distinct order_id) >= 2)",
        (4_255,),
    ),
    "second year: lines and worth": (
        f"select count(*), sum({_WORTH}) from {_LINES} and event_date >= date '2010-12-01'",
        (541_909, Decimal("9747747.934")),
    ),
}
