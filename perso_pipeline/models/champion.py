"""Promotion: a pure function from measurements to the model of a task, with the reason in words.

The incumbent is named in ``config/models.yml`` and not read from last night's table: a night's champion
then depends on its data and config alone, so nights can run again or in another order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from perso_pipeline.models.config import EvaluationConfig
from perso_pipeline.models.evaluation import AGAINST_INCUMBENT, PRIMARY, PRIMARY_K, Measurement
from perso_pipeline.models.names import Task
from perso_pipeline.models.roster import BASELINE, FLOOR
from perso_pipeline.models.slices import SliceMeasurement
from perso_pipeline.models.verdict import against, by_model, harmed, slice_words, surely_above, verdicts


@dataclass(frozen=True, slots=True)
class Decision:
    """Who serves a task, who came next, and why."""

    task: Task
    model: str
    challenger: str | None
    reason: str


def choose_champion(
    task: Task,
    measurements: Sequence[Measurement],
    slices: Sequence[SliceMeasurement],
    *,
    incumbent: str,
    config: EvaluationConfig,
) -> Decision:
    """The best model that beats popular for certain; the incumbent stays unless beaten for certain.

    A model may serve if its paired interval against popular lies above 0, its coverage reaches the floor and no
    protected slice is surely worse off than with popular. Of those, the incumbent keeps its place unless the best one
    that harms no slice against it has a paired interval above 0. Nobody fit to serve: popular. "For certain" is the
    interval of ``evaluation.confidence``.
    """
    said = by_model(verdicts(task, measurements, slices, config))
    if not said:
        return Decision(task, BASELINE, None, f"{BASELINE}: task {task} could not be evaluated.")
    ordered = [model for model in said if model != FLOOR]
    fit = [model for model in ordered if said[model].may_serve]
    if not fit:
        nobody = f"{BASELINE}: no model may take its place"
        reason = f"{nobody}; {said[ordered[0]].words}" if ordered else f"{nobody}."
        return Decision(task, BASELINE, ordered[0] if ordered else None, reason)
    champion, reason = fit[0], said[fit[0]].words
    if incumbent in fit and champion != incumbent:
        champion, reason = _against_incumbent(task, measurements, slices, fit, incumbent, config)
        reason = f"{reason}. {said[champion].words}"
    others = [model for model in ordered if model != champion]
    return Decision(task, champion, others[0] if others else BASELINE, reason)


def _against_incumbent(
    task: Task,
    measurements: Sequence[Measurement],
    slices: Sequence[SliceMeasurement],
    fit: Sequence[str],
    incumbent: str,
    config: EvaluationConfig,
) -> tuple[str, str]:
    """The champion and why; ``fit`` begins with the best."""
    name = PRIMARY[task] + AGAINST_INCUMBENT
    gaps = {m.model: m for m in measurements if (m.task, m.metric, m.k) == (task, name, PRIMARY_K)}
    of_task = [s for s in slices if s.task == task]
    kept_out: list[str] = []
    for model in fit[: fit.index(incumbent)]:
        worse = harmed(of_task, model, name, config.protected_slices)
        said = against(model, incumbent, gaps[model])
        if not worse and surely_above(gaps[model]):
            return model, "; ".join([*kept_out, f"{model} replaces {incumbent}: {said}"])
        if not worse:
            return incumbent, "; ".join([*kept_out, f"{incumbent} stays: {said}"])
        kept_out.append(f"{said}, but {slice_words(of_task, worse, incumbent, config)}")
    return incumbent, f"{incumbent} stays: {'; '.join(kept_out)}"
