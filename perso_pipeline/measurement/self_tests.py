"""``measurement.self_tests``: the night's own visitors split again by chance, to see if the intervals keep their word.

A/A: no estimator may find more than its share, nor the interval that holds at every look at any of them. Planted: with
4 % more spent in treatment the intervals hold 4 %. Nothing is read of the truth of a simulated shop.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.effects import CUPED, LEAST_IN_STRATUM, PLAIN, STRATIFIED
from perso_pipeline.measurement.inference import cuped, ratios, sequential, strata
from perso_pipeline.measurement.inference.means import difference
from perso_pipeline.measurement.inference.moments import Sample, Values
from perso_pipeline.measurement.inference.resplit import Sums, Units, resplit

SEQUENCE = "sequence"
PLANTED_EFFECT = 0.04
LOOKS = 20
TOLERANCE = 0.015  # of shares: with 50 buyers in control 6 to 7.5 % of one-look intervals miss, not 5 %
FIRST_LOOK = 2  # at a seventh of the visitors: the sequence is asymptotic, so not for a handful
SELF_TESTS_SCHEMA = pa.schema(
    [
        ("night", pa.date32()),
        ("experiment_id", pa.string()),
        ("site_id", pa.string()),
        ("test", pa.string()),
        ("metric", pa.string()),
        ("estimator", pa.string()),
        ("splits", pa.int64()),
        ("visitors", pa.int64()),
        ("share", pa.float64()),
        ("share_low", pa.float64()),
        ("share_high", pa.float64()),
        ("status", pa.string()),
        ("reason", pa.string()),
    ]
)
PAIRS = (
    ("orders", "orders"), ("earlier_orders", "earlier_orders"), ("orders", "earlier_orders"),
    ("net", "net"), ("earlier_net", "earlier_net"), ("net", "earlier_net"), ("net", "orders"),
)  # fmt: skip
_BEFORE = {"orders": "earlier_orders", "net": "earlier_net"}
_METRICS = {"orders": "orders_per_visitor", "net": "net_revenue_per_visitor"}
_RATIO = "net_revenue_per_order"

_UNITS = """
    select a.experiment_id, a.site_id, coalesce(a.segment_id, 'unknown') as segment_id, count(*)::bigint as units
    from measurement.assignments as a
    inner join measurement.experiments as e on e.night = a.night and e.experiment_id = a.experiment_id
    where a.night = $night and e.kind = 'holdout'
    group by all order by all"""
_BUYERS = """
    select o.experiment_id, o.site_id, a.segment_id, o.orders::double as orders, o.net::double as net,
        o.earlier_orders::double as earlier_orders, o.earlier_net::double as earlier_net
    from measurement.unit_outcomes as o
    inner join measurement.assignments as a
        on a.night = o.night and a.experiment_id = o.experiment_id and a.site_id = o.site_id and a.unit_id = o.unit_id
    inner join measurement.experiments as e on e.night = o.night and e.experiment_id = o.experiment_id
    where o.night = $night and e.kind = 'holdout'
    order by o.experiment_id, o.site_id, o.unit_id"""


@dataclass(frozen=True)
class SelfTest:
    """One share and the range in which it lies where the intervals are right, give or take ``TOLERANCE``."""

    test: Literal["a_a", "planted"]
    metric: str
    estimator: str
    share: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        return self.low <= self.share <= self.high


def self_tests(warehouse: Warehouse, night: date, *, shares: dict[str, float], config: MeasurementConfig) -> pa.Table:
    """One row per holdout, site, test, metric and estimator; one that cannot be tested says so.

    Args:
        warehouse: With ``assignments`` and ``unit_outcomes`` of the night.
        night: The night; it also seeds the splits.
        shares: Experiment to the share of its visitors in control.
        config: Splits and confidence.
    """
    counts, buyers = (warehouse.query(sql, {"night": night}) for sql in (_UNITS, _BUYERS))
    rows: list[dict[str, Any]] = []
    keys = dict.fromkeys((row["experiment_id"], row["site_id"]) for row in counts.to_pylist())
    for experiment_id, site_id in keys:
        units = _units(_of(counts, experiment_id, site_id), _of(buyers, experiment_id, site_id))
        key = {"night": night, "experiment_id": experiment_id, "site_id": site_id, "visitors": units.count}
        rng = np.random.default_rng(night.toordinal())
        rows += ({**key, **row} for row in _tested(units, shares[experiment_id], config, rng))
    return pa.Table.from_pylist(rows, schema=SELF_TESTS_SCHEMA)


def _tested(
    units: Units, control_share: float, config: MeasurementConfig, rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    ordering, least = control_share * float(np.count_nonzero(units.values["orders"])), config.minimum_ordering_visitors
    if ordering < least:
        words = f"Only {ordering:.0f} visitors of a control would have ordered; {least} are needed."
        yield {"test": "a_a", "status": "cannot tell", "reason": words}
        return
    for found in run(units, control_share=control_share, config=config, rng=rng):
        yield {
            "test": found.test, "metric": found.metric, "estimator": found.estimator,
            "splits": config.self_test_splits, "share": found.share, "share_low": found.low,
            "share_high": found.high, "status": "holds" if found.holds else "does not hold",
        }  # fmt: skip


def run(
    units: Units, *, control_share: float, config: MeasurementConfig, rng: np.random.Generator
) -> Iterator[SelfTest]:
    """A/A of every estimator and of the sequence at any look, and the coverage of a planted effect."""
    splits, confidence = config.self_test_splits, config.confidence
    treatment, control = resplit(units, PAIRS, control_share=control_share, splits=splits, looks=LOOKS, rng=rng)
    alpha = 1 - confidence
    for column, metric in _METRICS.items():
        for estimator in (PLAIN, CUPED, STRATIFIED):
            found = difference(*_samples(treatment, control, column, estimator))
            yield SelfTest("a_a", metric, estimator, float(np.mean(found.p_value < alpha)), *_range(alpha, splits))
        ever = _ever_found(treatment, control, column, config)
        yield SelfTest("a_a", metric, SEQUENCE, ever, 0.0, _range(alpha, splits)[1])
    ratio = difference(*(ratios.ratio_sample(arm.whole().pair("net", "orders")) for arm in (treatment, control)))
    yield SelfTest("a_a", _RATIO, PLAIN, float(np.mean(ratio.p_value < alpha)), *_range(alpha, splits))
    truth = PLANTED_EFFECT * float(units.values["net"].sum()) / units.count
    planted = treatment.planted("net", np.full(len(units.silent), PLANTED_EFFECT))
    for estimator in (PLAIN, CUPED, STRATIFIED):
        low, high = difference(*_samples(planted, control, "net", estimator)).interval(confidence)
        held = float(np.mean((low <= truth) & (truth <= high)))
        yield SelfTest("planted", _METRICS["net"], estimator, held, *_range(confidence, splits))


def _samples(treatment: Sums, control: Sums, column: str, estimator: str) -> tuple[Sample, Sample]:
    if estimator == CUPED:
        pairs = [arm.whole().pair(column, _BEFORE[column]) for arm in (treatment, control)]
        return cuped.adjusted(pairs[0], pairs[1])
    if estimator == STRATIFIED:
        parts = zip(treatment.by_stratum(), control.by_stratum(), strict=True)
        return strata.stratified([(one.sample(column), other.sample(column)) for one, other in parts])
    return treatment.whole().sample(column), control.whole().sample(column)


def _ever_found(treatment: Sums, control: Sums, column: str, config: MeasurementConfig) -> float:
    """Share of splits in which CUPED's sequence leaves out zero at one look or more."""
    arms = [arm.up_to_each_look(first=FIRST_LOOK).pair(column, _BEFORE[column]) for arm in (treatment, control)]
    found = difference(*cuped.adjusted(arms[0], arms[1]))
    units: Values = arms[0].first.units + arms[1].first.units
    times = sequential.multiplier(units, confidence=config.confidence, tightest_at=config.sequential_units)
    is_found = np.abs(found.value) > times * found.error
    return float(np.mean(is_found.any(axis=0)))


