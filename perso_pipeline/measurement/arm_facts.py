"""The arms a second time, from the facts: what ``lift_moments`` counts must be what was served, hashed and ordered.

Its SQL shares nothing with the models: a fault in one shows. Keep judgement of experiments in ``health``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from perso_pipeline.contracts.warehouse import Warehouse

_COUNTED = """
    select experiment_id, site_id, variant, units, orders, net from measurement.lift_moments
    where night = $night and dimension = 'total' and period = 'to_date'"""
_SHARE = "(('0x' || left(md5({salt} || ':' || s.visitor_id), 15))::bigint::double / 1152921504606846976::double)"
_FACTS = f"""
    with assigned as (
        select e.experiment_id, s.site_id, s.visitor_id, e.ends_on, min(s.event_date) as assigned_date,
            case when {_SHARE.format(salt="e.salt")} < e.control_share then 'control' else 'treatment' end as variant
        from staging.stg_recommendation_events as s
        inner join measurement.experiments as e on e.night = $night
        where
            s.event_type = 'served' and s.is_robot is not true and s.known_on <= $night
            and s.event_date between e.starts_on and least(coalesce(e.ends_on, $night), $night)
            and (e.scenarios is null or list_contains(e.scenarios, s.scenario_id))
            and (e.holdout_salt is null or {_SHARE.format(salt="e.holdout_salt")} >= e.holdout_share)
            and (
                e.layer_salt is null
                or (
                    {_SHARE.format(salt="e.layer_salt")} >= e.slice_from
                    and {_SHARE.format(salt="e.layer_salt")} < e.slice_to
                )
            )
        group by all
    ),
    known as (
        select * from interactions.order_movements where known_on <= $night and movement_date <= $night
    ),
    buyers as (
        select site_id, order_id,
            arg_min(visitor_id, (movement <> 'sale', occurred_at, movement_id))
                filter (visitor_id is not null) as visitor_id
        from known group by all
    ),
    sold as (
        select distinct site_id, order_id, order_line_id from known where movement = 'sale'
    ),
    dated as (
        select k.site_id, k.order_id, k.movement, k.net,
            case when s.order_id is null then k.movement_date else k.order_date end as order_date
        from known as k
        left join sold as s
            on s.site_id = k.site_id and s.order_id = k.order_id and s.order_line_id = k.order_line_id
    ),
    bought as (
        select a.experiment_id, a.site_id, a.visitor_id,
            count(distinct d.order_id) filter (d.movement = 'sale') as orders, sum(d.net) as net
        from assigned as a
        inner join buyers as b on b.site_id = a.site_id and b.visitor_id = a.visitor_id
        inner join dated as d on d.site_id = b.site_id and d.order_id = b.order_id
        where d.order_date between a.assigned_date and coalesce(a.ends_on, $night)
        group by all
    )
    select experiment_id, site_id, variant, count(*)::bigint as units,
        coalesce(sum(orders), 0)::bigint as orders, coalesce(sum(net), 0)::decimal(38, 4) as net
    from assigned left join bought using (experiment_id, site_id, visitor_id)
    group by all"""


@dataclass(frozen=True)
class Fault:
    """An arm whose figures are not those of the facts."""

    experiment_id: str
    site_id: str
    variant: str
    figure: str
    counted: Fraction
    found: Fraction

    def __str__(self) -> str:
        return (
            f"{self.experiment_id}: {self.figure} of {self.variant} on {self.site_id} are {_plain(self.counted)} in "
            f"lift_moments, {_plain(self.found)} by the facts (difference {_plain(self.counted - self.found)})"
        )


def arm_faults(warehouse: Warehouse, night: date) -> list[Fault]:
    """Visitors, orders and net revenue of each arm in ``lift_moments`` against served records, hash and ledger."""
    counted = {_key(row): row for row in warehouse.query(_COUNTED, {"night": night}).to_pylist()}
    found = {_key(row): row for row in warehouse.query(_FACTS, {"night": night}).to_pylist()}
    faults = []
    for key in sorted(counted.keys() | found.keys()):
        for figure in ("units", "orders", "net"):
            pair = [Fraction(rows[key][figure]) if key in rows else Fraction(0) for rows in (counted, found)]
            if pair[0] != pair[1]:
                faults.append(Fault(*key, "visitors" if figure == "units" else figure, *pair))
    return faults


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["experiment_id"], row["site_id"], row["variant"]


def _plain(value: Fraction) -> str:
    return f"{float(value):,.2f}".removesuffix(".00")
