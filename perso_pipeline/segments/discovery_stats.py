"""Tests of a group against everyone else, from moments, and control of false discoveries.

Arrays of counts and sums in, p-values out; nothing here knows what the groups are.

Sources: Benjamini and Hochberg 1995 (step-up), Benjamini and Yekutieli 2001 (any dependence), Welch 1947.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

Floats = np.ndarray


@dataclass(frozen=True)
class Moments:
    """Counts, sums and sums of squares, one entry per group."""

    count: Floats
    total: Floats
    squares: Floats

    def without(self, part: "Moments") -> "Moments":
        """Everyone who is not in ``part``."""
        return Moments(self.count - part.count, self.total - part.total, self.squares - part.squares)

    @property
    def mean(self) -> Floats:
        """NaN for a group of nobody."""
        return np.divide(self.total, self.count, out=np.full(np.shape(self.total), np.nan), where=self.count > 0)

    def take(self, rows: np.ndarray) -> "Moments":
        return Moments(self.count[rows], self.total[rows], self.squares[rows])


def share_scores(group: Moments, rest: Moments) -> Floats:
    """Standard normal score of the difference of two shares (pooled); NaN where nothing varies."""
    count = group.count + rest.count
    pooled = (group.total + rest.total) / count
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(pooled * (1 - pooled) * (1 / group.count + 1 / rest.count))
        return np.where(error > 0, (group.mean - rest.mean) / error, np.nan)


def mean_scores(group: Moments, rest: Moments) -> Floats:
    """Welch's t of the difference of two means, as the standard normal score with the same tail; NaN as above."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = []
        for side in (group, rest):
            variance = (side.squares - side.total**2 / side.count) / (side.count - 1)
            parts.append(np.maximum(variance, 0) / side.count)
        error = np.sqrt(parts[0] + parts[1])
        freedom = (parts[0] + parts[1]) ** 2 / (parts[0] ** 2 / (group.count - 1) + parts[1] ** 2 / (rest.count - 1))
        t = (group.mean - rest.mean) / error
        score = np.sign(t) * stats.norm.isf(stats.t.sf(np.abs(t), freedom))
        return np.where(error > 0, score, np.nan)


def two_sided(scores: Floats) -> Floats:
    """p-value of a difference either way; NaN stays NaN."""
    return 2 * stats.norm.sf(np.abs(scores))


def one_sided(scores: Floats, signs: Floats) -> Floats:
    """p-value of a difference in the direction of ``signs``."""
    return stats.norm.sf(scores * signs)


def adjusted(p_values: Floats, *, any_dependence: bool) -> Floats:
    """q-values: the smallest bound of the false share at which each would be a discovery.

    Args:
        p_values: Without NaN.
        any_dependence: Benjamini-Yekutieli, whose bound holds however the tests depend on each other, in place of
            Benjamini-Hochberg, whose bound holds for independent and positively dependent ones.
    """
    if not len(p_values):
        return np.empty(0)
    return stats.false_discovery_control(p_values, method="by" if any_dependence else "bh")
