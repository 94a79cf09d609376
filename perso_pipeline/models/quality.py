"""The questions behind the stage's checks, asked of the stored tables."""

from collections.abc import Mapping
from datetime import date

from perso_pipeline.contracts.errors import nearest
from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.models.config import SiteModels
from perso_pipeline.models.evaluation import AGAINST_BASELINE, PRIMARY, PRIMARY_K
from perso_pipeline.models.names import TASKS
from perso_pipeline.models.pins import PinnedModels
from perso_pipeline.models.roster import BASELINE

_TASKS = ", ".join(f"('{task}', '{PRIMARY[task]}{AGAINST_BASELINE}')" for task in TASKS)
_ASKED = f"(values {_TASKS}) as w(task, metric)"
_FACED = f"""
select
    t.site_id, w.task, c.model, e.ci_low, e.value, coverage.value as coverage
from models.training_sets as t
cross join {_ASKED}
left join models.champions as c on c.night = t.night and c.site_id = t.site_id and c.task = w.task
left join models.model_evaluations as e
    on e.night = t.night and e.site_id = t.site_id and e.task = w.task and e.model = c.model
    and e.metric = w.metric and e.k = {PRIMARY_K}
left join models.model_evaluations as coverage
    on coverage.night = t.night and coverage.site_id = t.site_id and coverage.task = w.task
    and coverage.model = c.model and coverage.metric = 'coverage' and coverage.k = {PRIMARY_K}
where t.night = ?
order by t.site_id, w.task
"""
_HARMED = f"""
select s.site_id, s.task, s.model, s.kind, s.slice, s.value
from models.slice_evaluations as s
inner join {_ASKED} on w.task = s.task and w.metric = s.metric
where s.night = ? and s.ci_high < 0
order by s.value, s.kind, s.slice
"""


def unfit_champions(
    warehouse: Warehouse, night: date, configs: Mapping[str, SiteModels], pins: PinnedModels
) -> list[str]:
    """One sentence for each site and task without a champion, or whose champion breaks a floor.

    Floors: surely above popular, enough of the items shown, no protected slice surely worse off. A champion that was
    pinned has none; ``pinned_champions`` shows it.
    """
    rows = warehouse.query(_FACED, [night]).to_pylist()
    if not rows:
        return [f"no site was trained for {night}"]
    harmed = warehouse.query(_HARMED, [night]).to_pylist()
    faults = []
    for row in rows:
        site_id, task, model = row["site_id"], row["task"], row["model"]
        where, config = f"{site_id}, {task}", configs[site_id].evaluation
        pin = pins.of(site_id, night).get(task)
        if model is None:
            faults.append(f"{where}: there is no champion")
        elif model == BASELINE or (pin is not None and pin.model == model):
            continue
        elif row["ci_low"] is None or row["ci_low"] <= 0:
            measured = (
                "was not measured" if row["value"] is None else f"differs by {row['value']:+.4f}, surely not above 0"
            )
            faults.append(f"{where}: {model} serves, but against {BASELINE} it {measured}")
        elif row["coverage"] is None or row["coverage"] < config.min_coverage:
            shown = "an unknown share" if row["coverage"] is None else f"{row['coverage']:.1%}"
            faults.append(
                f"{where}: {model} serves, but shows {shown} of the items, less than {config.min_coverage:.1%}"
            )
        else:
            worse = [
                h
                for h in harmed
                if (h["site_id"], h["task"], h["model"]) == (site_id, task, model)
                and h["kind"] in config.protected_slices
            ]
            if worse:
                slice_ = f"{worse[0]['kind']} {worse[0]['slice']}"
                faults.append(f"{where}: {model} serves, but {slice_} is surely worse off than with {BASELINE}")
    return faults


def champion_reasons(warehouse: Warehouse, night: date) -> list[str]:
    """Who serves each site and task, and why."""
    rows = warehouse.query(
        "select site_id, task, model, reason from models.champions where night = ? order by all", [night]
    )
    return [f"{row['site_id']}, {row['task']}: {row['model']}. {row['reason']}" for row in rows.to_pylist()]


def pinned_champions(warehouse: Warehouse, night: date, pins: PinnedModels) -> list[str]:
    """The reason of each champion of a site and task that somebody rolled back."""
    rows = warehouse.query(
        "select site_id, task, reason from models.champions where night = ? order by all", [night]
    ).to_pylist()
    pinned = [row for row in rows if row["task"] in pins.of(row["site_id"], night)]
    return [f"{row['site_id']}, {row['task']}: {row['reason']}" for row in pinned]


def weak_champions(warehouse: Warehouse, night: date) -> list[str]:
    """The reason of each champion that is popular."""
    rows = warehouse.query(
        "select site_id, task, reason from models.champions where night = ? and model = ? order by all",
        [night, BASELINE],
    )
    return [f"{row['site_id']}, {row['task']}: {row['reason']}" for row in rows.to_pylist()]


def unknown_segments(warehouse: Warehouse, night: date) -> list[str]:
    """One sentence for each segment that a submodel names and the night's catalogue of segments does not have."""
    rows = warehouse.query(
        "select distinct submodel, submodel_group from models.submodels where night = ? and kind = 'segment' "
        "order by all",
        [night],
    ).to_pylist()
    if not rows:
        return []
    catalogue = warehouse.query("select segment_id from segments.segment_catalogue where night = ?", [night])
    known = set(catalogue["segment_id"].to_pylist())
    return [
        f"submodel '{row['submodel']}' names segment '{row['submodel_group']}', which the night does not have"
        f"{nearest(row['submodel_group'], known)}"
        for row in rows
        if row["submodel_group"] not in known
    ]
