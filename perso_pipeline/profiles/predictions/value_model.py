"""Predicted value: BG/NBD for how often, gamma-gamma for how much, a holdout for whether to believe it.

Orders are valued at what was sold (gross less discount) and brought to net by the share that refunds and
cancellations leave. Keep reading of tables out.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pyarrow.compute as pc

from perso_pipeline.profiles.predictions.bg_nbd import BgNbd, fit_bg_nbd
from perso_pipeline.profiles.predictions.config import ValueConfig
from perso_pipeline.profiles.predictions.estimates import NotEstimable
from perso_pipeline.profiles.predictions.gamma_gamma import GammaGamma, fit_gamma_gamma
from perso_pipeline.profiles.predictions.purchases import DAYS_PER_WEEK, Purchases
from perso_pipeline.profiles.predictions.quality import Floats, Skill, skill


@dataclass(frozen=True, slots=True)
class ValueModel:
    """Both fits and the share of sold that stays."""

    purchases: BgNbd
    spend: GammaGamma
    kept_share: float

    def probability_alive(self, buyers: Purchases) -> Floats:
        return self.purchases.probability_alive(buyers.repeats, buyers.last_weeks, buyers.age_weeks)

    def expected_orders(self, buyers: Purchases, days: int) -> Floats:
        """Days with an order in the next ``days``, per buyer."""
        weeks = days / DAYS_PER_WEEK
        return self.purchases.expected_purchases(weeks, buyers.repeats, buyers.last_weeks, buyers.age_weeks)

    def expected_order_value(self, buyers: Purchases) -> Floats:
        """Net value of one such order in the site's currency."""
        return self.kept_share * self.spend.expected_value(buyers.repeats_valued, buyers.repeat_value)

    def card(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> Self:
        """The counterpart of ``card``."""
        return cls(BgNbd(**card["purchases"]), GammaGamma(**card["spend"]), card["kept_share"])


@dataclass(frozen=True, slots=True)
class Holdout:
    """A fit on the days before the holdout against what happened in it.

    Attributes:
        days: length of the holdout.
        buyers: people who had ordered before it.
        by_repeats: repeats before the holdout, 0 to 7 where 7 stands for more as well.
        predicted: orders predicted for each of ``by_repeats``, mean per person.
        actual: what they were.
        people: how many people stand behind each.
        predicted_total: sum of predictions.
        actual_total: orders that came.
        skill: of the squared error per person, against everybody going on at the average rate of the days before.
    """

    days: int
    buyers: int
    by_repeats: Floats
    predicted: Floats
    actual: Floats
    people: Floats
    predicted_total: float
    actual_total: float
    skill: Skill

    @property
    def total_error(self) -> float:
        """Predicted over actual, less one."""
        return self.predicted_total / self.actual_total - 1


_MOST_SHOWN = 7


def fit_value(buyers: Purchases, kept: float | None, config: ValueConfig) -> ValueModel | NotEstimable:
    """Fit both models on all buyers."""
    purchases = fit_bg_nbd(
        buyers.repeats, buyers.last_weeks, buyers.age_weeks,
        min_buyers=config.min_buyers, min_repeat_buyers=config.min_repeat_buyers,
    )  # fmt: skip
    if isinstance(purchases, NotEstimable):
        return purchases
    spend = fit_gamma_gamma(buyers.repeats_valued, buyers.repeat_value, min_people=config.min_repeat_buyers)
    if isinstance(spend, NotEstimable):
        return spend
    if kept is None or kept <= 0:
        return NotEstimable("refunds and cancellations leave nothing of what was sold")
    return ValueModel(purchases, spend, kept)


def hold_out(before: Purchases, after: Purchases, config: ValueConfig, *, confidence: float) -> Holdout | NotEstimable:
    """Fit on ``before``, predict to the end of ``after`` and compare.

    Args:
        before: Buyers with orders up to the start of the holdout.
        after: The same people, and later ones, with orders up to its end; people as of the same night.
        config: Least numbers of buyers, length of the holdout.
        confidence: Of the interval of the skill.
    """
    model = fit_bg_nbd(
        before.repeats, before.last_weeks, before.age_weeks,
        min_buyers=config.min_buyers, min_repeat_buyers=config.min_repeat_buyers,
    )  # fmt: skip
    if isinstance(model, NotEstimable):
        return NotEstimable(f"before the last {config.holdout_days} days {model.because}")
    places = pc.index_in(before.people, value_set=after.people).to_numpy()
    actual = after.repeats[places] - before.repeats
    if actual.sum() <= 0:
        return NotEstimable(f"nobody ordered again in the last {config.holdout_days} days")
    weeks = config.holdout_days / DAYS_PER_WEEK
    predicted = model.expected_purchases(weeks, before.repeats, before.last_weeks, before.age_weeks)
    alike = before.repeats.sum() / before.age_weeks.sum() * weeks
    group = np.minimum(before.repeats, _MOST_SHOWN).astype(int)
    shown, where, people = np.unique(group, return_inverse=True, return_counts=True)
    return Holdout(
        days=config.holdout_days,
        buyers=len(before),
        by_repeats=shown.astype(float),
        predicted=np.bincount(where, predicted) / people,
        actual=np.bincount(where, actual) / people,
        people=people.astype(float),
        predicted_total=float(predicted.sum()),
        actual_total=float(actual.sum()),
        skill=skill((predicted - actual) ** 2, (alike - actual) ** 2, confidence=confidence),
    )


def refusal(outcome: Holdout, config: ValueConfig) -> str | None:
    """Why the model may not serve; None where it may."""
    if abs(outcome.total_error) > config.max_total_error:
        return (
            f"it predicted {outcome.predicted_total:.0f} repeat orders for the last {outcome.days} days and "
            f"{outcome.actual_total:.0f} came ({outcome.total_error:+.0%}; {config.max_total_error:.0%} may be)"
        )
    if outcome.skill.low <= 0:
        return (
            f"it is not surely better than one rate for everybody (skill {outcome.skill.value:+.3f} "
            f"[{outcome.skill.low:+.3f}, {outcome.skill.high:+.3f}])"
        )
    return None
