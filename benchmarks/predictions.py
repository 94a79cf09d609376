"""Fitting and scoring predicted value and likelihoods, on CDNOW and on a million simulated people.

Beside the published fit, a likelihood person by person in plain Python, SciPy without a gradient, and scikit-learn's
boosted trees, each in the same run. Run: ``python -m benchmarks.predictions [--people N] [--cdnow FILE]``.
"""

import argparse
import time
from collections.abc import Callable
from math import exp, lgamma, log
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, expit, gammaln
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.profiles.predictions.bg_nbd import BgNbd, fit_bg_nbd, log_likelihood
from perso_pipeline.profiles.predictions.config import PredictionsConfig
from perso_pipeline.profiles.predictions.features import FEATURE_NAMES
from perso_pipeline.profiles.predictions.gamma_gamma import fit_gamma_gamma
from perso_pipeline.profiles.predictions.likelihood import Examples, fit_likelihood
from perso_pipeline.profiles.predictions.quality import auc, brier
from perso_pipeline.settings import PROJECT_ROOT

CDNOW = Path(__file__).parents[2] / "shared" / "data" / "cdnow" / "cdnow_sample_2357_clvtools.parquet"
ENOUGH = {"min_buyers": 200, "min_repeat_buyers": 50}
Histories = tuple[np.ndarray, np.ndarray, np.ndarray]


def cdnow(path: Path) -> Histories:
    rows = duckdb.sql(
        f"""
        with days as (select distinct Id, Date from '{path}'),
        firsts as (select *, min(Date) over (partition by Id) as first from days)
        select count(*) - 1.0 as x, (max(Date) - min(first)) / 7.0 as last, (date '1997-09-30' - min(first)) / 7.0 as age
        from firsts where Date <= '1997-09-30' group by Id order by Id
        """
    ).fetchnumpy()
    return tuple(np.asarray(rows[name], dtype=float) for name in ("x", "last", "age"))


def simulated(people: int, *, seed: int) -> Histories:
    """Histories by the day, as the warehouse has them, from BG/NBD with the parameters of CDNOW."""
    rng = np.random.default_rng(seed)
    age = rng.integers(90, 730, people).astype(float)
    rate, leaving = rng.gamma(0.2426, 1 / (4.4136 * 7), people), rng.beta(0.7929, 2.4259, people)
    repeats, last, now, buying = np.zeros(people), np.zeros(people), np.zeros(people), np.ones(people, dtype=bool)
    while buying.any():
        now = np.where(buying, now + np.ceil(rng.exponential(1 / np.maximum(rate, 1e-12))), now)
        buying &= now < age
        repeats += buying
        last = np.where(buying, now, last)
        buying &= rng.random(people) > leaving
    return repeats, last / 7, age / 7


