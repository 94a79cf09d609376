"""The comparison of a night: one page that holds all models of a site against each other, for MLflow's artifact viewer.

Values, intervals, slices and verdicts are those of the tables; nothing is computed here but colours.
"""

from collections.abc import Mapping, Sequence

from perso_pipeline.models import page_parts as parts
from perso_pipeline.models.champion import Decision
from perso_pipeline.models.config import SiteModels, flat
from perso_pipeline.models.evaluation import AGAINST_BASELINE, PRIMARY, PRIMARY_K, Evaluation, Measurement
from perso_pipeline.models.names import TASKS, Task
from perso_pipeline.models.page_parts import Cell, Interval
from perso_pipeline.models.roster import BASELINE, FLOOR
from perso_pipeline.models.slices import SliceMeasurement
from perso_pipeline.models.split import NotEvaluated
from perso_pipeline.models.verdict import Verdict, number

_ACCURACY = ("ndcg", "recall", "precision", "map", "mrr", "hit_rate")
_WORDS: Mapping[Task, str] = {"personal": "Personal: items for a person", "similar": "Similar: items for an item"}
_MEANT = {
    "coverage": "Coverage: share of the items that some list shows.",
    "diversity": "Diversity: 0, all of one category, to 1, nothing in common.",
    "novelty": "Novelty: bits of surprise; 1 more is half as many people who know the item.",
    "popularity_bias": "Popularity bias: percentile of the list minus that of the person's history.",
    "serendipity": "Serendipity: hits that popularity would not have listed.",
}
_BEYOND = tuple(_MEANT)
_NO_BETTER_END = {"novelty", "popularity_bias"}  # neither end of these is the good one


def page(
    title: str,
    version: str,
    config: SiteModels,
    outcome: Evaluation | NotEvaluated,
    decisions: Sequence[Decision],
    verdicts: Sequence[Verdict],
) -> bytes:
    """The page as bytes of an HTML file.

    Args:
        title: site and night.
        version: of the night's models.
        config: the site's settings.
        outcome: the race, or why there was none.
        decisions: what the race says of each task, before any rollback.
        verdicts: of every task and model.
    """
    body = [parts.heading(f"{title}: the models compared", 1), parts.paragraph(_rests_on(version, outcome), soft=True)]
    body.append(parts.cards([_card(decision) for decision in decisions]))
    if isinstance(outcome, Evaluation):
        for task in TASKS:
            measured = [m for m in outcome.measurements if m.task == task]
            if measured:
                sliced = [s for s in outcome.slices if s.task == task]
                body += _task(task, measured, sliced, [v for v in verdicts if v.task == task], config)
        body += _beneath(config, outcome)
    return parts.document(title, body)


def _rests_on(version: str, outcome: Evaluation | NotEvaluated) -> str:
    if isinstance(outcome, NotEvaluated):
        return f"Version {version}. Nothing was evaluated: {outcome.because}."
    split = outcome.split
    return (
        f"Version {version}. Trained on what happened before {split.cut}, held against {split.cut} to {split.end}: "
        f"{len(split.people):,} people who met something new, {len(split.context_people):,} with several items on one "
        f"day; {len(split.train.items):,} items. Data {split.train.fingerprint[:12]}."
    )


def _card(decision: Decision) -> str:
    after = f" Challenger: {decision.challenger}." if decision.challenger else ""
    return parts.card(
        f"{decision.task}: champion", decision.model, decision.reason + after, weak=decision.model == BASELINE
    )


def _task(
    task: Task,
    measured: Sequence[Measurement],
    sliced: Sequence[SliceMeasurement],
    verdicts: Sequence[Verdict],
    config: SiteModels,
) -> list[str]:
    primary = PRIMARY[task]
    found = {(m.model, m.metric, m.k): m for m in measured}
    scores = {model: m.value for (model, metric, k), m in found.items() if (metric, k) == (primary, PRIMARY_K)}
    order = sorted(scores, key=lambda model: (-scores[model], model))
    level = f"{config.evaluation.confidence:.0%}"
    gaps = [found[m, primary + AGAINST_BASELINE, PRIMARY_K] for m in order if m != BASELINE]
    drawn = [
        Interval(g.model, g.value, g.ci_low, g.ci_high) for g in gaps if g.ci_low is not None and g.ci_high is not None
    ]
    body = [
        parts.heading(_WORDS[task]),
        parts.heading(f"Against {BASELINE}", 3),
        parts.intervals(
            drawn, f"{primary}@{PRIMARY_K} minus that of {BASELINE}, person by person, {level} bootstrap interval"
        ),
        parts.heading("Verdicts", 3),
        parts.grid(["model", "may serve", "verdict"], [_verdict(verdict) for verdict in verdicts]),
        parts.heading(f"Metrics at {PRIMARY_K}", 3),
        _metrics(found, order, _ACCURACY, PRIMARY_K),
        parts.paragraph(f"The best of a column is bold; below a mean stands its {level} interval.", soft=True),
    ]
    others = [k for k in config.evaluation.cutoffs if k != PRIMARY_K]
    body += [parts.folded(f"Metrics at {k}", _metrics(found, order, _ACCURACY, k)) for k in others]
    beyond = [metric for metric in _BEYOND if any((model, metric, PRIMARY_K) in found for model in order)]
    body += [
        parts.heading(f"Beyond accuracy, at {PRIMARY_K}", 3),
        _metrics(found, order, beyond, PRIMARY_K),
        parts.paragraph(" ".join(_MEANT[metric] for metric in beyond), soft=True),
    ]
    return body + _slices(primary, order, sliced, config)


