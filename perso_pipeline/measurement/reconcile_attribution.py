"""Whether every table of the attribution window adds up to the money that moved, and claims to what the overlap says.

The ledger side is computed anew from ``interactions``; rules are found in the table, so that a new one is
compared at once. Keep Dagster out.
"""

from collections.abc import Iterator
from datetime import date

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.measurement.cells import Difference, differences, read_cells, read_cells_by

FIGURES = ("movements", "gross", "discount", "cancelled", "refunded", "adjusted", "net", "cost", "margin")
"""Columns of ``measurement.attributed_revenue`` that add up over the rows of a rule."""

RECOMMENDATION_RULES = ("request", "click_30_minutes", "click_7_days", "unit")
_CLAIMS = ("claimed_net", "attributed_net")
_LINES = ("movements", "net", "margin")

_MOVEMENTS = f"""
with known as (
    select *, bool_or(movement = 'sale') over (partition by site_id, order_id, order_line_id) as has_sale
    from interactions.order_movements
    where known_on <= $night and movement_date <= $night
)
select site_id, currency, count(*) as movements, {", ".join(f"sum({figure}) as {figure}" for figure in FIGURES[1:])}
from known cross join (
    select attribution_starts_on, ends_on from measurement.report_windows where night = $night
) as report_windows
where case when has_sale then order_date else movement_date end between attribution_starts_on and ends_on
group by site_id, currency
"""

_CREDITED = f"""
select rule, site_id, currency, {", ".join(f"sum({figure}) as {figure}" for figure in FIGURES)}
from measurement.attributed_revenue where night = $night group by rule, site_id, currency
"""

_SEGMENTS = f"""
select site_id, currency, {", ".join(f"sum({figure}) as {figure}" for figure in _LINES)}
from measurement.segment_revenue where night = $night and is_total group by site_id, currency
"""

_OVERLAP = f"""
select site_id, currency, {", ".join(f"sum({figure}) as {figure}" for figure in _LINES)}
from measurement.attribution_overlap where night = $night group by site_id, currency
"""

_CLAIMED = """
select rule, site_id, currency, sum(claimed_net) as claimed_net,
    sum(net) filter (where scenario_id <> 'none') as attributed_net
from measurement.attributed_revenue where night = $night group by rule, site_id, currency
"""

_CLAIMED_IN_OVERLAP = " union all ".join(
    f"""select '{rule}' as rule, site_id, currency, sum(net * claims_by_{rule}) as claimed_net,
        sum(net) filter (where claims_by_{rule} > 0) as attributed_net
    from measurement.attribution_overlap where night = $night group by site_id, currency"""
    for rule in RECOMMENDATION_RULES
)


def attribution_differences(warehouse: Warehouse, night: date) -> Iterator[Difference]:
    """Compare the night's attribution with the ledger, rule by rule, and its claims with the overlap."""
    moved = read_cells(warehouse, _MOVEMENTS, night, FIGURES)
    credited = read_cells_by(warehouse, _CREDITED, night, FIGURES, by="rule")
    for rule in sorted({*credited, *RECOMMENDATION_RULES}):
        table = f"attributed_revenue by {rule}"
        yield from differences(table, "order_movements", credited.get(rule, {}), moved, FIGURES)
    overlap = read_cells(warehouse, _OVERLAP, night, _LINES)
    yield from differences("attribution_overlap", "order_movements", overlap, moved, _LINES)
    totals = read_cells(warehouse, _SEGMENTS, night, _LINES)
    yield from differences("segment_revenue of all", "order_movements", totals, moved, _LINES)
    claimed = read_cells_by(warehouse, _CLAIMED, night, _CLAIMS, by="rule")
    in_overlap = read_cells_by(warehouse, _CLAIMED_IN_OVERLAP, night, _CLAIMS, by="rule")
    for rule in RECOMMENDATION_RULES:
        table = f"attributed_revenue by {rule}"
        left, right = claimed.get(rule, {}), in_overlap.get(rule, {})
        yield from differences(table, "attribution_overlap", left, right, _CLAIMS)