def naive_log_likelihood(parameters: np.ndarray, histories: Histories) -> float:
    """Person by person in plain Python."""
    r, alpha, a, b = parameters
    beta_ab = lgamma(a) + lgamma(b) - lgamma(a + b)
    total = 0.0
    for x, last, age in zip(*(column.tolist() for column in histories), strict=True):
        stays = lgamma(a) + lgamma(b + x) - lgamma(a + b + x) - beta_ab - (r + x) * log(alpha + age)
        both = stays
        if x:
            leaves = lgamma(a + 1) + lgamma(b + x - 1) - lgamma(a + b + x) - beta_ab - (r + x) * log(alpha + last)
            top = max(stays, leaves)
            both = top + log(exp(stays - top) + exp(leaves - top))
        total += lgamma(r + x) - lgamma(r) + r * log(alpha) + both
    return total


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of processor, all threads together, so that what else runs on the machine does not count."""
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def plain(parameters: np.ndarray, histories: Histories) -> float:
    """The likelihood in NumPy over every person, without a gradient."""
    r, alpha, a, b = parameters
    x, last, age = histories
    gone = np.where(x > 0, np.log(a / np.where(x > 0, b + x - 1, 1)) - (r + x) * np.log(alpha + last), -np.inf)
    stays = -(r + x) * np.log(alpha + age)
    each = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b) + np.logaddexp(stays, gone)
    return float(each.sum())


def without_gradient(histories: Histories) -> np.ndarray:
    """By Nelder-Mead, the usual way."""
    people = len(histories[0])
    found = minimize(
        lambda logs: -plain(np.exp(logs), histories) / people,
        (0.0, 1.5, 0.0, 0.7), method="Nelder-Mead", options={"maxiter": 2000, "fatol": 1e-9, "xatol": 1e-6},
    )  # fmt: skip
    return np.exp(found.x)


def purchases(name: str, histories: Histories) -> None:
    people = len(histories[0])
    fit_seconds, model = seconds(lambda: fit_bg_nbd(*histories, **ENOUGH))
    assert isinstance(model, BgNbd)
    print(f"\n{name}: {people:,} buyers, {int(histories[0].sum()):,} repeats")
    print(
        f"  r {model.r:.4f}  alpha {model.alpha:.4f}  a {model.a:.4f}  b {model.b:.4f}  LL {model.log_likelihood:,.2f}"
    )
    score, _ = seconds(lambda: [model.expected_purchases(weeks, *histories) for weeks in (90 / 7, 365 / 7)])
    print(f"  | fit | {fit_seconds:.3f} s |")
    print(f"  | score 90 and 365 days | {score:.3f} s, {people / score:,.0f} people/s |")


def alternatives(histories: Histories) -> None:
    people = len(histories[0])
    fit_seconds, model = seconds(lambda: fit_bg_nbd(*histories, **ENOUGH))
    place = np.array([model.r, model.alpha, model.a, model.b])
    with threadpool_limits(1):
        once, _ = seconds(lambda: log_likelihood(place, *histories, np.ones(people)))
    naive, same = seconds(lambda: naive_log_likelihood(place, histories))
    assert abs(same - model.log_likelihood) < 1e-6 * abs(same), "the likelihoods differ"
    nelder, other = seconds(lambda: without_gradient(histories))
    worse = model.log_likelihood - plain(other, histories)
    print(f"\nalternatives, {people:,} buyers")
    print(f"  | ours: analytic gradient over distinct histories | {fit_seconds:.3f} s |")
    print(f"  | SciPy Nelder-Mead over people | {nelder:.3f} s, {nelder / fit_seconds:.0f} x, LL {worse:+.4f} lower |")
    print(f"  | one likelihood, ours with gradient | {once:.4f} s |")
    print(f"  | one likelihood, person by person in Python | {naive:.4f} s, {naive / once:.0f} x |")


def amounts(people: int) -> None:
    rng = np.random.default_rng(4)
    repeats = rng.integers(1, 12, people).astype(float)
    average = rng.gamma(6.25 * repeats, 1 / rng.gamma(3.74, 1 / 15.44, people)) / repeats
    taken, model = seconds(lambda: fit_gamma_gamma(repeats, average, min_people=50))
    print(
        f"\ngamma-gamma, {people:,} people: {taken:.3f} s, p {model.p:.3f} q {model.q:.3f} v {model.v:.3f} (6.25 3.74 15.44)"
    )


def likelihoods(people: int, config: PredictionsConfig) -> None:
    """Simulated features: a fifth of the signal is an interaction that a logistic regression cannot see."""
    rng = np.random.default_rng(6)
    features = len(FEATURE_NAMES)
    weights = rng.normal(size=features) / np.sqrt(features)

    def examples() -> Examples:
        values = rng.normal(size=(people, features))
        score = -3.5 + values @ weights + 0.5 * values[:, 0] * values[:, 1]
        return Examples(values, rng.random(people) < expit(score))

    train, calibrate, test = examples(), examples(), examples()
    taken, fitted = seconds(
        lambda: fit_likelihood(FEATURE_NAMES, train, calibrate, test, config=config.likelihood, confidence=0.95)
    )
    model, report = fitted
    score, _ = seconds(lambda: model.probability(test.values))
    trees = HistGradientBoostingClassifier(random_state=0)
    with threadpool_limits(1):  # its threads wait for each other by spinning
        other, _ = seconds(lambda: trees.fit(train.values, train.happened))
    theirs = trees.predict_proba(test.values)[:, 1]
    print(f"\nlikelihood, {people:,} people a slice, {features} features, base rate {report.base_rate:.3f}")
    print(f"  | ours, fit, scaled and tested | {taken:.2f} s | Brier {report.brier:.5f} | AUC {report.auc:.4f} |")
    print(
        f"  | scikit-learn boosted trees, fit | {other:.2f} s | Brier {brier(theirs, test.happened):.5f} | AUC {auc(theirs, test.happened):.4f} |"
    )
    print(f"  | ours, score | {score:.3f} s, {people / score:,.0f} people/s |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--cdnow", type=Path, default=CDNOW)
    asked = parser.parse_args()
    if asked.cdnow.is_file():
        purchases("CDNOW (published: .2426 4.4136 .7929 2.4259, LL -9,582.43)", cdnow(asked.cdnow))
    else:
        print(f"{asked.cdnow} is missing: the published fit is not repeated.")
    many = simulated(asked.people, seed=1)
    purchases("simulated", many)
    alternatives(tuple(column[:20_000] for column in many))
    amounts(asked.people // 2)
    likelihoods(min(asked.people, 50_000), read_config(PROJECT_ROOT / "config" / "predictions.yml", PredictionsConfig))


if __name__ == "__main__":
    main()
