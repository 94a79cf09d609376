"""The search of a model's settings: a study that is kept on disk, goes on after a kill, and is repeatable.

Optuna's tree of Parzen estimators proposes, ``objective`` judges. Every trial is drawn with a seed of its own,
from the number of those finished before it: the same seed and number of trials give the same study, in one go or in
several. Where the study stands and who is told are the caller's business.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from perso_pipeline.models.protocol import TooLargeError
from perso_pipeline.models.search.space import Dimension, Setting, Space, Whole, Words

_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
_STARTUP = 10  # drawn evenly before the estimator takes over
Windowed = Callable[[Mapping[str, Setting]], Iterator[float]]


@dataclass(frozen=True, slots=True)
class Tried:
    """One finished trial.

    Attributes:
        number: from 0; 0 is the present settings.
        settings: what was tried.
        values: per window, newest first; not all of them where ``outcome`` is stopped.
        mean: over ``values``; None where there are none.
        outcome: complete, stopped (a worse half by then) or refused (too large).
    """

    number: int
    settings: Mapping[str, Setting]
    values: tuple[float, ...]
    mean: float | None
    outcome: Literal["complete", "stopped", "refused"]


def search(
    study: optuna.Study,
    space: Space,
    current: Mapping[str, Setting],
    judge: Windowed,
    *,
    windows: int,
    seed: int,
    trials: int | None,
    is_time_up: Callable[[], bool],
    on_trial: Callable[[Tried], None],
) -> None:
    """Go on with a study until it has ``trials`` finished trials or the time is up.

    Args:
        study: Maximised; what a killed process left half done is closed first.
        space: Every dimension holds the present setting.
        current: The present settings, tried first.
        judge: Values of the windows for settings; may raise ``TooLargeError``.
        windows: How many values that are.
        seed: Of the study.
        trials: All in all, those of earlier calls included; None: until the time is up.
        is_time_up: Asked before each trial and after each window; a trial cut short is thrown away.
        on_trial: Told of every finished trial of this call.
    """
    for left in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(left.number, state=TrialState.FAIL)
    distributions = {name: _distribution(dimension) for name, dimension in space.items()}
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=_STARTUP)
    while not is_time_up():
        done = finished(study)
        if trials is not None and len(done) >= trials:
            return
        if not done:
            values = tuple(judge(current))
            study.add_trial(_present(current, distributions, values))
        else:
            study.sampler = optuna.samplers.TPESampler(seed=seed + len(done), n_startup_trials=_STARTUP)
            trial = study.ask(fixed_distributions=distributions)
            if not _judged(study, trial, judge, windows, is_time_up):
                return
        on_trial(finished(study)[-1])


def finished(study: optuna.Study) -> list[Tried]:
    """Finished trials in the order they were tried, numbered without those that were thrown away."""
    return [_tried(number, one) for number, one in enumerate(study.get_trials(deepcopy=False, states=_FINISHED))]


def best(tried: list[Tried]) -> Tried:
    """The complete trial with the highest mean; of equals the first."""
    return max((one for one in tried if one.outcome == "complete"), key=lambda one: (one.mean or 0.0, -one.number))


def importances(study: optuna.Study, *, seed: int) -> dict[str, float]:
    """Share of the spread of the means that each setting explains (fANOVA); empty with fewer than four trials."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < 4 or len({one.value for one in complete}) < 2:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))


def _judged(
    study: optuna.Study, trial: optuna.Trial, judge: Windowed, windows: int, is_time_up: Callable[[], bool]
) -> bool:
    """Whether the trial was finished; else the time was up."""
    values: list[float] = []
    try:
        for step, value in enumerate(judge(trial.params)):
            if is_time_up():
                study.tell(trial, state=TrialState.FAIL)
                return False
            values.append(value)
            trial.set_user_attr("values", values)
            trial.report(sum(values) / len(values), step)
            if step + 1 < windows and trial.should_prune():
                study.tell(trial, state=TrialState.PRUNED)
                return True
    except TooLargeError as refusal:
        trial.set_user_attr("refused", str(refusal))
        study.tell(trial, state=TrialState.PRUNED)
        return True
    study.tell(trial, sum(values) / len(values))
    return True


def _present(
    current: Mapping[str, Setting], distributions: Mapping[str, BaseDistribution], values: tuple[float, ...]
) -> FrozenTrial:
    return optuna.trial.create_trial(
        params=dict(current),
        distributions=dict(distributions),
        value=sum(values) / len(values),
        user_attrs={"values": list(values)},
        intermediate_values={step: sum(values[: step + 1]) / (step + 1) for step in range(len(values))},
    )


def _tried(number: int, one: FrozenTrial) -> Tried:
    values = tuple(one.user_attrs.get("values", ()))
    outcome: Literal["complete", "stopped", "refused"] = "complete"
    if one.state is TrialState.PRUNED:
        outcome = "refused" if "refused" in one.user_attrs else "stopped"
    return Tried(number, one.params, values, sum(values) / len(values) if values else None, outcome)


def _distribution(dimension: Dimension) -> BaseDistribution:
    if isinstance(dimension, Words):
        return CategoricalDistribution(dimension.words)
    kind: Any = IntDistribution if isinstance(dimension, Whole) else FloatDistribution
    return kind(dimension.low, dimension.high, log=dimension.by_ratio)
