"""Everything the report shows, read from the measurement tables as of one night.

Sums are made here in the database, so that page and tables say the same. Keep HTML and words out.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from perso_pipeline.contracts.warehouse import Value, Warehouse

Row = dict[str, Any]

RECENT_DAYS = 28
DAYS_BY_DAY = 92
"""Of more days than these the charts show weeks, which begin on Monday."""

_QUERIES: Mapping[str, str] = {
    "sites": "select site_id, name, currency, timezone from raw.sites order by site_id",
    "segments": "select segment_id, name from segments.segment_catalogue where night = $night order by position",
    "window": """
        select w.starts_on, w.ends_on, w.attribution_starts_on, min(r.report_date) as first_date,
            sum(r.movements)::bigint as movements, sum(r.unconverted)::bigint as unconverted
        from measurement.report_windows as w
        left join measurement.revenue_report as r on r.night = w.night
        where w.night = $night group by all
    """,
    "totals": """
        select site_id, site_currency as currency,
            sum(orders)::bigint as orders, sum(site_gross) as gross, sum(site_discount) as discount,
            sum(site_net) as net, sum(site_margin) as margin, sum(site_refunded) as refunded,
            sum(site_net) filter (where scenario_id <> 'none') as recommended_net,
            sum(site_refunded_on_return_day) as refunded_on_return_day
        from measurement.revenue_report
        where night = $night and report_date > $night - to_days($days)
        group by all order by orders desc, site_id
    """,
    "earlier_totals": """
        select site_id, sum(orders)::bigint as orders, sum(site_net) as net
        from measurement.revenue_report
        where night = $night and report_date <= $night - to_days($days) and report_date > $night - to_days(2 * $days)
        group by all order by site_id
    """,
    "daily": """
        select site_id, site_currency as currency, channel, sum(site_net) as net,
            case when days < $by_day then report_date else date_trunc('week', report_date)::date end as day
        from measurement.revenue_report,
            (
                select $night - min(report_date) as days
                from measurement.revenue_report where night = $night
            )
        where night = $night
        group by all order by site_id, day, channel
    """,
    "cells": """
        select site_id, site_currency as currency, channel, segment_id, scenario_id,
            sum(orders)::bigint as orders, sum(site_gross) as gross, sum(site_discount) as discount,
            sum(site_cancelled) as cancelled, sum(site_refunded) as refunded, sum(site_adjusted) as adjusted,
            sum(site_net) as net, sum(site_margin) as margin
        from measurement.revenue_report
        where night = $night and report_date > $night - to_days($days)
        group by all order by site_id, net desc, channel, segment_id, scenario_id
    """,
    "funnel": """
        select site_id, scenario_id, variant,
            sum(requests)::bigint as requests, sum(impressions)::bigint as impressions,
            sum(viewable_impressions)::bigint as viewable_impressions, sum(clicks)::bigint as clicks,
            sum(clicked_requests)::bigint as clicked_requests, sum(carts)::bigint as carts,
            sum(orders)::bigint as orders, sum(net_revenue) as net_revenue
        from measurement.recommendation_funnel
        where night = $night and report_date > $night - to_days($days)
        group by all order by site_id, requests desc, scenario_id, variant desc
    """,
    "rules": """
        select rule, site_id, currency, scenario_id, sum(orders)::bigint as orders, sum(net) as net,
            sum(claimed_net) as claimed_net
        from measurement.attributed_revenue
        where night = $night and order_date > $night - to_days($days)
        group by all order by site_id, currency, rule, scenario_id
    """,
    "channel_rules": """
        select rule, site_id, currency, channel, sum(net) as net
        from measurement.attributed_revenue
        where night = $night and order_date > $night - to_days($days)
            and rule in ('first', 'last', 'linear', 'position')
        group by all order by site_id, currency, channel, rule
    """,
    "overlap": """
        select site_id, currency, scenarios > 1 as is_contested, claims_by_request > 0 as request,
            claims_by_click_30_minutes > 0 as click_30_minutes, claims_by_click_7_days > 0 as click_7_days,
            claims_by_unit > 0 as unit, sum(lines)::bigint as lines, sum(net) as net
        from measurement.attribution_overlap
        where night = $night and order_date > $night - to_days($days)
        group by all order by all
    """,
    "lift": """
        select l.*, e.kind, e.description
        from measurement.lift as l inner join measurement.experiments as e using (night, experiment_id)
        where l.night = $night
        order by e.kind <> 'holdout', l.experiment_id, l.site_id <> 'all', l.site_id, l.metric desc
    """,
    "trend": """
        select l.night, l.experiment_id, l.site_id, l.metric, l.relative_lift, l.relative_sequence_low,
            l.relative_sequence_high, l.verdict
        from measurement.lift as l inner join measurement.experiments as e using (night, experiment_id)
        where l.night <= $night and e.kind = 'holdout' and l.relative_sequence_low is not null
        order by l.night
    """,
    "lift_cells": """
        select experiment_id, site_id, dimension, cell, pooled_cells, metric, currency, treatment_units, control_units,
            relative_lift, relative_ci_low, relative_ci_high, q_value, verdict, reason
        from measurement.lift_cells
        where night = $night and period = 'to_date' and dimension <> 'total'
        order by experiment_id, site_id, metric, dimension, cell
    """,
    "health": """
        select experiment_id, site_id, check_name, status, sentence
        from measurement.experiment_health where night = $night order by experiment_id, check_name, site_id
    """,
    "self_tests": """
        select experiment_id, site_id, test, metric, estimator, splits, share, share_low, share_high, status, reason
        from measurement.self_tests where night = $night order by all
    """,
    "mixing": """
        select experiment_id, sum(units)::bigint as units, sum(mixed_units)::bigint as mixed_units,
            sum(switched_units)::bigint as switched_units
        from measurement.lift_moments
        where night = $night and dimension = 'total' and period = 'to_date'
        group by experiment_id order by experiment_id
    """,
    "restatement": """
        select cause, site_id, currency, since_night, count(distinct report_date)::bigint as days,
            min(report_date) as first_date, max(report_date) as last_date, sum(movements)::bigint as movements,
            sum(orders)::bigint as orders, sum(net) as net, sum(abs(net)) as moved
        from measurement.restatement_log where night = $night
        group by all order by site_id, cause, currency
    """,
    "since": """
        select max(night) as since_night from measurement.report_windows where night < $night having count(*) > 0
    """,
    "business": """
        select site_id, currency, report_date > $night - to_days($days) as is_recent, channel,
            sum(visits)::bigint as visits, sum(orders)::bigint as orders,
            sum(orders) filter (where customer_type = 'new')::bigint as new_orders, sum(net) as net,
            sum(net) filter (where customer_type = 'new') as new_net, sum(returned_orders)::bigint as returned_orders,
            sum(coupon_orders)::bigint as coupon_orders, sum(units_sold)::bigint as units_sold,
            sum(units_returned)::bigint as units_returned
        from measurement.business_days
        where night = $night and report_date > $night - to_days(2 * $days)
        group by all order by site_id, is_recent, net desc, channel
    """,
    "cohorts": """
        select site_id, currency, acquisition_channel,
            sum(customers) filter (where months_since = 0)::bigint as customers, sum(orders)::bigint as orders,
            sum(net) as net, sum(margin) as margin
        from measurement.cohort_values where night = $night
        group by all order by site_id, net desc, acquisition_channel
    """,
    "repeats": """
        select site_id, orders, customers_with_at_least, customers_with_more, repeat_probability
        from measurement.repeat_purchases where night = $night and orders <= 5 order by site_id, orders
    """,
    "churn": """
        select site_id, month, churn_days, customers_so_far, churned, churn_rate
        from measurement.churn_months where night = $night order by site_id, month
    """,
    "promotions": """
        select site_id, currency, promotion, coupon_code, orders, new_customers, net, margin, average_order_value,
            discount_rate, return_rate, came_back_rate
        from measurement.promotion_effect where night = $night order by site_id, net desc, promotion, coupon_code
    """,
    "seasons": """
        select site_id, currency, season_type, season, days, orders, net_per_day, season_index
        from measurement.seasonality where night = $night order by site_id, season_type desc, season
    """,
    "products": """
        select site_id, currency, item_id, name, brand, views_28d, units_28d, net_28d, purchase_rate, return_rate, stock
        from measurement.product_performance where night = $night and net_28d > 0
        qualify row_number() over (partition by site_id order by net_28d desc, item_id) <= 10
        order by site_id, net_28d desc, item_id
    """,
    "readiness": """
        select site_id, event_type, needed_for, events_28d, status
        from measurement.readiness where night = $night order by site_id, event_type, needed_for
    """,
}
_STANDING = "select table_schema || '.' || table_name as name from information_schema.tables"
_TABLE = re.compile(r"(?:from|join)\s+(\w+\.\w+)")


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """Rows by query, as plain Python values; amounts are decimals in the site's currency unless a row names another.

    A table that a warehouse does not have yet gives no rows, and its section says so.

    Attributes:
        night: The night of the report.
        movements: Order movements in the window.
        differences: What does not add up to the ledger, empty when everything does.
    """

    night: date
    movements: int
    differences: tuple[str, ...]
    sites: list[Row]
    segments: list[Row]
    window: list[Row]
    totals: list[Row]
    earlier_totals: list[Row]
    daily: list[Row]
    cells: list[Row]
    funnel: list[Row]
    rules: list[Row]
    channel_rules: list[Row]
    overlap: list[Row]
    lift: list[Row]
    trend: list[Row]
    lift_cells: list[Row]
    health: list[Row]
    self_tests: list[Row]
    mixing: list[Row]
    restatement: list[Row]
    since: list[Row]
    business: list[Row]
    cohorts: list[Row]
    repeats: list[Row]
    churn: list[Row]
    promotions: list[Row]
    seasons: list[Row]
    products: list[Row]
    readiness: list[Row]

    @property
    def first_date(self) -> date:
        """First day of the report on which something was ordered; the night where nothing was."""
        found = self.window[0]["first_date"] if self.window else None
        return found or self.night

    def in_order(self, site_ids: Iterable[str]) -> list[str]:
        """Each site once, the one with the most orders first: amounts may be in several currencies."""
        orders = {row["site_id"]: row["orders"] for row in self.totals}
        return sorted(set(site_ids), key=lambda site_id: (site_id != "all", -orders.get(site_id, 0), site_id))

    def site_name(self, site_id: str) -> str:
        names = {row["site_id"]: row["name"] for row in self.sites}
        return "All sites" if site_id == "all" else str(names.get(site_id, site_id))


def read_report_data(
    warehouse: Warehouse, night: date, *, movements: int, differences: tuple[str, ...] = ()
) -> ReportData:
    """Read the night's tables; ``movements`` and ``differences`` come from ``reconcile``."""
    wanted: dict[str, Value] = {"night": night, "days": RECENT_DAYS, "by_day": DAYS_BY_DAY}
    standing = set(warehouse.query(_STANDING).column("name").to_pylist())
    rows: dict[str, list[Row]] = {}
    for name, query in _QUERIES.items():
        is_there = standing.issuperset(_TABLE.findall(query))
        parameters = {key: value for key, value in wanted.items() if f"${key}" in query}
        rows[name] = warehouse.query(query, parameters).to_pylist() if is_there else []
    return ReportData(night=night, movements=movements, differences=differences, **rows)
