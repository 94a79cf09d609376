"""What a search shows: the block for ``config/models.yml``, a table of trials, two pictures."""

from collections.abc import Mapping, Sequence

import yaml

from perso_pipeline.models.evaluation import PRIMARY, PRIMARY_K
from perso_pipeline.models.names import Task
from perso_pipeline.models.plots import canvas
from perso_pipeline.models.search.objective import Gain, Windows
from perso_pipeline.models.search.space import Setting
from perso_pipeline.models.search.study import Tried, best
from perso_pipeline.resources.display import png

_DIGITS = 4


def metric_of(task: Task) -> str:
    """Name of what is maximised."""
    return f"{PRIMARY[task]}@{PRIMARY_K}"


def best_yaml(model: str, task: Task, tried: Sequence[Tried], split_into: Windows, gain: Gain) -> str:
    """The best settings as a block of ``config/models.yml``, with what they rest on as comments."""
    found = best(list(tried))
    ends = ", ".join(f"{one.cut} to {one.end}" for one in split_into.validation)
    comments = [
        f"# {len(tried)} trials: mean {metric_of(task)} {found.mean:.4f} (before: {tried[0].mean:.4f}) over {ends},",
        "# each trained on what came before it.",
    ]
    if found.number == 0:
        comments.append("# Nothing better than the present settings was found.")
    else:
        interval = f"[{gain.ci_low:+.4f}, {gain.ci_high:+.4f}]"
        comments += [
            f"# On {split_into.test.cut} to {split_into.test.end}, which the search did not look at:",
            f"# {gain.best:.4f} (before: {gain.current:.4f}), difference {gain.difference:+.4f} {interval}.",
        ]
    block = yaml.safe_dump({model: rounded(found.settings)}, sort_keys=False)
    return "\n".join([*comments, block])


def rounded(settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Four digits say what a search can tell."""
    return {
        name: float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value for name, value in settings.items()
    }


def history(tried: Sequence[Tried], metric: str, title: str) -> bytes:
    """Means of all trials in their order, with the best so far."""
    figure, axes = canvas(title)
    complete = [one for one in tried if one.outcome == "complete" and one.mean is not None]
    stopped = [one for one in tried if one.outcome == "stopped" and one.mean is not None]
    axes.scatter([one.number for one in complete], [one.mean for one in complete], s=14, label="complete")
    if stopped:
        axes.scatter([one.number for one in stopped], [one.mean for one in stopped], s=14, marker="x", label="stopped")
    so_far, steps = float("-inf"), []
    for one in complete:
        so_far = max(so_far, one.mean or 0.0)
        steps.append(so_far)
    axes.step([one.number for one in complete], steps, where="post", color="tab:red", label="best so far")
    axes.set_xlabel("trial (0: the present settings)")
    axes.set_ylabel(f"mean {metric}")
    axes.legend()
    return png(figure)


def importance_bars(shares: Mapping[str, float], title: str) -> bytes:
    """Share of the spread that each setting explains."""
    figure, axes = canvas(title)
    names = sorted(shares, key=lambda name: shares[name])
    axes.barh(names, [shares[name] for name in names])
    axes.set_xlabel("share of the spread of trials that the setting explains")
    return png(figure)
