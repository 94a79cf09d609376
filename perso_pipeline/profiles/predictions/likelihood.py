"""A calibrated likelihood: logistic regression on a slice of time, Platt's scaling on the next, tested on the last.

Logistic regression and not boosted trees: it is a vector of numbers that JSON keeps without pickle, says what pushes
a score, and ``benchmarks/predictions.py`` shows what trees would add. Keep features and tables out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits

from perso_pipeline.profiles.predictions.config import LikelihoodConfig
from perso_pipeline.profiles.predictions.estimates import NotEstimable
from perso_pipeline.profiles.predictions.quality import (
    Calibration,
    Skill,
    auc,
    brier,
    brier_skill,
    calibration,
    log_loss,
)

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_NEARLY_NONE = 1e6  # inverse penalty of the two numbers of Platt's scaling
_ITERATIONS = 2000


@dataclass(frozen=True, slots=True)
class Examples:
    """People x features at one or more cut-off dates, and to whom it happened."""

    values: Floats
    happened: Flags

    @property
    def positives(self) -> int:
        return int(self.happened.sum())

    @property
    def rarer(self) -> int:
        """How many have the outcome that fewer have."""
        return min(self.positives, len(self.happened) - self.positives)


@dataclass(frozen=True, slots=True)
class LikelihoodModel:
    """Numbers that turn features into a probability.

    Attributes:
        features: names in the order of the columns.
        weights: of each feature, over its own unit.
        intercept: of the raw score.
        slope: Platt's scaling of the raw score, above 0.
        offset: added to it.
        base_rate: share to whom it happened in the calibration slice; bands are relative to it.
    """

    features: tuple[str, ...]
    weights: Floats
    intercept: float
    slope: float
    offset: float
    base_rate: float

    def probability(self, values: Floats) -> Floats:
        """One per row of ``values`` (people x features)."""
        return np.asarray(expit(self.slope * (values @ self.weights + self.intercept) + self.offset))

    def card(self) -> dict[str, Any]:
        return {
            "features": dict(zip(self.features, self.weights.tolist(), strict=True)),
            "intercept": self.intercept,
            "slope": self.slope,
            "offset": self.offset,
            "base_rate": self.base_rate,
        }

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> Self:
        """The counterpart of ``card``."""
        names = tuple(card["features"])
        return cls(
            names, np.array(list(card["features"].values())), card["intercept"], card["slope"], card["offset"],
            card["base_rate"],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class LikelihoodReport:
    """What the test slice says: people nobody learned from, after everything that was learned from."""

    examples: int
    train_examples: int
    train_positives: int
    positives: int
    brier: float
    log_loss: float
    auc: float
    skill: Skill
    calibration: Calibration

    @property
    def base_rate(self) -> float:
        return self.positives / self.examples


def fit_likelihood(
    features: Sequence[str],
    train: Examples,
    calibrate: Examples,
    test: Examples,
    *,
    config: LikelihoodConfig,
    confidence: float,
) -> tuple[LikelihoodModel, LikelihoodReport] | NotEstimable:
    """Learn on ``train``, scale on ``calibrate``, measure on ``test``."""
    for name, slice_ in (("learning", train), ("calibration", calibrate), ("test", test)):
        if slice_.rarer < config.min_positives:
            return NotEstimable(
                f"of {len(slice_.happened)} people in the {name} slice it happened to {slice_.positives}, and it takes "
                f"{config.min_positives} to whom it happened and as many to whom it did not: more people or more days"
            )
    weights, intercept = _logistic(train, 1 / config.regularization)
    raw = (calibrate.values @ weights + intercept)[:, None]
    slopes, offset = _logistic(Examples(raw, calibrate.happened), _NEARLY_NONE)
    if slopes[0] <= 0:
        return NotEstimable("what was learned does not order the people of the later calibration slice")
    base_rate = calibrate.positives / len(calibrate.happened)
    model = LikelihoodModel(tuple(features), weights, intercept, float(slopes[0]), offset, base_rate)
    probability = model.probability(test.values)
    return model, LikelihoodReport(
        examples=len(test.happened),
        train_examples=len(train.happened),
        train_positives=train.positives,
        positives=test.positives,
        brier=brier(probability, test.happened),
        log_loss=log_loss(probability, test.happened),
        auc=auc(probability, test.happened),
        skill=brier_skill(probability, test.happened, confidence=confidence),
        calibration=calibration(probability, test.happened, bins=config.bins),
    )


def refusal(report: LikelihoodReport, config: LikelihoodConfig) -> str | None:
    """Why the model may not serve; None where it may."""
    if report.skill.low <= 0:
        return (
            f"it is not surely better than the base rate (Brier skill {report.skill.value:+.3f} "
            f"[{report.skill.low:+.3f}, {report.skill.high:+.3f}])"
        )
    beyond = report.calibration.error - report.calibration.error_by_chance
    if beyond > config.max_calibration_error:
        return (
            f"its calibration error of {report.calibration.error:.3f} is {beyond:.3f} above the "
            f"{report.calibration.error_by_chance:.3f} of chance; at most {config.max_calibration_error} is accepted"
        )
    return None


def _logistic(examples: Examples, inverse_penalty: float) -> tuple[Floats, float]:
    """Weights per unit of each feature and the intercept; the penalty works on features scaled to one spread."""
    from sklearn.linear_model import LogisticRegression  # 1 s that only a training needs

    mean, spread = examples.values.mean(axis=0), examples.values.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    with threadpool_limits(1):  # sums by several threads would differ in their last digits
        fitted = LogisticRegression(C=inverse_penalty, max_iter=_ITERATIONS, tol=1e-6).fit(
            (examples.values - mean) / spread, examples.happened
        )
    weights = fitted.coef_[0] / spread
    return weights, float(fitted.intercept_[0] - weights @ mean)
