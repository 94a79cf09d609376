"""Pictures of an evaluation: recall by k, popularity bias, what a ranker goes by. PNG bytes; decided here alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from perso_pipeline.models.evaluation import PRIMARY_K, Measurement
from perso_pipeline.models.names import Task
from perso_pipeline.models.protocol import Insight
from perso_pipeline.resources.display import png

_FEATURES = 20


def recall_by_k(measurements: Sequence[Measurement], task: Task, title: str) -> bytes:
    """One line per model with its interval."""
    figure, axes = canvas(title)
    for model in sorted({m.model for m in measurements if m.task == task}):
        points = sorted(
            (m for m in measurements if m.task == task and m.model == model and m.metric == "recall"), key=lambda m: m.k
        )
        line = axes.plot([m.k for m in points], [m.value for m in points], marker="o", label=model)
        bounds = [(m.k, m.ci_low, m.ci_high) for m in points if m.ci_low is not None and m.ci_high is not None]
        if bounds:
            cutoffs, lows, highs = zip(*bounds, strict=True)
            axes.fill_between(cutoffs, lows, highs, alpha=0.15, color=line[0].get_color())
    axes.set_xlabel("k")
    axes.set_ylabel("recall@k")
    axes.set_ylim(bottom=0)
    axes.legend()
    return png(figure)


def popularity_bias(measurements: Sequence[Measurement], title: str) -> bytes:
    """How much more popular lists are than the person's own history, against coverage of the catalogue."""
    figure, axes = canvas(title)
    at_ten = {(m.model, m.metric): m.value for m in measurements if m.task == "personal" and m.k == PRIMARY_K}
    for model in sorted({model for model, _ in at_ten}):
        bias = at_ten.get((model, "popularity_bias"))
        if bias is not None:
            share = at_ten[model, "coverage"]
            axes.scatter([share], [bias])
            axes.annotate(model, (share, bias), textcoords="offset points", xytext=(6, 4))
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set_xlabel(f"share of items shown at k = {PRIMARY_K}")
    axes.set_ylabel("popularity percentile, list minus history")
    return png(figure)


def feature_importance(insight: Insight, title: str) -> bytes:
    """Share of the whole gain of the features that have most of it."""
    figure, axes = canvas(title, height=6)
    share = insight.gain / max(float(insight.gain.sum()), 1e-12)
    shown = np.argsort(-share, kind="stable")[:_FEATURES][::-1]
    axes.barh([insight.names[n] for n in shown], share[shown])
    axes.set_xlabel("share of the gain over all trees")
    axes.tick_params(axis="y", labelsize=7)
    return png(figure)


def shap_summary(insight: Insight, title: str) -> bytes:
    """One dot per pair and feature: how much the value adds to the score, coloured from low to high value.

    Features are ordered by their mean absolute contribution; grey is a value that is not known.
    """
    figure, axes = canvas(title, height=6)
    size = np.abs(insight.contributions).mean(axis=0)
    shown = np.argsort(-size, kind="stable")[:_FEATURES][::-1]
    spread = np.random.default_rng(0).uniform(-0.3, 0.3, size=len(insight.values))
    for place, feature in enumerate(shown):
        value, added = insight.values[:, feature].astype(np.float64), insight.contributions[:, feature]
        known = np.isfinite(value)
        axes.scatter(added[~known], (place + spread)[~known], s=3, color="lightgrey")
        order = np.sort(value[known])
        colour = np.searchsorted(order, value[known]) / max(1, len(order) - 1)
        axes.scatter(added[known], (place + spread)[known], s=3, c=colour, cmap="coolwarm", vmin=0, vmax=1)
    axes.axvline(0, color="grey", linewidth=0.8)
    axes.set_yticks(range(len(shown)), [insight.names[n] for n in shown], fontsize=7)
    axes.set_xlabel("added to the score (blue: low value, red: high value)")
    return png(figure)


def canvas(title: str, *, height: float = 3.6) -> tuple[Any, Any]:
    """An empty figure of one pair of axes, without any state of pyplot's."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # 0.5 s that only a night needs
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, height), layout="tight")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title)
    return figure, axes
