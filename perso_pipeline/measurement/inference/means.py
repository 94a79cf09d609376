"""The difference of two arms' means with its interval, absolute and as a share of control.

Every estimator ends here: what CUPED, a ratio or strata make of an arm is a ``Sample`` again. Elementwise on arrays.

Sources: Welch (1947) for the interval of the difference; Fieller (1954) for the ratio of means.
"""

from dataclasses import dataclass

import numpy as np

from perso_pipeline.measurement.inference.moments import Moments, NotEstimable, Sample, Values

WELL_FROM_ZERO = 3.0
"""Standard errors that the control mean must be from zero before anything is divided by it."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Treatment mean minus control mean, with its standard error and Welch's degrees of freedom."""

    value: Values
    error: Values
    freedom: Values

    def interval(self, confidence: float) -> tuple[Values, Values]:
        """Welch's interval, which holds at one look planned beforehand."""
        margin = _t_quantile(confidence, self.freedom) * self.error
        return self.value - margin, self.value + margin

    @property
    def p_value(self) -> Values:
        """Two-sided p of no difference."""
        from scipy import special

        return 2 * special.stdtr(self.freedom, -np.abs(self.value) / self.error)


def difference(treatment: Sample, control: Sample) -> Difference:
    """Compare two arms; both need two units and one of them some spread."""
    squared_t, squared_c = treatment.error_squared, control.error_squared
    squared = squared_t + squared_c
    freedom = squared**2 / (squared_t**2 / (treatment.units - 1) + squared_c**2 / (control.units - 1))
    return Difference(value=treatment.mean - control.mean, error=np.sqrt(squared), freedom=freedom)


@dataclass(frozen=True, kw_only=True)
class RelativeLift:
    """The difference as a share of the control mean, with its interval."""

    lift: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Treatment mean minus control mean, per unit."""

    treatment: Sample
    control: Sample
    difference: float
    error: float
    low: float
    high: float
    p_value: float
    relative: RelativeLift | NotEstimable


def compare(treatment: Moments, control: Moments, *, confidence: float = 0.95) -> Estimate | NotEstimable:
    """Difference in means of two arms' moments; see ``estimate``."""
    few = too_few(treatment.units, control.units)
    return few or estimate(treatment.sample, control.sample, confidence=confidence)


def too_few(treatment_units: int, control_units: int) -> NotEstimable | None:
    """An arm needs two units to have a spread."""
    for arm, units in (("treatment", treatment_units), ("control", control_units)):
        if units < 2:
            return NotEstimable(f"Only {units} visitors in {arm}.", is_too_few=True)
    return None


def estimate(treatment: Sample, control: Sample, *, confidence: float) -> Estimate | NotEstimable:
    """Difference in means with Welch's interval, and relative to control by Fieller's theorem.

    Args:
        treatment: The arm that got recommendations; numbers, not arrays.
        control: The arm that did not.
        confidence: Share of intervals that contain the truth, over repetitions.
    """
    if treatment.error_squared + control.error_squared <= 0:
        return NotEstimable("All visitors of an arm have the same value, so that its spread is unknown.")
    found = difference(treatment, control)
    low, high = found.interval(confidence)
    quantile = float(_t_quantile(confidence, found.freedom))
    return Estimate(
        treatment=treatment,
        control=control,
        difference=float(found.value),
        error=float(found.error),
        low=float(low),
        high=float(high),
        p_value=float(found.p_value),
        relative=relative(treatment, control, quantile),
    )


def relative(treatment: Sample, control: Sample, quantile: float) -> RelativeLift | NotEstimable:
    """Fieller's interval of the ratio of means, less one.

    All ratios r at which treatment - r x control is no further from zero than ``quantile`` standard errors. The
    interval leaves out 0 % exactly when that of the difference with the same quantile leaves out 0.
    """
    low, high = fieller(treatment, control, quantile)
    if not np.isfinite(low) or control.mean <= WELL_FROM_ZERO * np.sqrt(control.error_squared):
        return NotEstimable("The mean of control is too near to zero to divide by it.")
    return RelativeLift(lift=float(treatment.mean / control.mean - 1), low=float(low), high=float(high))


def fieller(treatment: Sample, control: Sample, quantile: Values) -> tuple[Values, Values]:
    """Both ends of the relative interval; not a number where it has none."""
    a = control.mean**2 - quantile**2 * control.error_squared
    b = treatment.mean * control.mean
    c = treatment.mean**2 - quantile**2 * treatment.error_squared
    root = np.sqrt(np.maximum(b * b - a * c, 0.0))
    divisor = np.where(a > 0, a, np.nan)
    return (b - root) / divisor - 1, (b + root) / divisor - 1


def _t_quantile(confidence: float, freedom: Values) -> Values:
    from scipy import special  # over a second to import, so not for those who only look at the graph

    return special.stdtrit(freedom, (1 + confidence) / 2)
