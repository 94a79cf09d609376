"""What is measured and how: each metric's samples by each estimator, and all that is said of their difference.

Statistics are in ``inference``; keep tables and words for managers out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from perso_pipeline.measurement.arms import Arms
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.inference import cuped, power, ratios, sequential, strata
from perso_pipeline.measurement.inference.means import Estimate, RelativeLift, estimate, relative, too_few
from perso_pipeline.measurement.inference.moments import NotEstimable, PairMoments, Sample

PLAIN, CUPED, STRATIFIED = "plain", "cuped", "post_stratified"
PLANNED_EFFECTS = (0.02, 0.05, 0.1)
LEAST_IN_STRATUM = 50

Samples = tuple[Sample, Sample]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A value per visitor, or the ratio of two, as columns of ``measurement.lift_moments``."""

    id: str
    value: str
    before: str | None = None
    times_before: str | None = None
    per: str | None = None
    times_per: str | None = None
    is_money: bool = False

    @property
    def primary(self) -> str:
        """The estimator that verdicts are about."""
        return CUPED if self.before else PLAIN

    @property
    def estimators(self) -> tuple[str, ...]:
        if self.per:
            return (PLAIN,)
        return (PLAIN, CUPED, STRATIFIED) if self.before else (PLAIN, STRATIFIED)


METRICS = (
    Metric(
        id="orders_per_visitor", value="orders", before="earlier_orders", times_before="orders_times_earlier_orders"
    ),
    Metric(
        id="net_revenue_per_visitor", value="net", before="earlier_net", times_before="net_times_earlier_net",
        is_money=True,
    ),
    Metric(
        id="capped_net_revenue_per_visitor", value="capped_net", before="earlier_net",
        times_before="capped_net_times_earlier_net", is_money=True,
    ),
    Metric(id="conversion", value="ordering_units"),
    Metric(id="net_revenue_per_order", value="net", per="orders", times_per="orders_times_net", is_money=True),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The difference of the arms, by an interval for one planned look and by one that holds at every look.

    ``explained`` is the share of the variance that CUPED took out. Amounts are per visitor, or per order.
    """

    estimate: Estimate
    sequence_low: float
    sequence_high: float
    relative_sequence: RelativeLift | NotEstimable
    always_valid_p: float
    explained: float | None


def effect(
    metric: Metric, estimator: str, arms: Arms, by_stratum: Sequence[Arms] | None, config: MeasurementConfig
) -> Effect | NotEstimable:
    """Samples of both arms by the estimator, and their difference.

    Args:
        metric: What is measured.
        estimator: One of ``metric.estimators``.
        arms: Moments of both arms.
        by_stratum: The same by stratum, for ``post_stratified``.
        config: Confidence and tuning.
    """
    few = too_few(arms.units("treatment"), arms.units("control"))
    if few:
        return few
    samples = _samples(metric, estimator, arms, by_stratum)
    if isinstance(samples, NotEstimable):
        return samples
    found = estimate(*samples, confidence=config.confidence)
    if isinstance(found, NotEstimable):
        return found
    units = arms.count("units")
    times = float(sequential.multiplier(units, confidence=config.confidence, tightest_at=config.sequential_units))
    p = sequential.always_valid_p(
        found.difference, found.error, units, confidence=config.confidence, tightest_at=config.sequential_units
    )
    return Effect(
        estimate=found,
        sequence_low=found.difference - times * found.error,
        sequence_high=found.difference + times * found.error,
        relative_sequence=relative(*samples, times),
        always_valid_p=float(p),
        explained=_explained(metric, estimator, arms),
    )


def detectable(found: Effect, config: MeasurementConfig) -> float | None:
    """The detectable effect of today's visitors as a share of the control mean; None where that may be zero."""
    if isinstance(found.estimate.relative, NotEstimable):
        return None
    wanted = power.detectable_effect(found.estimate.error, confidence=config.confidence, power=config.power)
    return float(wanted / found.estimate.control.mean)


def days_to_detect(found: Effect, units: int, days: int, config: MeasurementConfig) -> tuple[float | None, ...]:
    """Further days until the sequence finds each of ``PLANNED_EFFECTS``, with visitors coming as they did so far."""
    if isinstance(found.estimate.relative, NotEstimable):
        return tuple(None for _ in PLANNED_EFFECTS)
    needed = (
        power.units_needed(
            share * float(found.estimate.control.mean), error=found.estimate.error, units=units,
            confidence=config.confidence, power=config.power, tightest_at=config.sequential_units,
        )
        for share in PLANNED_EFFECTS
    )  # fmt: skip
    return tuple(max(0.0, (wanted - units) * days / units) for wanted in needed)


def _samples(metric: Metric, estimator: str, arms: Arms, by_stratum: Sequence[Arms] | None) -> Samples | NotEstimable:
    if metric.per and metric.times_per:
        treatment, control = _pairs(arms, metric.value, metric.per, metric.times_per)
        if treatment.second.total == 0 or control.second.total == 0:
            return NotEstimable("An arm has no orders to divide by.", is_too_few=True)
        return ratios.ratio_sample(treatment.sample), ratios.ratio_sample(control.sample)
    if estimator == CUPED and metric.before and metric.times_before:
        treatment, control = _pairs(arms, metric.value, metric.before, metric.times_before)
        return cuped.adjusted(treatment.sample, control.sample)
    if estimator == STRATIFIED:
        if by_stratum is None:
            return NotEstimable("A stratum has an arm of fewer than two visitors.", is_too_few=True)
        return strata.stratified([_plain(stratum, metric.value) for stratum in by_stratum])
    return _plain(arms, metric.value)


def _explained(metric: Metric, estimator: str, arms: Arms) -> float | None:
    if estimator != CUPED or not (metric.before and metric.times_before):
        return None
    treatment, control = _pairs(arms, metric.value, metric.before, metric.times_before)
    return float(cuped.explained(treatment.sample, control.sample))


def _plain(arms: Arms, column: str) -> Samples:
    return arms.moments("treatment", column).sample, arms.moments("control", column).sample


def _pairs(arms: Arms, first: str, second: str, products: str) -> tuple[PairMoments, PairMoments]:
    return arms.pairs("treatment", first, second, products), arms.pairs("control", first, second, products)