def _range(expected: float, splits: int) -> tuple[float, float]:
    """Where a share of ``splits`` lies on 999 of 1,000 nights, if the true one is within ``TOLERANCE``."""
    from scipy import stats

    low, high = (stats.binom.interval(0.999, splits, expected + side * TOLERANCE)[side > 0] for side in (-1, 1))
    return float(low) / splits, float(high) / splits


def _units(counts: pa.Table, buyers: pa.Table) -> Units:
    """Strata are segments with enough visitors, the others together."""
    sizes = dict(zip(counts["segment_id"].to_pylist(), counts["units"].to_pylist(), strict=True))
    large = sorted(segment for segment, units in sizes.items() if units >= 10 * LEAST_IN_STRATUM)
    number = {segment: place for place, segment in enumerate(large)}
    totals = np.zeros(len(large) + 1, dtype=np.int64)
    for segment, units in sizes.items():
        totals[number.get(segment, len(large))] += units
    stratum = np.array(
        [number.get(segment, len(large)) for segment in buyers["segment_id"].to_pylist()], dtype=np.int64
    )
    silent = totals - np.bincount(stratum, minlength=len(totals))
    if (
        large and totals[-1] < 10 * LEAST_IN_STRATUM
    ):  # nor do the small ones make a stratum together: they join the first
        stratum[stratum == len(large)] = 0
        silent[0] += silent[-1]
        silent = silent[:-1]
    values = {name: buyers[name].to_numpy() for name in ("orders", "net", "earlier_orders", "earlier_net")}
    return Units(values=values, stratum=stratum, silent=silent)


def _of(table: pa.Table, experiment_id: str, site_id: str) -> pa.Table:
    mine = pc.and_(pc.equal(table["experiment_id"], experiment_id), pc.equal(table["site_id"], site_id))
    return table.filter(mine)
