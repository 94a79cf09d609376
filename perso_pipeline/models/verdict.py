"""What an evaluation says of each model, in words: against popular, coverage, slices; and whether it may serve.

A pure function of measurements. Who serves of those that may is ``champion``'s business.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from perso_pipeline.models.config import EvaluationConfig
from perso_pipeline.models.evaluation import AGAINST_BASELINE, PRIMARY, PRIMARY_K, Measurement
from perso_pipeline.models.names import Task
from perso_pipeline.models.roster import BASELINE, FLOOR
from perso_pipeline.models.slices import KINDS, SliceMeasurement


@dataclass(frozen=True, slots=True)
class Verdict:
    """One model of a task against popular.

    Attributes:
        task: task.
        model: who.
        place: by the primary metric, from 1, popular and random among them.
        value: primary metric.
        beats_popular: the paired interval lies above 0.
        covers: shows at least ``evaluation.min_coverage`` of the items.
        harms_no_slice: no protected slice is surely worse off than with popular.
        may_serve: all three; never for random.
        words: the verdict as a sentence.
    """

    task: Task
    model: str
    place: int
    value: float
    beats_popular: bool
    covers: bool
    harms_no_slice: bool
    may_serve: bool
    words: str


def verdicts(
    task: Task,
    measurements: Iterable[Measurement],
    slices: Iterable[SliceMeasurement],
    config: EvaluationConfig,
) -> list[Verdict]:
    """Every measured model but popular, the best first."""
    found = {(m.model, m.metric): m for m in measurements if m.task == task and m.k == PRIMARY_K}
    metric = PRIMARY[task]
    scores = {model: m.value for (model, name), m in found.items() if name == metric}
    sliced = [s for s in slices if s.task == task]
    made = []
    for place, model in enumerate(sorted(scores, key=lambda m: (-scores[m], m)), start=1):
        if model == BASELINE:
            continue
        gap, share = found[model, metric + AGAINST_BASELINE], found[model, "coverage"].value
        worse = harmed(sliced, model, metric + AGAINST_BASELINE, config.protected_slices)
        beats, covers = surely_above(gap), share >= config.min_coverage
        clauses = [against(model, BASELINE, gap)]
        if not covers:
            clauses.append(f"it covers only {share:.1%} of the items, less than {config.min_coverage:.1%}")
        clauses.append(slice_words(sliced, worse, BASELINE, config))
        others = [kind for kind in KINDS if kind not in config.protected_slices]
        besides = harmed(sliced, model, metric + AGAINST_BASELINE, others)
        if besides:
            named = ", ".join(f"{s.kind} {s.slice}" for s in besides)
            clauses.append(f"worse off, which does not bind: {named}")
        may_serve = beats and covers and not worse and model != FLOOR
        words = "; ".join(clauses) + "."
        made.append(Verdict(task, model, place, scores[model], beats, covers, not worse, may_serve, words))
    return made


def harmed(
    slices: Iterable[SliceMeasurement], model: str, metric: str, protected: Collection[str]
) -> list[SliceMeasurement]:
    """The protected slices in which the difference ``metric`` of ``model`` surely lies below 0, the worst first."""
    worse = [s for s in slices if s.model == model and s.metric == metric and s.kind in protected and s.ci_high < 0]
    return sorted(worse, key=lambda s: (s.value, s.kind, s.slice))


def against(model: str, rival: str, gap: Measurement) -> str:
    """``als beats popular by .0213 [.0120, .0300] on ndcg@10 over 4,120 people``."""
    where = f"on {gap.metric.split('_minus_')[0]}@{gap.k} over {gap.people:,} people"
    if surely_above(gap):
        return f"{model} beats {rival} by {spread(gap)} {where}"
    if gap.ci_high is not None and gap.ci_high < 0:
        return f"{model} loses to {rival} by {spread(gap, turned=True)} {where}"
    return f"{model} cannot be told from {rival}: {spread(gap)} {where}"


def slice_words(
    slices: Iterable[SliceMeasurement], worse: list[SliceMeasurement], rival: str, config: EvaluationConfig
) -> str:
    """What the protected slices say, with the worst of those that are harmed."""
    looked_at = {(s.kind, s.slice) for s in slices if s.kind in config.protected_slices}
    if not looked_at:
        return f"no slice has the {config.min_slice_people} people to be judged by"
    if not worse:
        return f"no slice is harmed ({len(looked_at)} looked at)"
    first = worse[0]
    more = f", and {len(worse) - 1} more of {len(looked_at)} slices" if len(worse) > 1 else ""
    return (
        f"it harms {first.kind} {first.slice}, where it loses to {rival} by {spread(first, turned=True)} "
        f"over {first.people:,} people{more}"
    )


def surely_above(gap: Measurement | None) -> bool:
    return gap is not None and gap.ci_low is not None and gap.ci_low > 0


def spread(gap: Measurement | SliceMeasurement, *, turned: bool = False) -> str:
    """``.0213 [.0120, .0300]``; ``turned``: of the rival's lead."""
    values = [gap.value, gap.ci_low, gap.ci_high]
    known = [value for value in values if value is not None]
    middle, *ends = [-value for value in known] if turned else known
    return f"{number(middle)} [{', '.join(number(end) for end in sorted(ends))}]"


def number(value: float) -> str:
    """Four digits after the point and none before it where that is 0: ``.0213``, ``-.0046``, ``1.0000``."""
    text = f"{value:.4f}"
    return "0" if float(text) == 0 else text.replace("0.", ".", 1) if abs(float(text)) < 1 else text


def by_model(found: Iterable[Verdict]) -> Mapping[str, Verdict]:
    return {verdict.model: verdict for verdict in found}
