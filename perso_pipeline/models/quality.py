"""The questions behind the stage's checks, asked of the stored tables."""

from datetime import date

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.models.config import TASKS
from perso_pipeline.models.evaluation import AGAINST_BASELINE, PRIMARY, PRIMARY_K
from perso_pipeline.models.roster import BASELINE

_FACED = f"""
select
    t.site_id, w.task, c.model, e.ci_low, e.value
from models.training_sets as t
cross join (values {", ".join(f"('{task}', '{PRIMARY[task]}{AGAINST_BASELINE}')" for task in TASKS)}) as w(task, metric)
left join models.champions as c on c.night = t.night and c.site_id = t.site_id and c.task = w.task
left join models.model_evaluations as e
    on e.night = t.night and e.site_id = t.site_id and e.task = w.task and e.model = c.model
    and e.metric = w.metric and e.k = {PRIMARY_K}
where t.night = ?
order by t.site_id, w.task
"""


def unfit_champions(warehouse: Warehouse, night: date) -> list[str]:
    """One sentence for each site and task without a champion, or whose champion is not surely above popular."""
    rows = warehouse.query(_FACED, [night]).to_pylist()
    if not rows:
        return [f"no site was trained for {night}"]
    faults = []
    for row in rows:
        where = f"{row['site_id']}, {row['task']}"
        if row["model"] is None:
            faults.append(f"{where}: there is no champion")
        elif row["model"] != BASELINE and (row["ci_low"] is None or row["ci_low"] <= 0):
            measured = (
                "was not measured" if row["value"] is None else f"differs by {row['value']:+.4f}, surely not above 0"
            )
            faults.append(f"{where}: {row['model']} serves, but against {BASELINE} it {measured}")
    return faults


def weak_champions(warehouse: Warehouse, night: date) -> list[str]:
    """The reason of each champion that is popular."""
    rows = warehouse.query(
        "select site_id, task, reason from models.champions where night = ? and model = ? order by all",
        [night, BASELINE],
    )
    return [f"{row['site_id']}, {row['task']}: {row['reason']}" for row in rows.to_pylist()]
