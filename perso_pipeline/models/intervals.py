"""Paired bootstrap intervals: one set of resampled people for every model and metric of a task."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.models.config import EvaluationConfig


class Resamples:
    """Counts of each unit in each resample; the same for all values given, so differences are paired."""

    def __init__(self, units: int, *, samples: int, confidence: float, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._counts = rng.multinomial(units, np.full(units, 1.0 / units), size=samples).astype(np.float64)
        self._tails = [(1 - confidence) / 2, (1 + confidence) / 2]
        self._units = units

    @classmethod
    def of(cls, units: int, config: EvaluationConfig) -> "Resamples":
        """With the samples, confidence and seed of a site."""
        return cls(units, samples=config.bootstrap_samples, confidence=config.confidence, seed=config.seed)

    def interval(self, values: NDArray[np.float64]) -> tuple[float, float]:
        """Percentile interval of the mean of ``values`` (one per unit)."""
        return self.intervals([values])[0]

    def intervals(self, columns: Sequence[NDArray[np.float64]]) -> list[tuple[float, float]]:
        """The same for many columns at once, in one product of matrices: a twentieth of the time of one by one."""
        if not columns:
            return []
        wrong = [len(column) for column in columns if len(column) != self._units]
        if wrong:
            msg = f"expected one value for each of {self._units} units, got {wrong[0]}"
            raise ValueError(msg)
        means = self._counts @ np.column_stack(columns) / self._units
        low, high = np.quantile(means, self._tails, axis=0)
        return list(zip(low.tolist(), high.tolist(), strict=True))
