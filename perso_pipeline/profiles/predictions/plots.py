"""Pictures of how far predictions can be believed. PNG bytes; what is drawn is decided here alone."""

from typing import Any

from perso_pipeline.profiles.predictions.quality import Calibration
from perso_pipeline.profiles.predictions.value_model import Holdout
from perso_pipeline.resources.display import png


def calibration_plot(curve: Calibration, *, title: str) -> bytes:
    """Predicted against observed share, a dot per group of equal size, on the diagonal where both agree."""
    figure, axes = _canvas(title)
    highest = float(max(curve.predicted.max(), curve.observed.max())) * 1.05
    axes.plot([0, highest], [0, highest], color="grey", linewidth=0.8)
    axes.plot(curve.predicted, curve.observed, marker="o")
    axes.set_xlabel("predicted")
    axes.set_ylabel("happened")
    axes.text(
        0.98, 0.04, f"calibration error {curve.error:.3f}, by chance {curve.error_by_chance:.3f}",
        transform=axes.transAxes, ha="right",
    )  # fmt: skip
    return png(figure)


def holdout_plot(outcome: Holdout, *, title: str) -> bytes:
    """Repeat orders in the holdout by repeats before it: what the model said, and what came."""
    figure, axes = _canvas(title)
    axes.plot(outcome.by_repeats, outcome.actual, marker="o", label=f"came ({outcome.actual_total:.0f})")
    axes.plot(outcome.by_repeats, outcome.predicted, marker="s", label=f"predicted ({outcome.predicted_total:.0f})")
    axes.set_xlabel("repeat orders before (7: seven or more)")
    axes.set_ylabel(f"orders a person in {outcome.days} days")
    axes.set_ylim(bottom=0)
    axes.legend()
    return png(figure)


def _canvas(title: str) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # 0.5 s that only a training needs
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="tight")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title)
    return figure, axes
