"""One night of one site, step by step: the functions behind the assets.

Each takes what it needs and returns what is to be written; nothing here knows Dagster or MLflow.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perso_pipeline.models import comparison, plots
from perso_pipeline.models.champion import Decision, choose_champion
from perso_pipeline.models.config import SiteModels, flat
from perso_pipeline.models.evaluation import Evaluation, Measurement
from perso_pipeline.models.names import TASKS, Task
from perso_pipeline.models.pins import Pin, applied
from perso_pipeline.models.roster import FOR_ANYONE, build
from perso_pipeline.models.site_night import SiteNight
from perso_pipeline.models.slices import SliceMeasurement
from perso_pipeline.models.split import NotEvaluated
from perso_pipeline.models.verdict import Verdict, verdicts

PAGE = "comparison.html"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What MLflow is told of one model: parameters, metrics and pictures by name."""

    model: str
    params: dict[str, str]
    metrics: dict[str, float]
    figures: dict[str, bytes]


def training_row(site: SiteNight, outcome: Evaluation | NotEvaluated) -> dict[str, Any]:
    """The row of ``models.training_sets``."""
    signals = site.signals
    row: dict[str, Any] = {
        "night": site.night,
        "site_id": site.site_id,
        "signals": len(signals),
        "people": len(signals.people),
        "items": len(signals.items),
        "first_date": signals.first_date,
        "last_date": signals.last_date,
        "fingerprint": signals.fingerprint,
        "key": site.key,
    }
    if isinstance(outcome, NotEvaluated):
        return row | {"not_evaluated_because": outcome.because}
    counts = outcome.split.rows
    return row | {
        "cut_date": outcome.split.cut,
        "train_signals": counts["train"],
        "evaluated_signals": counts.get("evaluated", 0),
        **{
            f"dropped_{reason}": counts.get(reason, 0)
            for reason in ("not_relevant", "cold_person", "cold_item", "seen_in_train")
        },
    }


def run_records(config: SiteModels, outcome: Evaluation | NotEvaluated) -> list[RunRecord]:
    """Parameters and metrics of every model; metrics are named ``task/metric_at_k``."""
    shared = flat(config.signals, "signals") | flat(config.evaluation, "evaluation")
    records = []
    for model in build(config, threads=1):
        metrics: dict[str, float] = {}
        if isinstance(outcome, Evaluation) and model in outcome.fit_seconds:
            metrics["fit_seconds"] = outcome.fit_seconds[model]
            for m in outcome.measurements:
                if m.model == model:
                    metrics[f"{m.task}/{m.metric}_at_{m.k}"] = m.value
        pictures = _insight_figures(model, outcome)
        records.append(RunRecord(model, flat(getattr(config, model), model) | shared, metrics, pictures))
    return records


def _insight_figures(model: str, outcome: Evaluation | NotEvaluated) -> dict[str, bytes]:
    """What a model that learns from features goes by."""
    if isinstance(outcome, NotEvaluated) or model not in outcome.insights:
        return {}
    insight = outcome.insights[model]
    return {
        "feature_importance.png": plots.feature_importance(insight, f"{model}: gain by feature"),
        "shap_summary.png": plots.shap_summary(insight, f"{model}: what features add to a score"),
    }


def figures(site: SiteNight, outcome: Evaluation | NotEvaluated) -> dict[str, bytes]:
    """Pictures of the night's race, by file name."""
    if isinstance(outcome, NotEvaluated):
        return {}
    measured = outcome.measurements
    title = f"{site.site_id}, night {site.night}"
    made = {"popularity_bias.png": plots.popularity_bias(measured, title)}
    for task in TASKS:
        if any(m.task == task for m in measured):
            made[f"recall_by_k_{task}.png"] = plots.recall_by_k(measured, task, f"{title}: {task}")
    return made


def said(config: SiteModels, outcome: Evaluation) -> list[Verdict]:
    """The verdict on every model and task."""
    return [
        verdict for task in TASKS for verdict in verdicts(task, outcome.measurements, outcome.slices, config.evaluation)
    ]


def as_raced(site: SiteNight, outcome: Evaluation | NotEvaluated) -> list[Decision]:
    """What the race says of each task, whatever was rolled back."""
    if isinstance(outcome, Evaluation):
        return decisions(outcome.measurements, outcome.slices, None, site.config, {})
    return decisions((), (), outcome.because, site.config, {})


def note(site: SiteNight, outcome: Evaluation | NotEvaluated) -> str:
    """The night's run in a few lines of Markdown."""
    lines = [f"- **{one.task}: {one.model}**. {one.reason}" for one in as_raced(site, outcome)]
    return "\n".join([*lines, f"- All models against each other: artifact `{PAGE}`."])


def pages(site: SiteNight, outcome: Evaluation | NotEvaluated) -> dict[str, bytes]:
    """The comparison of the night's models, by file name."""
    verdict = said(site.config, outcome) if isinstance(outcome, Evaluation) else []
    title = f"{site.site_id}, night {site.night}"
    made = comparison.page(title, site.version, site.config, outcome, as_raced(site, outcome), verdict)
    return {PAGE: made}


def decisions(
    measurements: Sequence[Measurement],
    slices: Sequence[SliceMeasurement],
    because: str | None,
    config: SiteModels,
    pins: Mapping[Task, Pin],
) -> list[Decision]:
    """The champion of each task; ``because`` is why nothing was evaluated, if so."""
    made = []
    for task in TASKS:
        decision = choose_champion(
            task, measurements, slices, incumbent=config.incumbents[task], config=config.evaluation
        )
        if because:
            reason = f"{decision.model}: not evaluated, {because}."
            decision = Decision(task, decision.model, decision.challenger, reason)
        measured = [m.model for m in measurements]
        made.append(applied(decision, pins.get(task), config, measured))
    return made


def models_to_keep(chosen: Iterable[str | None]) -> list[str]:
    """Which models are fitted on everything and stored: champions, challengers and the lists for anyone."""
    return sorted({*FOR_ANYONE, *(name for name in chosen if name)})
