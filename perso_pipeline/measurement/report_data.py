"""Everything the report shows, read from the measurement tables of one night and nothing else.

Sums are made here in the database, so that page and export say the same. Keep HTML out.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from perso_pipeline.contracts.warehouse import Value, Warehouse

Row = dict[str, Any]

RECENT_DAYS = 28

_QUERIES = {
    "sites": """
        select site_id, name, currency, timezone from raw.sites order by site_id
    """,
    "window": "select starts_on, ends_on from measurement.report_windows where night = $night",
    "experiments": """
        select experiment_id, description, control_share, starts_on, ends_on
        from measurement.experiments where night = $night order by experiment_id
    """,
    "totals": """
        select site_id, currency,
            sum(orders) as orders, sum(gross) as gross, sum(net) as net, sum(margin) as margin,
            sum(net) filter (where scenario_id <> 'none') as recommended_net,
            sum(refunded) as refunded, sum(refunded_on_return_day) as refunded_on_return_day
        from measurement.revenue_report
        where night = $night and report_date > $night - to_days($days)
        group by site_id, currency order by site_id, currency
    """,
    "earlier_totals": """
        select site_id, currency, sum(orders) as orders, sum(net) as net
        from measurement.revenue_report
        where night = $night and report_date <= $night - to_days($days) and report_date > $night - to_days(2 * $days)
        group by site_id, currency order by site_id, currency
    """,
    "daily": """
        select site_id, currency, report_date, channel, sum(net) as net
        from measurement.revenue_report where night = $night
        group by all order by site_id, currency, report_date, channel
    """,
    "cells": """
        select site_id, currency, channel, segment_id, scenario_id,
            sum(orders) as orders, sum(units) as units, sum(gross) as gross, sum(discount) as discount,
            sum(cancelled) as cancelled, sum(refunded) as refunded, sum(adjusted) as adjusted, sum(net) as net,
            sum(margin) as margin, sum(refunded_on_return_day) as refunded_on_return_day
        from measurement.revenue_report where night = $night
        group by all order by site_id, currency, net desc, channel, segment_id, scenario_id
    """,
    "segments": "select segment_id, name from segments.segment_catalogue where night = $night order by position",
    "funnel": """
        select site_id, scenario_id, variant,
            sum(requests) as requests, sum(slots) as slots, sum(impressions) as impressions,
            sum(viewable_impressions) as viewable_impressions,
            sum(clicks) as clicks, sum(clicked_requests) as clicked_requests, sum(carts) as carts,
            sum(orders) as orders, sum(revenue) as revenue,
            sum(clicks)::double / nullif(sum(impressions), 0) as ctr,
            sum(clicked_requests)::double / nullif(sum(requests), 0) as clicked_request_rate,
            sum(viewable_impressions)::double / nullif(sum(impressions), 0) as viewability
        from measurement.recommendation_funnel
        where night = $night and report_date > $night - to_days($days)
        group by all order by site_id, scenario_id, variant desc
    """,
    "lift": """
        select lift.* from measurement.lift as lift
        inner join measurement.experiments as experiments using (night, experiment_id)
        where lift.night = $night and experiments.kind = 'holdout'
            and lift.metric in ('orders_per_visitor', 'net_revenue_per_visitor')
        order by lift.experiment_id, lift.site_id <> 'all', lift.site_id, lift.metric desc
    """,
    "mixing": """
        select experiment_id, sum(units)::bigint as units, sum(mixed_units)::bigint as mixed_units,
            sum(switched_units)::bigint as switched_units
        from measurement.lift_moments
        where night = $night and dimension = 'total' and period = 'to_date'
        group by experiment_id order by experiment_id
    """,
    "readiness": """
        select * from measurement.readiness where night = $night order by site_id, event_type, needed_for
    """,
    "export": """
        select * exclude (night) from measurement.revenue_report where night = $night
        order by report_date, site_id, currency, channel, segment_id, scenario_id
    """,
}


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """Rows by query, as plain Python values; amounts are decimals.

    Attributes:
        night: The night of the report.
        recent_days: Days of ``totals``, ``earlier_totals`` (as many days before) and ``funnel``.
        differences: What does not add up to the ledger, empty when everything does.
        movements: Order movements in the window.
    """

    night: date
    recent_days: int
    movements: int
    differences: tuple[str, ...]
    sites: list[Row]
    window: list[Row]
    experiments: list[Row]
    totals: list[Row]
    earlier_totals: list[Row]
    daily: list[Row]
    cells: list[Row]
    segments: list[Row]
    funnel: list[Row]
    lift: list[Row]
    mixing: list[Row]
    readiness: list[Row]
    export: list[Row]

    @property
    def first_order_date(self) -> date:
        """First day of the report on which something was ordered; the night where nothing was."""
        return min((row["report_date"] for row in self.daily), default=self.night)


def read_report_data(
    warehouse: Warehouse, night: date, *, movements: int, differences: tuple[str, ...] = ()
) -> ReportData:
    """Read the night's tables; ``movements`` and ``differences`` come from ``reconcile``."""
    rows = {}
    for name, query in _QUERIES.items():
        wanted: dict[str, Value] = {"night": night, "days": RECENT_DAYS}
        parameters = {key: value for key, value in wanted.items() if f"${key}" in query}
        rows[name] = warehouse.query(query, parameters).to_pylist()
    return ReportData(night=night, recent_days=RECENT_DAYS, movements=movements, differences=differences, **rows)
