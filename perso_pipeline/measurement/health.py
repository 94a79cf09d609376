"""Whether an experiment may be believed: ``measurement.experiment_health``.

Looks at what the arms are and not at what they earned. Keep effects out; sums that must be right are in ``arm_facts``.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.measurement.arms import ARMS, Arms
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.inference.moments import NotEstimable
from perso_pipeline.measurement.inference.sample_ratio import balance_p, sample_ratio, shares_p

ALL_SITES = "all"
Status = Literal["sound", "broken", "too few to tell"]

HEALTH_SCHEMA = pa.schema(
    [
        ("night", pa.date32()),
        ("experiment_id", pa.string()),
        ("site_id", pa.string()),
        ("check_name", pa.string()),
        ("status", pa.string()),
        ("p_value", pa.float64()),
        ("sentence", pa.string()),
    ]
)

_MOMENTS = """
    select * from measurement.lift_moments where night = $night and dimension = 'total' and period = 'to_date'"""

# an order paid on the site that the order stream never brought is missing in one arm as often as in the other
_ARRIVED = """
    with paid as (
        select distinct site_id, visitor_id, order_id
        from interactions.session_events
        where
            event_type = 'checkout_complete' and order_id is not null and known_on <= $night and event_date <= $night
            and is_robot is not true
    ),
    arrived as (
        select distinct site_id, order_id from interactions.order_movements
        where movement = 'sale' and known_on <= $night
    )
    select
        assignments.experiment_id, assignments.site_id, assignments.variant,
        count(*)::bigint as paid, count(arrived.order_id)::bigint as arrived
    from measurement.assignments
    inner join paid on paid.site_id = assignments.site_id and paid.visitor_id = assignments.unit_id
    left join arrived on arrived.site_id = paid.site_id and arrived.order_id = paid.order_id
    where assignments.night = $night
    group by all"""


@dataclass(frozen=True)
class Health:
    """One thing that was looked at, of one experiment on one site or on all."""

    check: str
    status: Status
    p: float | None
    sentence: str


def experiment_health(
    warehouse: Warehouse, night: date, *, shares: Mapping[str, float], config: MeasurementConfig
) -> pa.Table:
    """One row per experiment, site ('all' where there are several) and check, sorted so.

    Args:
        warehouse: With ``measurement.assignments`` and ``lift_moments`` of the night, and the facts behind them.
        night: The night.
        shares: Experiment to the share of its visitors that belongs in control.
        config: From which p on a difference is a fault, and how many may be served the other arm.
    """
    totals = _by_site(warehouse.query(_MOMENTS, {"night": night}))
    arrivals = _by_site(warehouse.query(_ARRIVED, {"night": night}))
    rows = [
        {
            "night": night, "experiment_id": experiment_id, "site_id": site_id,
            "check_name": found.check, "status": found.status, "p_value": found.p, "sentence": found.sentence,
        }
        for (experiment_id, site_id), parts in sorted(totals.items())
        for found in _looked_at(Arms(parts), arrivals[experiment_id, site_id], shares[experiment_id], config)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=HEALTH_SCHEMA)


def broken(health: pa.Table) -> dict[tuple[str, str], str]:
    """Experiment and site to why nothing may be said of it; what is broken on a site is so over all of them."""
    found: dict[tuple[str, str], str] = {}
    for row in health.filter(pc.equal(health["status"], "broken")).to_pylist():
        found.setdefault((row["experiment_id"], row["site_id"]), row["sentence"])
    for (experiment_id, site_id), sentence in sorted(found.items()):
        found.setdefault((experiment_id, ALL_SITES), f"On {site_id}: {sentence}")
    return found


def _looked_at(
    arms: Arms, arrivals: list[Mapping[str, Any]], control_share: float, config: MeasurementConfig
) -> Iterator[Health]:
    yield _sample_ratio(arms, control_share, config)
    for column, words in (("earlier_orders", "orders"), ("earlier_net", "net revenue")):
        yield _balance(arms, column, words, config)
    yield _served_as_assigned(arms, config)
    yield _orders_arrive(Arms(arrivals), config)


def _sample_ratio(arms: Arms, control_share: float, config: MeasurementConfig) -> Health:
    name = "sample_ratio"
    found = sample_ratio(arms.units("treatment"), arms.units("control"), control_share=control_share)
    if isinstance(found, NotEstimable):
        return Health(name, "too few to tell", None, found.reason)
    fault = found.fault(config.sample_ratio_p)
    if fault:
        return Health(name, "broken", found.p, fault)
    units = f"{found.treatment_units:,} and {found.control_units:,} visitors"
    return Health(name, "sound", found.p, f"The arms have {units}, as the split promises.")


def _balance(arms: Arms, column: str, words: str, config: MeasurementConfig) -> Health:
    name = f"alike_before_in_{words.replace(' ', '_')}"
    if column == "earlier_net" and len(arms.currencies) > 1:
        return Health(name, "too few to tell", None, "Earlier revenue is in several currencies; look at each site.")
    # by what control should have, so that one that has nothing is not excused
    expected = arms.count("earlier_orders") * arms.units("control") / arms.count("units")
    p = balance_p(arms.moments("treatment", column), arms.moments("control", column))
    if p is None or expected < config.minimum_ordering_visitors:
        return Health(name, "too few to tell", None, f"Too few visitors had {words} before they were assigned.")
    if p < config.sample_ratio_p:
        return Health(
            name, "broken", p, f"Before they were assigned the arms already differed in {words} (p = {p:.1g})."
        )
    return Health(name, "sound", p, f"Before they were assigned the arms were alike in {words}.")


def _served_as_assigned(arms: Arms, config: MeasurementConfig) -> Health:
    name = "served_as_assigned"
    units, mismatched = arms.count("units"), arms.count("mismatched_units")
    words = f"{mismatched:,} of {units:,} visitors ({mismatched / units:.2%}) were served what their arm is not due"
    if mismatched > config.mismatch_limit * units:
        return Health(name, "broken", None, f"{words}; {config.mismatch_limit:.2%} are allowed.")
    return Health(name, "sound", None, f"{words}.")


def _orders_arrive(arrivals: Arms, config: MeasurementConfig) -> Health:
    name = "orders_arrive"
    treatment, control = ((arrivals.count("arrived", arm), arrivals.count("paid", arm)) for arm in ARMS)
    p = shares_p(treatment, control)
    said = " and ".join(
        f"{arrived:,} of {paid:,} in {arm}" for arm, (arrived, paid) in zip(ARMS, (treatment, control), strict=True)
    )
    if p is None:
        return Health(
            name, "too few to tell", None, f"Orders paid on the site that arrived: {said}; nothing to compare."
        )
    if p < config.sample_ratio_p:
        words = f"Orders of one arm are missing: of those paid on the site there arrived {said} (p = {p:.1g})."
        return Health(name, "broken", p, words)
    return Health(name, "sound", p, f"Orders paid on the site arrived alike: {said}.")


def _by_site(rows: pa.Table) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """Rows by experiment and site, and over all sites where there are several."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    sites: dict[str, set[str]] = defaultdict(set)
    for row in rows.to_pylist():
        found[row["experiment_id"], row["site_id"]].append(row)
        sites[row["experiment_id"]].add(row["site_id"])
    for (experiment_id, _), parts in list(found.items()):
        if len(sites[experiment_id]) > 1:
            found[experiment_id, ALL_SITES].extend(parts)
    return found
