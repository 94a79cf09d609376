"""Promotion: a pure function from measurements to the model of a task, with the reason in words.

The incumbent is named in ``config/models.yml`` and not read from last night's table: a night's champion
then depends on its data and config alone, so nights can run again or in another order.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from perso_pipeline.models.config import Task
from perso_pipeline.models.evaluation import (
    AGAINST_BASELINE,
    AGAINST_INCUMBENT,
    PRIMARY,
    PRIMARY_K,
    Measurement,
)
from perso_pipeline.models.roster import BASELINE, FLOOR


@dataclass(frozen=True, slots=True)
class Decision:
    """Who serves a task, who came next, and why."""

    task: Task
    model: str
    challenger: str | None
    reason: str


def choose_champion(
    task: Task, measurements: Iterable[Measurement], *, incumbent: str, min_coverage: float
) -> Decision:
    """The best model that beats popular for certain; the incumbent stays unless beaten for certain.

    A model may serve if its paired interval against popular lies above 0 and its coverage reaches the
    floor. Of those, the incumbent keeps its place unless the best one's paired interval against it lies
    above 0. Nobody fit to serve: popular. "For certain" is the interval of ``evaluation.confidence``.
    """
    found = {(m.model, m.metric): m for m in measurements if m.task == task and m.k == PRIMARY_K}
    metric = PRIMARY[task]
    label = f"{metric}@{PRIMARY_K}"
    scores = {model: m.value for (model, name), m in found.items() if name == metric}
    if not scores:
        return Decision(task, BASELINE, None, f"{BASELINE}: task {task} could not be evaluated.")
    ordered = sorted((model for model in scores if model not in {BASELINE, FLOOR}), key=lambda m: (-scores[m], m))
    fit = [m for m in ordered if _above(found.get((m, metric + AGAINST_BASELINE))) and _covers(found, m, min_coverage)]
    if not fit:
        best = ordered[0]
        gap = found[best, metric + AGAINST_BASELINE]
        why = (
            f"covers only {found[best, 'coverage'].value:.1%} of the items"
            if _above(gap)
            else f"differs from {BASELINE} by {_interval(gap)}"
        )
        reason = f"{BASELINE} ({label} {scores[BASELINE]:.4f}): no model is surely better; {best} {why}."
        return Decision(task, BASELINE, best, reason)
    best = fit[0]
    champion, reason = best, f"{best} has the best {label} ({scores[best]:.4f}) of the models that beat {BASELINE}"
    if incumbent in fit and best != incumbent:
        gap = found[best, metric + AGAINST_INCUMBENT]
        if _above(gap):
            reason = f"{best} replaces {incumbent}: {label} differs by {_interval(gap)}"
        else:
            champion = incumbent
            reason = f"{incumbent} stays: {best} differs from it in {label} by only {_interval(gap)}"
    lead = found[champion, metric + AGAINST_BASELINE]
    others = [model for model in ordered if model != champion]
    return Decision(
        task, champion, others[0] if others else BASELINE, f"{reason}; against {BASELINE} {_interval(lead)}."
    )


def _above(difference: Measurement | None) -> bool:
    return difference is not None and difference.ci_low is not None and difference.ci_low > 0


def _covers(found: dict[tuple[str, str], Measurement], model: str, least: float) -> bool:
    return found[model, "coverage"].value >= least


def _interval(difference: Measurement) -> str:
    return f"{difference.value:+.4f} [{difference.ci_low:+.4f}, {difference.ci_high:+.4f}]"
