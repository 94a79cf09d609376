"""Gamma-gamma: what an order of a person is worth (Fader and Hardie 2013, "The gamma-gamma model of monetary value").

Amounts vary around a person's own average by a gamma distribution, averages over people by another one, and
neither depends on how often somebody buys. Keep frequencies out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from perso_pipeline.profiles.predictions.estimates import NotEstimable
from perso_pipeline.profiles.predictions.maximum import maximum

Floats = NDArray[np.float64]

_BOUNDS = [(-6.0, 12.0)] * 3
_UNIT_STARTS = ((1.0, 1.2, 0.0), (0.0, 0.7, 0.0), (2.5, 1.5, -1.0))  # logs of p, q, v, with an average of 1


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """Fitted parameters; ``v`` in the site's currency, ``log_likelihood`` of the data it was fitted on."""

    p: float
    q: float
    v: float
    log_likelihood: float

    def expected_value(self, repeats: Floats, average: Floats) -> Floats:
        """A person's average amount: their own, drawn towards everybody's the fewer repeats there are.

        ``average`` is not looked at where there is no repeat.
        """
        spent = np.where(repeats > 0, repeats * np.nan_to_num(average), 0.0)
        return self.p * (self.v + spent) / (self.p * repeats + self.q - 1)


def log_likelihood(parameters: Floats, repeats: Floats, average: Floats) -> tuple[float, Floats]:
    """Log-likelihood and its gradient by (p, q, v); every person has a repeat and an average above 0."""
    p, q, v = parameters
    px, spent = p * repeats, repeats * average
    log_sum = np.log(spent + v)
    each = (
        gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v)
        + (px - 1) * np.log(average) + px * np.log(repeats) - (px + q) * log_sum
    )  # fmt: skip
    slopes = (
        repeats * (digamma(px + q) - digamma(px) + np.log(spent) - log_sum),
        digamma(px + q) - digamma(q) + np.log(v) - log_sum,
        q / v - (px + q) / (spent + v),
    )
    return float(each.sum()), np.array([slope.sum() for slope in slopes])


def fit_gamma_gamma(repeats: Floats, average: Floats, *, min_people: int) -> GammaGamma | NotEstimable:
    """Maximum likelihood over people with a repeat of positive amount."""
    valued = (repeats > 0) & (average > 0)
    repeats, average = repeats[valued], average[valued]
    people = len(repeats)
    if people < min_people:
        return NotEstimable(f"{people} people have a second order with an amount; it takes {min_people}")
    scale = float(average.mean())

    def loss(logs: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logs)
        value, gradient = log_likelihood(parameters, repeats, average / scale)
        return -value / people, -gradient * parameters / people

    best = maximum(loss, _UNIT_STARTS, _BOUNDS)
    if best is None:
        return NotEstimable("the likelihood of the amounts has no maximum that the search could reach")
    p, q, v = (float(value) for value in np.exp(best.place))
    if q <= 1:
        return NotEstimable(f"amounts differ so much between people (q = {q:.2f}) that they have no average")
    # a density of amounts in another unit: each person's changes by 1 / scale
    return GammaGamma(p, q, v * scale, log_likelihood=-best.loss * people - people * float(np.log(scale)))
