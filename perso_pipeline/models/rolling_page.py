"""The page of rolling origins, for MLflow's artifact viewer: what each cut says, and all of them together."""

from collections.abc import Sequence

from perso_pipeline.models import page_parts as parts
from perso_pipeline.models.config import SiteModels
from perso_pipeline.models.evaluation import AGAINST_BASELINE, PRIMARY, PRIMARY_K, Evaluation
from perso_pipeline.models.names import TASKS
from perso_pipeline.models.page_parts import Cell, Interval
from perso_pipeline.models.rolling import Origin, Pooled
from perso_pipeline.models.roster import BASELINE
from perso_pipeline.models.verdict import against, number


def words(one: Pooled) -> list[str]:
    """A sentence for each rival: ``als beats popular by ... people, ahead at 3 of 4 cuts.``"""
    return [
        f"{against(one.model, rival, gap)}, ahead at {one.ahead[rival]} of {one.origins} cuts."
        for rival, gap in one.against.items()
    ]


def page(title: str, config: SiteModels, origins: Sequence[Origin], over_all: Sequence[Pooled]) -> bytes:
    """The page as bytes of an HTML file."""
    body = [parts.heading(f"{title}: the race at {len(origins)} cuts", 1)]
    for task in TASKS:
        of_task = [one for one in over_all if one.task == task]
        if of_task:
            body += [parts.heading(f"Task {task}"), *_together(of_task, config), _cuts(origins, of_task)]
    body.append(parts.heading("Cuts"))
    for origin in origins:
        if isinstance(origin.outcome, Evaluation):
            split = origin.outcome.split
            body.append(
                parts.paragraph(
                    f"{split.cut} to {split.end}: {len(split.people):,} people, {split.rows['train']:,} signals."
                )
            )
        else:
            body.append(parts.paragraph(f"Up to {origin.last_day}: not evaluated, {origin.outcome.because}."))
    return parts.document(title, body)


def _together(of_task: Sequence[Pooled], config: SiteModels) -> list[str]:
    drawn = []
    for one in of_task:
        gap = one.against.get(BASELINE)
        if gap is not None and gap.ci_low is not None and gap.ci_high is not None:
            note = f"ahead at {one.ahead[BASELINE]} of {one.origins}"
            drawn.append(Interval(one.model, gap.value, gap.ci_low, gap.ci_high, note))
    metric = f"{PRIMARY[of_task[0].task]}@{PRIMARY_K}"
    said = [[Cell(one.model), Cell(number(one.value)), Cell(" ".join(words(one)), style="words")] for one in of_task]
    level = f"{config.evaluation.confidence:.0%}"
    return [
        parts.intervals(
            drawn, f"{metric} minus that of {BASELINE} over all cuts, by person, {level} bootstrap interval"
        ),
        parts.grid(["model", metric, "over all cuts"], said),
    ]


def _cuts(origins: Sequence[Origin], of_task: Sequence[Pooled]) -> str:
    task = of_task[0].task
    rows = []
    for origin in origins:
        if not isinstance(origin.outcome, Evaluation):
            continue
        found = {(m.model, m.metric): m for m in origin.outcome.measurements if m.task == task and m.k == PRIMARY_K}
        row = [Cell(f"{origin.outcome.split.cut} to {origin.outcome.split.end}", style="left")]
        for one in of_task:
            value = found.get((one.model, PRIMARY[task]))
            gap = found.get((one.model, PRIMARY[task] + AGAINST_BASELINE))
            small = f"{gap.value:+.4f} to {BASELINE}" if gap else ""
            row.append(Cell(number(value.value), small=small) if value else Cell("", style="mid"))
        rows.append(row)
    return parts.grid(["test window", *(one.model for one in of_task)], rows)
