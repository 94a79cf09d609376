"""From moments to effects: sample ratio first, then the difference of two means with its interval.

Everything here takes counts, sums and sums of squares and returns a typed result that can say "not
estimable, because". Keep SQL, tables and words for managers out.

Sources: Welch (1947) for the interval of the difference; Fieller (1954) for the ratio of means;
chi-square at p < .001 for the sample ratio (Fabijan et al., KDD 2019).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

Number = int | float | Decimal | Fraction

WELL_FROM_ZERO = 3.0
"""Standard errors that the control mean must be from zero before anything is divided by it."""


@dataclass(frozen=True)
class Moments:
    """Count, sum and sum of squares of one value per unit; they add over sites and days.

    Kept as fractions: sums of money squared lose the variance in a float (100,000 visitors of mean 1,000
    and deviation 0.01 come out with variance 0).
    """

    units: int
    total: Fraction
    squares: Fraction

    @classmethod
    def of(cls, units: int, total: Number, squares: Number) -> "Moments":
        return cls(units, Fraction(total), Fraction(squares))

    @classmethod
    def from_values(cls, values: Iterable[Number]) -> "Moments":
        """Moments of raw values, one per unit."""
        exact = [Fraction(value) for value in values]
        return cls(len(exact), sum(exact, Fraction(0)), sum((value * value for value in exact), Fraction(0)))

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.units + other.units, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float:
        """Mean per unit; needs a unit."""
        return float(self.total / self.units)

    @property
    def variance(self) -> float:
        """Sample variance (n - 1); needs two units."""
        return float((self.squares - self.total * self.total / self.units) / (self.units - 1))


@dataclass(frozen=True)
class NotEstimable:
    """No number can honestly be given; ``reason`` is one sentence."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class RelativeLift:
    """The difference as a share of the control mean, with its interval."""

    lift: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Treatment mean minus control mean, per unit."""

    treatment_units: int
    control_units: int
    treatment_mean: float
    control_mean: float
    difference: float
    low: float
    high: float
    p_value: float
    relative: RelativeLift | NotEstimable


@dataclass(frozen=True)
class SampleRatio:
    """Whether the arms have the sizes that the split promises; ``p`` is small where they do not."""

    treatment_units: int
    control_units: int
    p: float


def sample_ratio(treatment_units: int, control_units: int, *, control_share: float) -> SampleRatio | NotEstimable:
    """Chi-square test of the arms' sizes against the split.

    Args:
        treatment_units: Units in treatment.
        control_units: Units in control.
        control_share: Share of units that belongs in control, between 0 and 1.
    """
    units = treatment_units + control_units
    expected = (units * (1 - control_share), units * control_share)
    if min(expected) < 5:
        return NotEstimable(f"With {units:,} visitors the split cannot be checked.")
    from scipy import stats

    chi_square = sum((n - e) ** 2 / e for n, e in zip((treatment_units, control_units), expected, strict=True))
    return SampleRatio(treatment_units, control_units, float(stats.chi2.sf(chi_square, 1)))


def compare(treatment: Moments, control: Moments, *, confidence: float = 0.95) -> Estimate | NotEstimable:
    """Difference in means with Welch's interval, and relative to control by Fieller's theorem.

    Args:
        treatment: Moments of the units that got recommendations.
        control: Moments of the units that were held out.
        confidence: Share of intervals that contain the truth, over repetitions.
    """
    from scipy import stats  # over a second to import, so not for those who only look at the graph

    for arm, moments in (("treatment", treatment), ("control", control)):
        if moments.units < 2:
            return NotEstimable(f"Only {moments.units} visitors in {arm}.")
    error_t, error_c = treatment.variance / treatment.units, control.variance / control.units
    error = error_t + error_c
    if error == 0:
        return NotEstimable("All visitors of an arm have the same value, so that its spread is unknown.")
    freedom = error**2 / (error_t**2 / (treatment.units - 1) + error_c**2 / (control.units - 1))
    quantile = float(stats.t.ppf((1 + confidence) / 2, freedom))
    difference = float(treatment.total / treatment.units - control.total / control.units)
    margin = quantile * math.sqrt(error)
    return Estimate(
        treatment_units=treatment.units,
        control_units=control.units,
        treatment_mean=treatment.mean,
        control_mean=control.mean,
        difference=difference,
        low=difference - margin,
        high=difference + margin,
        p_value=float(2 * stats.t.sf(abs(difference) / math.sqrt(error), freedom)),
        relative=_relative(treatment, control, quantile),
    )


def _relative(treatment: Moments, control: Moments, quantile: float) -> RelativeLift | NotEstimable:
    error_t, error_c = treatment.variance / treatment.units, control.variance / control.units
    a = control.mean**2 - quantile**2 * error_c
    if control.mean <= WELL_FROM_ZERO * math.sqrt(error_c) or a <= 0:
        return NotEstimable("The mean of control is too near to zero to divide by it.")
    # Fieller: all ratios r at which treatment - r x control is no further from zero than chance allows. The
    # interval leaves out 0 % exactly when Welch's interval of the difference leaves out 0.
    b = treatment.mean * control.mean
    c = treatment.mean**2 - quantile**2 * error_t
    root = math.sqrt(max(b * b - a * c, 0.0))
    return RelativeLift(lift=treatment.mean / control.mean - 1, low=(b - root) / a - 1, high=(b + root) / a - 1)