def _verdict(verdict: Verdict) -> list[Cell]:
    answer = Cell("yes", style="good") if verdict.may_serve else Cell("no", style="bad")
    return [Cell(verdict.model), answer, Cell(verdict.words, style="words")]


def _metrics(
    found: Mapping[tuple[str, str, int], Measurement], order: Sequence[str], metrics: Sequence[str], k: int
) -> str:
    able = [model for model in order if model != FLOOR]  # random covers everything, and that is no merit
    best = {
        metric: max((found[m, metric, k].value for m in able if (m, metric, k) in found), default=None)
        for metric in metrics
    }
    rows = []
    for model in order:
        row = [Cell(model)]
        for metric in metrics:
            one = found.get((model, metric, k))
            if one is None:
                row.append(Cell("no lists", style="mid"))
                continue
            bounds = (
                f"{number(one.ci_low)} … {number(one.ci_high)}"
                if one.ci_low is not None and one.ci_high is not None
                else ""
            )
            is_best = metric not in _NO_BETTER_END and one.value == best[metric]
            row.append(Cell(number(one.value), small=bounds, style="best" if is_best else ""))
        rows.append(row)
    return parts.grid(["model", *(metric.replace("_", " ") for metric in metrics)], rows)


def _slices(primary: str, order: Sequence[str], sliced: Sequence[SliceMeasurement], config: SiteModels) -> list[str]:
    title = parts.heading(f"Slices: {primary}@{PRIMARY_K} minus that of {BASELINE}", 3)
    found = {(s.kind, s.slice, s.model): s for s in sliced if s.metric == primary + AGAINST_BASELINE}
    if not found:
        return [title, parts.paragraph(f"No slice has {config.evaluation.min_slice_people} people.")]
    names = list(dict.fromkeys((s.kind, s.slice) for s in found.values()))
    models = [model for model in order if model != BASELINE]
    largest = max((abs(s.value) for s in found.values() if s.model != FLOOR), default=0.0)
    rows = []
    for kind, name in names:
        row = [Cell(kind, style="left"), Cell(name, style="left"), Cell(f"{found[kind, name, models[0]].people:,}")]
        for model in models:
            one = found[kind, name, model]
            sure = "▲ " if one.ci_low > 0 else "▼ " if one.ci_high < 0 else ""
            bounds = f"{number(one.ci_low)} … {number(one.ci_high)}"
            row.append(Cell(sure + number(one.value), small=bounds, background=parts.shade(one.value, largest)))
        rows.append(row)
    meant = (
        f"▲ surely better, ▼ surely worse: intervals are widened so that all {len(names)} slices together hold at "
        f"{config.evaluation.confidence:.0%}. Slices of fewer than {config.evaluation.min_slice_people} people are "
        "left out; a person counts in every category that they came to want something of."
    )
    return [title, parts.grid(["by", "slice", "people", *models], rows), parts.paragraph(meant, soft=True)]


def _beneath(config: SiteModels, outcome: Evaluation) -> list[str]:
    counts = "; ".join(f"{name.replace('_', ' ')} {rows:,}" for name, rows in sorted(outcome.split.rows.items()))
    body = [
        parts.heading("What it rests on"),
        parts.paragraph(f"Signals by fate: {counts}. They add up to all signals of the window."),
    ]
    body += [parts.paragraph(f"{model} was left out: {why}") for model, why in sorted(outcome.left_out.items())]
    fitted = [
        [Cell(model), Cell(f"{seconds:.2f} s"), Cell(_settings(config, model), style="words")]
        for model, seconds in outcome.fit_seconds.items()
    ]
    shared = flat(config.signals, "signals") | flat(config.evaluation, "evaluation")
    return [
        *body,
        parts.grid(["model", "fitted in", "settings"], fitted),
        parts.folded(
            "Settings of signals and evaluation",
            parts.grid(["", ""], [[Cell(key), Cell(value, style="words")] for key, value in shared.items()]),
        ),
    ]


def _settings(config: SiteModels, model: str) -> str:
    return ", ".join(f"{key} {value}" for key, value in getattr(config, model).model_dump().items())
