"""One training: a site's model as of one night, from its examples to the verdict of its gates.

Everything here is a function of what was known on ``trained_on``. Keep MLflow and tables of results out.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import numpy as np

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.profiles.predictions import likelihood, value_model
from perso_pipeline.profiles.predictions.config import PREDICTIONS_VERSION, PredictionsConfig
from perso_pipeline.profiles.predictions.estimates import NotEstimable
from perso_pipeline.profiles.predictions.features import FEATURE_NAMES, FeatureFrame, Frames
from perso_pipeline.profiles.predictions.labels import read_ordered
from perso_pipeline.profiles.predictions.likelihood import Examples, Flags, LikelihoodReport, fit_likelihood
from perso_pipeline.profiles.predictions.plots import calibration_plot, holdout_plot
from perso_pipeline.profiles.predictions.purchases import kept_share, read_purchases
from perso_pipeline.profiles.predictions.training_cuts import Cuts, plan_cuts

ModelName = Literal["value", "conversion", "churn"]
MODELS: tuple[ModelName, ...] = ("value", "conversion", "churn")
CONVERSION_DAYS = 7

_KNOWN = """
select
    days.site_id,
    cast(sum(cast(hash(
        days.identifier, days.event_date, days.known_on, days.events, days.product_views, days.cart_adds,
        days.searches, days.wish_list_adds, days.orders, days.gross, days.discount, days.net
    ) as decimal(38, 0))) as varchar) as days,
    count(*) as day_rows,
    count(distinct days.identifier) as identifiers,
    min(days.event_date) filter (where days.events > 0 or days.orders > 0) as first_day,
    (
        select cast(sum(cast(hash(identifier, person_id) as decimal(38, 0))) as varchar)
        from identity.identity_map where known_on <= $trained_on and (void_on is null or void_on > $trained_on)
    ) as people
from interactions.person_days as days
where days.known_on <= $trained_on and days.event_date <= $trained_on
group by days.site_id
"""


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A site as of the night it is trained on.

    Attributes:
        site_id: site.
        trained_on: night; nothing that became known later is read.
        first_day: oldest day with an event or order; None where there is none.
        identifiers: how many there are, at least as many as people.
        key: one hash for data, settings and code: equal keys, equal models.
    """

    site_id: str
    trained_on: date
    first_day: date | None
    identifiers: int
    key: str

    @property
    def version(self) -> str:
        """The same on every machine, unlike the registry's running number."""
        return f"{self.trained_on.isoformat()}.{self.key[:8]}"


@dataclass(frozen=True, slots=True)
class Training:
    """What came of it.

    Attributes:
        card: numbers of the model as JSON holds them; None where there is no estimate.
        reason: a sentence: why it may serve, or why not.
        is_accepted: whether it passed its gates.
        measures: columns of ``profiles.prediction_trainings``.
        pictures: file name -> PNG.
    """

    card: Mapping[str, Any] | None
    reason: str
    is_accepted: bool
    measures: Mapping[str, float] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def training_sets(warehouse: Warehouse, trained_on: date, config: PredictionsConfig) -> dict[str, TrainingSet]:
    """What is known of each site on a night, in one pass that brings back a row per site; only sites with any.

    Events count through the daily sums: two histories with the same sums for every identifier and day are one.
    """
    sets = {}
    for row in warehouse.query(_KNOWN, {"trained_on": trained_on}).to_pylist():
        parts = (trained_on, *row.values(), config.digest, PREDICTIONS_VERSION)
        key = hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()
        sets[row["site_id"]] = TrainingSet(row["site_id"], trained_on, row["first_day"], row["identifiers"], key)
    return sets


def train(
    warehouse: Warehouse, known: TrainingSet, model: ModelName, config: PredictionsConfig, frames: Frames
) -> Training:
    """Train one model and hold it against its gates."""
    if model == "value":
        outcome = _value(warehouse, known, config)
    else:
        outcome = _likelihood(warehouse, known, model, config, frames)
    if isinstance(outcome, NotEstimable):
        return Training(card=None, reason=f"Not estimable, because {outcome.because}.", is_accepted=False)
    return outcome


def card_file(card: Mapping[str, Any]) -> bytes:
    """A card as the file that is stored: the same bytes for the same numbers."""
    return (json.dumps(card, indent=2, sort_keys=False) + "\n").encode()


