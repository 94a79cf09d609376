"""Paired bootstrap intervals: one set of resampled people for every model and metric of a task."""

import numpy as np
from numpy.typing import NDArray


class Resamples:
    """Counts of each unit in each resample; the same for all values given, so differences are paired."""

    def __init__(self, units: int, *, samples: int, confidence: float, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._counts = rng.multinomial(units, np.full(units, 1.0 / units), size=samples).astype(np.float32)
        self._tails = [(1 - confidence) / 2, (1 + confidence) / 2]
        self._units = units

    def interval(self, values: NDArray[np.float64]) -> tuple[float, float]:
        """Percentile interval of the mean of ``values`` (one per unit)."""
        if len(values) != self._units:
            msg = f"expected one value for each of {self._units} units, got {len(values)}"
            raise ValueError(msg)
        means = self._counts @ values / self._units
        low, high = np.quantile(means, self._tails)
        return float(low), float(high)
