"""How good predictions are: skill over the base rate with an interval, calibration, the usual scores.

Takes arrays, gives numbers. What is good enough stands in ``config/predictions.yml``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Skill:
    """One less the ratio of two losses: 0 is no better than the base rate, 1 is perfect."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Groups of about equal size by prediction, lowest first.

    Attributes:
        predicted: mean prediction of each group.
        observed: share of each group to whom it happened.
        people: size of each group.
        error: expected calibration error, the mean distance of the two, weighted by people.
        error_by_chance: what that error would be on average if every prediction were exactly right.
    """

    predicted: Floats
    observed: Floats
    people: Floats
    error: float
    error_by_chance: float


def skill(losses: Floats, base_losses: Floats, *, confidence: float) -> Skill:
    """Skill over one row per person, with the delta-method interval of a ratio of sums.

    Raises:
        ValueError: the base rate makes no error at all, so nothing can be better.
    """
    n, base = len(losses), float(base_losses.sum())
    if base <= 0:
        msg = "the base rate is never wrong here, so that a ratio to its losses does not exist"
        raise ValueError(msg)
    ratio = float(losses.sum()) / base
    spread = float(np.sqrt(n / (n - 1) * ((losses - ratio * base_losses) ** 2).sum())) / base
    reach = float(norm.ppf((1 + confidence) / 2)) * spread
    return Skill(1 - ratio, 1 - ratio - reach, 1 - ratio + reach)


def brier_skill(probability: Floats, happened: Flags, *, confidence: float) -> Skill:
    """Against the share of these very people to whom it happened, which nobody could have known beforehand."""
    truth = happened.astype(float)
    return skill((probability - truth) ** 2, (truth.mean() - truth) ** 2, confidence=confidence)


def calibration(probability: Floats, happened: Flags, *, bins: int) -> Calibration:
    """Reliability by groups of equal size; people with equal predictions are never parted."""
    order = np.argsort(probability, kind="stable")
    sorted_probability = probability[order]
    wanted = np.linspace(0, len(order), bins + 1)[1:-1].astype(int)
    # each edge moves to the first of its equals
    edges = np.unique(np.searchsorted(sorted_probability, sorted_probability[wanted], side="left"))
    starts = np.concatenate([[0], edges[edges > 0]])
    people = np.diff(np.append(starts, len(order))).astype(float)
    predicted = np.add.reduceat(sorted_probability, starts) / people
    observed = np.add.reduceat(happened[order].astype(float), starts) / people
    variance = np.add.reduceat(sorted_probability * (1 - sorted_probability), starts) / people**2
    weights = people / len(order)
    by_chance = float(weights @ np.sqrt(2 / np.pi * variance))  # mean distance of a normal from its centre
    return Calibration(predicted, observed, people, float(weights @ np.abs(predicted - observed)), by_chance)


def brier(probability: Floats, happened: Flags) -> float:
    return float(((probability - happened) ** 2).mean())


def log_loss(probability: Floats, happened: Flags) -> float:
    """Mean negative log-likelihood, nats."""
    right = np.where(happened, probability, 1 - probability)
    return float(-np.log(np.maximum(right, np.finfo(float).tiny)).mean())


def auc(probability: Floats, happened: Flags) -> float:
    """Chance that one to whom it happened is ranked above one to whom it did not; ties count half."""
    positives = int(happened.sum())
    negatives = len(happened) - positives
    ranks = rankdata(probability)
    return float((ranks[happened].sum() - positives * (positives + 1) / 2) / (positives * negatives))
