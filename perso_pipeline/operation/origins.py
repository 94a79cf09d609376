"""``perso models origins``: the race at several cuts, printed and kept in MLflow beside the nights.

Its runs stand in an experiment of their own per site, so that they never replace a night's.
"""

import hashlib
from collections.abc import Callable
from datetime import date

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.models.config import flat
from perso_pipeline.models.evaluation import PRIMARY, PRIMARY_K, Evaluation
from perso_pipeline.models.inputs import chosen_configs
from perso_pipeline.models.rolling import Origin, Pooled, pooled, run_origins
from perso_pipeline.models.rolling_page import page, words
from perso_pipeline.models.site_night import SiteNight
from perso_pipeline.models.verdict import number
from perso_pipeline.resources.opening import open_warehouse
from perso_pipeline.resources.provenance import code_version
from perso_pipeline.resources.tracked import Dataset, ModelRun, NightRun
from perso_pipeline.resources.tracking import Tracking
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.settings import Settings

Say = Callable[[str], None]


def compare_origins(settings: Settings, *, site_id: str, night: date | None, say: Say) -> None:
    """Run the race of every site (or one) at several cuts before a night.

    Raises:
        PersoError: no night was run, or no such site.
    """
    warehouse = open_warehouse(settings)
    asked = night or _newest(warehouse)
    for name, config in chosen_configs(settings.config_dir, site_id).items():
        site = SiteNight.read(warehouse, name, asked, config)
        if not len(site.signals):
            say(f"{name}: no interactions are known for {asked}.")
            continue
        origins = []
        for origin in run_origins(
            site.signals, config, threads=settings.threads, evidence=site.evidence, groups=site.groups
        ):
            origins.append(origin)
            say(f"{name}, {_said(origin)}")
        over_all = pooled(origins, config)
        for one in over_all:
            say(f"  {one.task}: {one.model} {number(one.value)}. {' '.join(words(one))}")
        if over_all:
            _record(settings, site, origins, over_all, say)


def _said(origin: Origin) -> str:
    if isinstance(origin.outcome, Evaluation):
        split = origin.outcome.split
        return f"{split.cut} to {split.end}: {len(split.people):,} people, trained on what came before."
    return f"up to {origin.last_day}: not evaluated, {origin.outcome.because}."


def _record(settings: Settings, site: SiteNight, origins: list[Origin], over_all: list[Pooled], say: Say) -> None:
    metrics: dict[str, dict[str, float]] = {}
    for one in over_all:
        name = f"{one.task}/{PRIMARY[one.task]}_at_{PRIMARY_K}"
        own = metrics.setdefault(one.model, {})
        own[name] = one.value
        own |= {f"{name}_minus_{rival}": gap.value for rival, gap in one.against.items()}
    for origin in origins:
        measured = origin.outcome.measurements if isinstance(origin.outcome, Evaluation) else ()
        for m in measured:
            if m.k == PRIMARY_K and m.metric == PRIMARY[m.task] and m.model in metrics:
                metrics[m.model][f"{m.task}/{m.metric}_at_{m.k}_until_{origin.last_day}"] = m.value
    experiment = f"{site.site_id} origins"
    store = Tracking(settings.mlflow_uri, settings.mlflow_dir / "artifacts")
    recorded = store.record(
        NightRun(
            site_id=site.site_id,
            night=site.night,
            key=hashlib.sha256(f"origins {site.key}".encode()).hexdigest(),
            tags={"perso.code": code_version(), "perso.fingerprint": site.signals.fingerprint},
            params=flat(site.config.evaluation, "evaluation"),
            figures={},
            models=[ModelRun(m, flat(getattr(site.config, m), m), values) for m, values in metrics.items()],
            experiment=experiment,
            pages={"origins.html": page(f"{site.site_id}, night {site.night}", site.config, origins, over_all)},
            dataset=Dataset(f"signals of {site.site_id}", site.signals.fingerprint, "interactions.interactions"),
        )
    )
    say(f"  MLflow: experiment {experiment!r}, run {recorded.run_id}, artefact origins.html.")


def _newest(warehouse: DuckDBWarehouse) -> date:
    if warehouse.exists("models.training_sets"):
        found = warehouse.query("select max(night) as night from models.training_sets").to_pylist()[0]["night"]
        if found is not None:
            return found
    msg = "No night has been run to its models yet; run 'perso run' first, or name a night with --night."
    raise PersoError(msg)