def _value(warehouse: Warehouse, known: TrainingSet, config: PredictionsConfig) -> Training | NotEstimable:
    site_id, night = known.site_id, known.trained_on
    buyers = read_purchases(warehouse, site_id, night)
    model = value_model.fit_value(buyers, kept_share(warehouse, site_id, night), config.value)
    if isinstance(model, NotEstimable):
        return model
    cut = date.fromordinal(night.toordinal() - config.value.holdout_days)
    before = read_purchases(warehouse, site_id, night, until=cut)
    outcome = value_model.hold_out(before, buyers, config.value, confidence=config.confidence)
    if isinstance(outcome, NotEstimable):
        return NotEstimable(f"it cannot be tested: {outcome.because}")
    refused = value_model.refusal(outcome, config.value)
    measures = {
        "examples": len(buyers),
        "positives": int((buyers.repeats > 0).sum()),
        "skill": outcome.skill.value,
        "skill_low": outcome.skill.low,
        "skill_high": outcome.skill.high,
        "total_error": outcome.total_error,
    }
    title = f"{site_id}: repeat orders, last {outcome.days} days held out"
    verdict = (
        f"predicted {outcome.predicted_total:.0f} repeat orders for the last {outcome.days} days, "
        f"{outcome.actual_total:.0f} came; skill {_interval(measures)}"
    )
    return _judged(model.card(), refused, verdict, measures, {"value-holdout.png": holdout_plot(outcome, title=title)})


def _likelihood(
    warehouse: Warehouse, known: TrainingSet, model: ModelName, config: PredictionsConfig, frames: Frames
) -> Training | NotEstimable:
    horizon = CONVERSION_DAYS if model == "conversion" else config.churn.horizon_days
    cuts = plan_cuts(known.trained_on, known.first_day, horizon_days=horizon, config=config.likelihood)
    if isinstance(cuts, NotEstimable):
        return cuts
    fitted = fit_likelihood(
        FEATURE_NAMES,
        *(
            _examples(warehouse, known, model, slice_, cuts, config, frames)
            for slice_ in (cuts.train, (cuts.calibration,), (cuts.test,))
        ),
        config=config.likelihood,
        confidence=config.confidence,
    )
    if isinstance(fitted, NotEstimable):
        return fitted
    numbers, report = fitted
    measures = _measures(report)
    title = f"{known.site_id}: {model}, {report.examples:,} people as of {cuts.test}"
    verdict = (
        f"on {report.examples} people as of {cuts.test} Brier skill {_interval(measures)}, calibration error "
        f"{report.calibration.error:.3f} ({report.calibration.error_by_chance:.3f} by chance), AUC {report.auc:.3f}"
    )
    card = {**numbers.card(), "horizon_days": horizon}
    pictures = {f"{model}-calibration.png": calibration_plot(report.calibration, title=title)}
    return _judged(card, likelihood.refusal(report, config.likelihood), verdict, measures, pictures)


def scored_people(frame: FeatureFrame, model: ModelName, config: PredictionsConfig) -> Flags:
    """Of whom a likelihood is stated: everybody for conversion, those who ordered lately for churn."""
    if model == "churn":
        return frame.days_since_order <= config.churn.buyer_days  # no order: not a number, so never
    return np.ones(len(frame), dtype=bool)


def _examples(
    warehouse: Warehouse,
    known: TrainingSet,
    model: ModelName,
    slice_: tuple[date, ...],
    cuts: Cuts,
    config: PredictionsConfig,
    frames: Frames,
) -> Examples:
    share = min(1.0, config.likelihood.max_people / known.identifiers)
    values, happened = [], []
    for cut in slice_:
        frame = frames.of(known.site_id, cut, share)
        ordered = read_ordered(
            warehouse, known.site_id, frame.people, cut=cut, until=cuts.label_end(cut), known_by=known.trained_on
        )
        of = scored_people(frame, model, config)
        values.append(frame.values[of])
        happened.append(ordered[of] if model == "conversion" else ~ordered[of])
    return Examples(np.vstack(values), np.concatenate(happened))


def _judged(
    card: Mapping[str, Any],
    refused: str | None,
    verdict: str,
    measures: Mapping[str, float],
    pictures: Mapping[str, bytes],
) -> Training:
    reason = f"Refused: {refused}." if refused else f"Accepted: {verdict}."
    return Training(card, reason, refused is None, measures, pictures)


def _measures(report: LikelihoodReport) -> dict[str, float]:
    return {
        "examples": report.examples,
        "positives": report.positives,
        "base_rate": report.base_rate,
        "brier": report.brier,
        "log_loss": report.log_loss,
        "auc": report.auc,
        "skill": report.skill.value,
        "skill_low": report.skill.low,
        "skill_high": report.skill.high,
        "calibration_error": report.calibration.error,
        "calibration_error_by_chance": report.calibration.error_by_chance,
    }


def _interval(measures: Mapping[str, float]) -> str:
    return f"{measures['skill']:+.3f} [{measures['skill_low']:+.3f}, {measures['skill_high']:+.3f}]"
