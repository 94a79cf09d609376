"""BG/NBD: how often somebody buys, and whether they still do (Fader, Hardie and Lee 2005, Marketing Science 24).

Purchases follow a Poisson process whose rate is gamma distributed over people (r, alpha); after each purchase a
person leaves for good with a probability that is beta distributed (a, b). Time is in weeks. Keep amounts out.

SciPy and not a library: lifetimes has had no release since 2020 and depends on dill, btyd pins NumPy below 2, and
pymc-marketing brings 25 packages and a compiler for what is four numbers here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, digamma, gammaln, hyp2f1

from perso_pipeline.profiles.predictions.estimates import NotEstimable
from perso_pipeline.profiles.predictions.maximum import maximum

Floats = NDArray[np.float64]

_STARTS = ((0.0, 1.5, 0.0, 0.7), (-1.0, 1.0, -0.5, 1.0), (0.5, 2.5, -2.0, 1.0))  # logs of r, alpha, a, b
_BOUNDS = [(-9.0, 12.0)] * 4
_BESIDE = 1e-9
_SINGULAR = 1e-6  # the expectation has a removable singularity at a = 1


@dataclass(frozen=True, slots=True)
class BgNbd:
    """Fitted parameters.

    Attributes:
        r: shape of the purchase rate.
        alpha: its scale, weeks.
        a: first parameter of the probability of leaving.
        b: second one.
        log_likelihood: of the data it was fitted on.
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float

    def probability_alive(self, repeats: Floats, last_weeks: Floats, age_weeks: Floats) -> Floats:
        """Chance that a person still buys; 1 for those without a repeat, as the model has it."""
        return 1.0 - _gone(self.r, self.alpha, self.a, self.b, repeats, last_weeks, age_weeks)

    def expected_purchases(self, weeks: float, repeats: Floats, last_weeks: Floats, age_weeks: Floats) -> Floats:
        """Purchases to come in the next ``weeks``, per person.

        Equation 10 of the paper after Euler's transformation of 2F1, whose parameters then stay small however many
        purchases somebody made: the form as printed overflows at some 200 repeats.
        """
        a = self.a + (_SINGULAR if abs(self.a - 1) < _SINGULAR else 0.0)
        c = a + self.b + repeats - 1
        c = np.where(np.abs(c) < _SINGULAR, _SINGULAR, c)
        z = weeks / (self.alpha + age_weeks + weeks)
        series = hyp2f1(a + self.b - 1 - self.r, a - 1, c, z)
        # SciPy gives no number where c is large and r - a whole; beside that place it does, right to nine digits
        series = np.where(np.isfinite(series), series, hyp2f1(a + self.b - 1 - self.r, a - 1, c + _BESIDE, z))
        with np.errstate(invalid="ignore", over="ignore"):
            left = (1 - z) ** (a - 1) * series
        # where hardly anybody leaves, a and b are large and this form overflows; the printed one then does not
        over = ~np.isfinite(left)
        shape = self.r + repeats[over]
        left[over] = (1 - z[over]) ** shape * hyp2f1(shape, self.b + repeats[over], c[over], z[over])
        before_leaving = c / (a - 1) * (1 - left)
        alive = self.probability_alive(repeats, last_weeks, age_weeks)
        return np.maximum(before_leaving, 0.0) * alive


def log_likelihood(
    parameters: Floats, repeats: Floats, last_weeks: Floats, age_weeks: Floats, people: Floats
) -> tuple[float, Floats]:
    """Log-likelihood and its gradient by (r, alpha, a, b); ``people`` counts how many share a history.

    Gamma functions see only the repeats, of which few numbers differ, so they run over those: at a million people
    that is most of the time saved.
    """
    r, alpha, a, b = parameters
    x = repeats
    log_age, log_last = np.log(alpha + age_weeks), np.log(alpha + last_weeks)
    stays, leaves = -(r + x) * log_age, _log_leaves(r, alpha, a, b, x, last_weeks)
    total = np.logaddexp(stays, leaves)
    w = np.exp(leaves - total)
    after_first = np.where(x > 0, b + x - 1, 1.0)

    sharing = np.bincount(x.astype(int), weights=people)
    n = np.arange(len(sharing))
    of_repeats = gammaln(r + n) - gammaln(r) + betaln(a, b + n) - betaln(a, b)
    by_r = digamma(r + n) - digamma(r)
    by_a = digamma(a + b) - digamma(a + b + n)
    by_b = by_a + digamma(b + n) - digamma(b)

    everybody = people.sum()
    value = sharing @ of_repeats + everybody * r * np.log(alpha) + people @ total
    gradient = (
        sharing @ by_r + everybody * np.log(alpha) - people @ (log_age + w * (log_last - log_age)),
        everybody * r / alpha - people @ ((r + x) * ((1 - w) / (alpha + age_weeks) + w / (alpha + last_weeks))),
        sharing @ by_a + people @ w / a,
        sharing @ by_b - people @ (w / after_first),
    )
    return float(value), np.array(gradient)


def fit_bg_nbd(
    repeats: Floats, last_weeks: Floats, age_weeks: Floats, *, min_buyers: int, min_repeat_buyers: int
) -> BgNbd | NotEstimable:
    """Maximum likelihood over the distinct histories, with the analytic gradient, from three starting points."""
    buyers, repeaters = len(repeats), int((repeats > 0).sum())
    if buyers < min_buyers or repeaters < min_repeat_buyers:
        return NotEstimable(
            f"{buyers} people ordered and {repeaters} of them again; it takes {min_buyers} people who ordered and "
            f"{min_repeat_buyers} who ordered again"
        )
    columns = _distinct(repeats, last_weeks, age_weeks)

    def loss(logs: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logs)
        value, gradient = log_likelihood(parameters, *columns)
        return -value / buyers, -gradient * parameters / buyers

    best = maximum(loss, _STARTS, _BOUNDS)
    if best is None:
        return NotEstimable("the likelihood has no maximum that the search could reach")
    r, alpha, a, b = (float(value) for value in np.exp(best.place))
    return BgNbd(r, alpha, a, b, log_likelihood=-best.loss * buyers)


def _distinct(*columns: Floats) -> tuple[Floats, ...]:
    """The distinct rows, sorted, and how often each occurs (four times as fast as ``np.unique`` by rows)."""
    rows = np.column_stack(columns)[np.lexsort(columns[::-1])]
    starts = np.flatnonzero(np.concatenate([[True], (rows[1:] != rows[:-1]).any(axis=1)]))
    return (*rows[starts].T, np.diff(np.append(starts, len(rows))).astype(float))


def _log_leaves(r: float, alpha: float, a: float, b: float, x: Floats, last_weeks: Floats) -> Floats:
    """Log of the term of those who left after their last purchase; minus infinity without a repeat."""
    after_first = np.where(x > 0, b + x - 1, 1.0)
    return np.where(x > 0, np.log(a) - np.log(after_first) - (r + x) * np.log(alpha + last_weeks), -np.inf)


def _gone(r: float, alpha: float, a: float, b: float, x: Floats, last_weeks: Floats, age_weeks: Floats) -> Floats:
    stays, leaves = -(r + x) * np.log(alpha + age_weeks), _log_leaves(r, alpha, a, b, x, last_weeks)
    return np.exp(leaves - np.logaddexp(stays, leaves))
