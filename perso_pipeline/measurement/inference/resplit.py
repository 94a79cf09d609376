"""Splitting the same visitors again and again by chance: what the intervals must say of arms that do not differ.

Sums of every split at once, as NumPy arrays; who never ordered is only counted. A planted effect multiplies what
treatment spent, so that its truth is known. Seeded by the caller; keep verdicts on the intervals out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from perso_pipeline.measurement.inference.moments import PairSample, Sample

Floats = npt.NDArray[np.float64]
_AT_ONCE = 2_000_000  # visitors x splits whose draws are in memory together


@dataclass(frozen=True, kw_only=True)
class Units:
    """Visitors of one experiment on one site.

    Attributes:
        values: Column to one value per visitor who ever ordered.
        stratum: Stratum number of each of these.
        silent: Per stratum, visitors who never did; their values are zero.
    """

    values: Mapping[str, Floats]
    stratum: npt.NDArray[np.int64]
    silent: npt.NDArray[np.int64]

    @property
    def count(self) -> int:
        return len(self.stratum) + int(self.silent.sum())


@dataclass(frozen=True)
class Sums:
    """One arm: units, sums and sums of products, each of shape (looks, strata, splits), by look and not up to it."""

    units: Floats
    sums: Mapping[str, Floats]
    products: Mapping[tuple[str, str], Floats]

    def whole(self) -> "Sums":
        """Over all looks and strata: shape (splits,)."""
        return self._over(lambda values: values.sum(axis=(0, 1)))

    def up_to_each_look(self, *, first: int = 0) -> "Sums":
        """Over strata, cumulated, from look ``first`` on: shape (looks - first, splits)."""
        return self._over(lambda values: values.sum(axis=1).cumsum(axis=0)[first:])

    def by_stratum(self) -> list["Sums"]:
        """Over looks: one per stratum of shape (splits,)."""
        return [self._over(partial(_of_stratum, stratum)) for stratum in range(self.units.shape[1])]

    def planted(self, column: str, effect: Floats) -> "Sums":
        """With every value of ``column`` times 1 + ``effect`` of its stratum."""
        factor = (1 + effect)[None, :, None]
        return Sums(
            self.units,
            {name: values * factor if name == column else values for name, values in self.sums.items()},
            {pair: values * factor ** pair.count(column) for pair, values in self.products.items()},
        )

    def sample(self, column: str) -> Sample:
        mean = self.sums[column] / self.units
        variance = (self.products[column, column] - self.units * mean**2) / (self.units - 1)
        return Sample(self.units, mean, np.maximum(variance, 0.0))

    def pair(self, first: str, second: str) -> PairSample:
        a, b = self.sample(first), self.sample(second)
        covariance = (self.products[first, second] - self.units * a.mean * b.mean) / (self.units - 1)
        return PairSample(a, b, covariance)

    def _over(self, fold: Callable[[Floats], Floats]) -> "Sums":
        return Sums(
            fold(self.units),
            {name: fold(values) for name, values in self.sums.items()},
            {pair: fold(values) for pair, values in self.products.items()},
        )


def resplit(
    units: Units,
    pairs: Sequence[tuple[str, str]],
    *,
    control_share: float,
    splits: int,
    looks: int,
    rng: np.random.Generator,
) -> tuple[Sums, Sums]:
    """Treatment and control of ``splits`` fair splits; each visitor arrives before one of ``looks`` looks, by chance.

    Args:
        units: Visitors.
        pairs: Columns whose sums of products are wanted, a column with itself for its squares.
        control_share: Chance of control.
        splits: How many times.
        looks: How many parts the visitors arrive in.
        rng: Randomness.
    """
    strata = len(units.silent)
    names = list(units.values)
    products = [units.values[a] * units.values[b] for a, b in pairs]
    rows = np.vstack([np.ones(len(units.stratum)), *units.values.values(), *products])
    look = rng.integers(0, looks, len(units.stratum))
    group = look * strata + units.stratum
    order = np.argsort(group, kind="stable")
    rows, bounds = rows[:, order], np.searchsorted(group[order], np.arange(looks * strata + 1))
    control = np.zeros((len(rows), looks * strata, splits))
    everyone = np.zeros((len(rows), looks * strata, 1))
    for number, (start, end) in enumerate(pairwise(bounds)):
        part = rows[:, start:end]
        everyone[:, number, 0] = part.sum(axis=1)
        for first, last in _chunks(splits, end - start):
            drawn = rng.random((end - start, last - first)) < control_share
            control[:, number, first:last] = part @ drawn.astype(np.float64)
    silent = np.stack([rng.multinomial(count, np.full(looks, 1 / looks)) for count in units.silent], axis=1).ravel()
    control[0] += rng.binomial(silent[:, None], control_share, (looks * strata, splits))
    everyone[0, :, 0] += silent
    shape = (len(rows), looks, strata, splits)
    treatment, control_arm = (
        Sums(
            sums[0],
            dict(zip(names, sums[1 : 1 + len(names)], strict=True)),
            dict(zip(pairs, sums[1 + len(names) :], strict=True)),
        )
        for sums in ((everyone - control).reshape(shape), control.reshape(shape))
    )
    return treatment, control_arm


def _of_stratum(stratum: int, values: Floats) -> Floats:
    return np.asarray(values[:, stratum].sum(axis=0))


def _chunks(splits: int, visitors: int) -> Iterator[tuple[int, int]]:
    width = max(1, _AT_ONCE // max(visitors, 1))
    return ((first, min(first + width, splits)) for first in range(0, splits, width))
