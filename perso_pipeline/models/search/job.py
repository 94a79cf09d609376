"""The job ``search_models``: a search as a run in Dagster, started by hand or by ``perso search``.

It has no assets and no schedule and writes no table of the warehouse.
"""

import time
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.models.inputs import chosen_configs
from perso_pipeline.models.names import TASKS
from perso_pipeline.resources.display import markdown_picture
from perso_pipeline.resources.provenance import code_version
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.tracking import TrackingResource
from perso_pipeline.resources.warehouse import WarehouseResource

if TYPE_CHECKING:
    from perso_pipeline.models.search.run import Searched


class SearchConfig(dg.Config):
    """What to search and for how long."""

    site: str
    model: str
    minutes: float = 5.0
    task: str = "personal"
    trials: int | None = None
    seed: int = 20260107
    night: str = ""


@dg.op(tags={"kind": "python"})
def search_model(
    context: dg.OpExecutionContext,
    config: SearchConfig,
    settings: SettingsResource,
    warehouse: WarehouseResource,
    tracking: TrackingResource,
) -> dg.Output[str]:
    """Search the settings of one model on one site; the result is the folder of its files."""
    from perso_pipeline.models.search.run import SearchOrder, run_search  # Optuna: a second that only a search needs

    chosen, here = settings.get(), warehouse.open()
    site_config = chosen_configs(chosen.config_dir, config.site)[config.site]
    task = next((one for one in TASKS if one == config.task), None)
    if task is None:
        msg = f"There is no task '{config.task}'; tasks are {' and '.join(TASKS)}."
        raise PersoError(msg)
    order = SearchOrder(
        site_id=config.site,
        model=config.model,
        task=task,
        night=date.fromisoformat(config.night) if config.night else _newest_night(here),
        trials=config.trials,
        seed=config.seed,
    )
    ends = time.monotonic() + 60 * config.minutes
    found = run_search(
        order,
        warehouse=here,
        config=site_config,
        tracking=tracking.open(),
        searches_dir=chosen.searches_dir,
        tags={"dagster/run_id": context.run_id, "perso.code": code_version(), "perso.site": config.site},
        threads=chosen.threads,
        is_time_up=lambda: time.monotonic() >= ends,
        say=context.log.info,
    )
    return dg.Output(str(found.folder), metadata=_shown(found))


@dg.job(description="Search the settings of a model on a site: config takes site, model, minutes.")
def search_models() -> None:
    search_model()


def _newest_night(warehouse: Warehouse) -> date:
    table = "models.training_sets"
    newest = warehouse.query(f"select max(night) as night from {table}") if warehouse.exists(table) else None
    night = newest["night"][0].as_py() if newest is not None else None
    if not isinstance(night, date):
        msg = "No night has trained models yet; run one with 'perso run', or name a night."
        raise PersoError(msg)
    return night


def _shown(found: "Searched") -> dict[str, dg.MetadataValue]:
    pictures = {
        name: dg.MetadataValue.md(markdown_picture((found.folder / name).read_bytes(), title=name))
        for name in ("history.png", "importances.png")
        if (found.folder / name).exists()
    }
    return {
        "best": dg.MetadataValue.md(f"```yaml\n{found.block}```"),
        "trials": dg.MetadataValue.int(len(found.tried)),
        "mlflow run": dg.MetadataValue.text(found.mlflow_run_id),
        **pictures,
    }
