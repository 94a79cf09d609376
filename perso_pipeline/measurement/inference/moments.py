"""What inference eats: exact sums that add over sites and cells, and the sample of an arm that they make.

``Moments`` are of one value per unit, ``PairMoments`` of two. Estimators turn them into a ``Sample`` (units, mean,
variance), whose fields may as well be arrays, one element per simulated experiment. Keep effects out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Number = int | float | Decimal | Fraction
Values = float | npt.NDArray[np.float64]


@dataclass(frozen=True)
class NotEstimable:
    """No number can honestly be given; ``reason`` is one sentence. More data mends it where ``is_too_few``."""

    reason: str
    is_too_few: bool = False


@dataclass(frozen=True)
class Sample:
    """One arm: units, mean per unit, and variance of one unit (n - 1). Numbers, or arrays of one shape."""

    units: Values
    mean: Values
    variance: Values

    @property
    def error_squared(self) -> Values:
        """Squared standard error of the mean."""
        return self.variance / self.units


@dataclass(frozen=True)
class Moments:
    """Count, sum and sum of squares of one value per unit.

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

    @property
    def sample(self) -> Sample:
        return Sample(self.units, self.mean, self.variance)


@dataclass(frozen=True)
class PairMoments:
    """Moments of two values of the same units, with the sum of their products."""

    first: Moments
    second: Moments
    products: Fraction

    @classmethod
    def of(cls, first: Moments, second: Moments, products: Number) -> "PairMoments":
        return cls(first, second, Fraction(products))

    @classmethod
    def from_values(cls, first: Iterable[Number], second: Iterable[Number]) -> "PairMoments":
        """Moments of two raw values per unit, in one order."""
        pairs = [(Fraction(a), Fraction(b)) for a, b in zip(first, second, strict=True)]
        return cls(
            Moments.from_values(a for a, _ in pairs),
            Moments.from_values(b for _, b in pairs),
            sum((a * b for a, b in pairs), Fraction(0)),
        )

    def __add__(self, other: "PairMoments") -> "PairMoments":
        return PairMoments(self.first + other.first, self.second + other.second, self.products + other.products)

    @property
    def covariance(self) -> float:
        """Sample covariance (n - 1); needs two units."""
        units = self.first.units
        return float((self.products - self.first.total * self.second.total / units) / (units - 1))

    @property
    def sample(self) -> "PairSample":
        return PairSample(self.first.sample, self.second.sample, self.covariance)


@dataclass(frozen=True)
class PairSample:
    """One arm with two values per unit and their covariance (n - 1)."""

    first: Sample
    second: Sample
    covariance: Values
