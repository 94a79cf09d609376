"""What another policy would have earned, from decisions that were drawn with known chances.

Arrays in, estimates with intervals out, or the reason why there is none. Where decisions come from, and what was
served, stays out; so do words for managers.

Sources: inverse propensity (Horvitz and Thompson 1952, JASA 47), self-normalised (Swaminathan and Joachims 2015,
NeurIPS), doubly robust (Dudik, Langford and Li 2011, ICML), effective sample size (Kish 1965), intervals by units
that are drawn together (Liang and Zeger 1986, Biometrika 73) with degrees of freedom after Satterthwaite (1946).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.measurement.inference.moments import NotEstimable

Numbers = NDArray[np.float64]
Codes = NDArray[np.int64]

IPS, SNIPS, DOUBLY_ROBUST = "ips", "snips", "doubly robust"
ESTIMATORS = (IPS, SNIPS, DOUBLY_ROBUST)

LEAST_SUPPORT = 0.95
"""Share of the decisions for which the policy's choice must have had a chance."""
LEAST_REWARDED = 30
"""Decisions with both a reward and a weight: below, intervals of rare rewards are too short."""
LEAST_UNITS = 30
MISFIT = 4.5
"""Standard errors that the mean weight may be from 1, where it is when the logged chances are true."""


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """What was drawn and what came of it; all arrays aligned.

    Attributes:
        reward: Outcome of what was drawn, at least 0.
        unit: Who it was drawn for; decisions for one unit may hang together, units may not.
    """

    reward: Numbers
    unit: Codes


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A policy over the same decisions.

    Attributes:
        weight: Its chance of what was drawn, over the chance that it was drawn with; 0 where it chooses otherwise.
        is_supported: Whether all that it may choose could have been drawn.
        expected: Reward expected of its choice by a model.
        expected_of_drawn: Reward expected of what was drawn by the same model.
    """

    weight: Numbers
    is_supported: NDArray[np.bool_]
    expected: Numbers
    expected_of_drawn: Numbers


@dataclass(frozen=True, kw_only=True)
class PolicyValue:
    """Mean reward per decision, or a difference of two, with its interval."""

    value: float
    low: float
    high: float
    decisions: int
    effective_sample_size: float
    support: float


Outcome = PolicyValue | NotEstimable


def evaluate(decisions: Decisions, policy: Policy, *, confidence: float = 0.95) -> dict[str, Outcome]:
    """Mean reward per decision under ``policy`` by every estimator, over the decisions that it has support for."""
    reason = _not_estimable(decisions, policy)
    if reason is not None:
        return dict.fromkeys(ESTIMATORS, reason)
    at = policy.is_supported
    values = _values(decisions, policy, at)
    return {name: _with_interval(*values[name], decisions.unit[at], policy, at, confidence) for name in ESTIMATORS}


def contrast(decisions: Decisions, policy: Policy, present: Policy, *, confidence: float = 0.95) -> dict[str, Outcome]:
    """``policy`` less ``present`` by every estimator, over the decisions that both have support for."""
    for one in (policy, present):
        reason = _not_estimable(decisions, one)
        if reason is not None:
            return dict.fromkeys(ESTIMATORS, reason)
    at = policy.is_supported & present.is_supported
    new, old = _values(decisions, policy, at), _values(decisions, present, at)
    return {
        name: _with_interval(
            new[name][0] - old[name][0], new[name][1] - old[name][1], decisions.unit[at], policy, at, confidence
        )
        for name in ESTIMATORS
    }


def effective_sample_size(weight: Numbers) -> float:
    """Decisions without weights that would tell as much; 0 where no decision has a weight."""
    squares = float(weight @ weight)
    return float(weight.sum()) ** 2 / squares if squares else 0.0


def cross_fitted_rates(
    *, cell: Codes, group: Codes, wanted: Codes, reward: Numbers, unit: Codes, folds: int = 5, prior: float = 20.0
) -> tuple[Numbers, Numbers]:
    """Mean reward of each decision's cell and of its wanted cell, learnt from other units than its own.

    A cell's mean is drawn towards its group's with the weight of ``prior`` decisions (so a cell never met has its
    group's mean), a group's towards that of all. Learnt apart, the estimate errs independently of the reward that it
    is held against, which the doubly robust estimator needs.

    Args:
        cell: What was drawn, such as an item in a slot.
        group: What cells are alike, such as the slot.
        wanted: Cell that the policy chooses; -1 where nobody was shown it.
        reward: Of what was drawn.
        unit: Units are kept whole.
        folds: Parts that the units are cut into.
        prior: Decisions.
    """
    of_drawn, of_wanted = np.zeros(len(reward)), np.zeros(len(reward))
    fold = unit % folds
    cells, groups = int(max(cell.max(initial=-1), wanted.max(initial=-1))) + 1, int(group.max(initial=-1)) + 1
    for part in range(folds):
        apart, here = fold != part, fold == part
        overall = float(reward[apart].mean()) if apart.any() else 0.0
        group_rate = _drawn_to(group[apart], reward[apart], groups, np.full(groups, overall), prior)
        group_of = np.zeros(cells, dtype=np.int64)
        group_of[cell] = group
        rate = _drawn_to(cell[apart], reward[apart], cells, group_rate[group_of], prior)
        of_drawn[here] = rate[cell[here]]
        of_wanted[here] = np.where(wanted[here] >= 0, rate[np.maximum(wanted[here], 0)], group_rate[group[here]])
    return of_drawn, of_wanted


def _drawn_to(code: Codes, reward: Numbers, size: int, towards: Numbers, prior: float) -> Numbers:
    met = np.bincount(code, minlength=size)
    return (np.bincount(code, weights=reward, minlength=size) + prior * towards) / (met + prior)


def _values(decisions: Decisions, policy: Policy, at: NDArray[np.bool_]) -> dict[str, tuple[float, Numbers]]:
    """Each estimator's value and what every decision adds to its error (its influence, of mean 0)."""
    reward, weight = decisions.reward[at], policy.weight[at]
    weighed = weight * reward
    ips = float(weighed.mean())
    snips = float(weighed.sum() / weight.sum()) if weight.any() else 0.0
    single = policy.expected[at] + weight * (reward - policy.expected_of_drawn[at])
    robust = float(single.mean())
    return {
        IPS: (ips, weighed - ips),
        SNIPS: (snips, weight * (reward - snips) / (weight.mean() or 1.0)),
        DOUBLY_ROBUST: (robust, single - robust),
    }


def _with_interval(
    value: float, influence: Numbers, unit: Codes, policy: Policy, at: NDArray[np.bool_], confidence: float
) -> PolicyValue:
    from scipy import stats  # over a second to import

    per_unit = np.bincount(np.unique(unit, return_inverse=True)[1], weights=influence)
    units, decisions = len(per_unit), len(influence)
    squares = per_unit**2
    error = float(np.sqrt(units / (units - 1) * squares.sum())) / decisions
    # a few units with large weights tell the spread worse than many alike: fewer degrees of freedom for t
    freedom = float(squares.sum() ** 2 / (squares @ squares)) if error else float(units - 1)
    margin = float(stats.t.ppf((1 + confidence) / 2, freedom)) * error
    return PolicyValue(
        value=value,
        low=value - margin,
        high=value + margin,
        decisions=decisions,
        effective_sample_size=effective_sample_size(policy.weight[at]),
        support=float(policy.is_supported.mean()),
    )


def _not_estimable(decisions: Decisions, policy: Policy) -> NotEstimable | None:
    """The first reason, if any, why nothing can be said of the policy."""
    at = policy.is_supported
    if not len(at):
        return NotEstimable("No decision was logged with its chance.")
    if at.mean() < LEAST_SUPPORT:
        return NotEstimable(
            f"{1 - at.mean():.1%} of the slots hold an item that had no chance to stand there, "
            f"at most {1 - LEAST_SUPPORT:.0%}: nothing was seen of it."
        )
    weight, unit = policy.weight[at], np.unique(decisions.unit[at], return_inverse=True)[1]
    units = int(unit.max()) + 1
    if units < LEAST_UNITS:
        return NotEstimable(f"Only {units} visitors, at least {LEAST_UNITS}.")
    rewarded = int(np.count_nonzero((weight > 0) & (decisions.reward[at] > 0)))
    if rewarded < LEAST_REWARDED:
        return NotEstimable(
            f"Only {rewarded} slots that it would fill the same were rewarded, at least {LEAST_REWARDED}."
        )
    off = np.bincount(unit, weights=weight - 1)
    error = float(np.sqrt(off @ off)) / len(weight)
    mean = float(weight.mean())
    if abs(mean - 1) > MISFIT * error + 1e-9:
        return NotEstimable(
            f"The logged chances do not fit what was served: weights have the mean {mean:.3f}, which should be 1."
        )
    return None
