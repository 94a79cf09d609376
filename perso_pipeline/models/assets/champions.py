"""The race of a night, its champions and the files in which they are kept."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from datetime import date
from typing import Any, TypeVar

import dagster as dg

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.models import artifacts, race, tables
from perso_pipeline.models.assets.declared import COMMON, FACTS, GROUPS, night_of, preview
from perso_pipeline.models.evaluation import PRIMARY, PRIMARY_K, Evaluation, evaluate
from perso_pipeline.models.inputs import by_site, rows_of, site_as_decided, site_configs
from perso_pipeline.models.pins import read_pins
from perso_pipeline.models.recommenders.factors import one_blas_thread
from perso_pipeline.models.roster import build
from perso_pipeline.models.site_night import SiteNight
from perso_pipeline.models.split import NotEvaluated
from perso_pipeline.resources.display import markdown_picture
from perso_pipeline.resources.in_turn import in_turn
from perso_pipeline.resources.model_files import entries
from perso_pipeline.resources.provenance import code_version
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.tracked import Dataset, ModelRun, NightRun, Recorded
from perso_pipeline.resources.tracking import STEP_WITH_MLFLOW, Tracking, TrackingResource
from perso_pipeline.resources.warehouse import WarehouseResource

Done = TypeVar("Done")
_MEASURED = {
    "training_sets": "One row per night and site: what models could learn from, the time cut, what dropped out.",
    "model_evaluations": "One row per night, site, task, model, metric and k, with a bootstrap interval.",
    "slice_evaluations": "One row per night, site, task, slice of the people, model and metric, with an interval.",
    "model_verdicts": "One row per night, site, task and model: whether it may serve, and why, in a sentence.",
}


@dg.multi_asset(
    specs=[
        dg.AssetSpec(["models", table], description=grain, deps=[*FACTS, *GROUPS], kinds={"python", "mlflow"}, **COMMON)
        for table, grain in _MEASURED.items()
    ],
    **STEP_WITH_MLFLOW,
)
def model_evaluations(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    warehouse: WarehouseResource,
    tracking: TrackingResource,
) -> Iterator[dg.MaterializeResult]:
    """Race every model on one split per site and log the night to MLflow."""
    night, here, store = night_of(context), warehouse.open(), tracking.open()
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in _MEASURED}
    skipped: dict[str, str] = {}
    left_out: dict[str, str] = {}
    shown: dict[str, dg.MetadataValue] = {}
    configs = site_configs(settings.get().config_dir)

    def sites() -> Iterator[SiteNight]:
        for site_id, config in configs.items():
            site = SiteNight.read(here, site_id, night, config)
            if len(site.signals):
                yield site
            else:
                skipped[site_id] = "no interactions are known for this night"

    def raced(site: SiteNight) -> tuple[SiteNight, Evaluation | NotEvaluated]:
        return site, evaluate(
            site.signals, site.config, threads=settings.get().threads, evidence=site.evidence, groups=site.groups
        )

    for site, outcome in _sites_in_turn(raced, sites(), len(configs)):
        site_id, config = site.site_id, site.config
        trained = race.training_row(site, outcome)
        rows["training_sets"].append(trained)
        if isinstance(outcome, Evaluation):
            rows["model_evaluations"] += tables.night_rows(night, site_id, outcome.measurements)
            rows["slice_evaluations"] += tables.night_rows(night, site_id, outcome.slices)
            rows["model_verdicts"] += tables.night_rows(night, site_id, race.said(config, outcome))
            left_out |= {f"{site_id}/{model}": reason for model, reason in outcome.left_out.items()}
        pictures = race.figures(site, outcome)
        recorded = store.record(
            NightRun(
                site_id=site_id,
                night=night,
                key=site.key,
                tags=_tags(context, site, trained),
                params={name: str(value) for name, value in trained.items() if value is not None},
                figures=pictures,
                models=[ModelRun(r.model, r.params, r.metrics, r.figures) for r in race.run_records(config, outcome)],
                pages=race.pages(site, outcome),
                note=race.note(site, outcome),
                dataset=Dataset(f"signals of {site_id}", site.signals.fingerprint, "interactions.interactions"),
            )
        )
        shown |= _links(site_id, recorded) | {f"{site_id}/{name}": _picture(body) for name, body in pictures.items()}
    primary = [r for r in rows["model_evaluations"] if r["metric"] == PRIMARY[r["task"]] and r["k"] == PRIMARY_K]
    previews = rows | {"model_evaluations": primary}
    note = {"skipped": dg.MetadataValue.json(skipped), "left_out": dg.MetadataValue.json(left_out)}
    for table in _MEASURED:
        here.write_partition(f"models.{table}", tables.table(rows[table], tables.SCHEMAS[table]), {"night": night})
        yield dg.MaterializeResult(
            asset_key=["models", table],
            metadata={
                "dagster/row_count": len(rows[table]),
                "preview": preview(tables.table(previews[table], tables.SCHEMAS[table])),
                **(shown if table == "model_evaluations" else {}),
                **note,
            },
        )


@dg.asset(
    key=["models", "champions"],
    deps=[["models", "training_sets"], ["models", "model_evaluations"], ["models", "slice_evaluations"]],
    kinds={"python", "mlflow"},
    **COMMON,
    **STEP_WITH_MLFLOW,
)
def champions(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    warehouse: WarehouseResource,
    tracking: TrackingResource,
) -> dg.MaterializeResult:
    """One row per night, site and task: the model that serves, its version and the reason in words."""
    night, here, store = night_of(context), warehouse.open(), tracking.open()
    configs = site_configs(settings.get().config_dir)
    pins = read_pins(settings.get().config_dir)
    measured = by_site(rows_of(here, "models.model_evaluations", night))
    sliced = by_site(rows_of(here, "models.slice_evaluations", night))
    rows = []
    for trained in rows_of(here, "models.training_sets", night):
        site_id = trained["site_id"]
        recorded = _recorded(store, site_id, night, trained["key"])
        decisions = race.decisions(
            tables.measurements_of(measured.get(site_id, [])),
            tables.slices_of(sliced.get(site_id, [])),
            trained["not_evaluated_because"],
            configs[site_id],
            pins.of(site_id, night),
        )
        rows += [
            {
                "night": night,
                "site_id": site_id,
                "task": decision.task,
                "model": decision.model,
                "challenger": decision.challenger,
                "version": f"{night.isoformat()}.{trained['key'][:8]}",
                "mlflow_run_id": recorded.models[decision.model],
                "reason": decision.reason,
            }
            for decision in decisions
        ]
    written = tables.table(rows, tables.CHAMPIONS)
    here.write_partition("models.champions", written, {"night": night})
    return dg.MaterializeResult(metadata={"dagster/row_count": len(rows), "preview": preview(written)})


@dg.asset(
    key=["models", "model_artifacts"],
    deps=[["models", "champions"], *FACTS, *GROUPS],
    kinds={"python", "mlflow"},
    **COMMON,
    **STEP_WITH_MLFLOW,
)
def model_artifacts(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    warehouse: WarehouseResource,
    tracking: TrackingResource,
) -> dg.MaterializeResult:
    """One row per night, site, model and stored file, with the SHA-256 that is checked before loading."""
    night, here, store = night_of(context), warehouse.open(), tracking.open()
    configs = site_configs(settings.get().config_dir)
    rows: list[dict[str, Any]] = []
    registered: dict[str, str] = {}
    chosen_by_site = by_site(rows_of(here, "models.champions", night))

    def fitted(site: SiteNight) -> tuple[SiteNight, dict[str, dict[str, bytes]]]:
        data, files = site.matrix(), {}
        models = build(site.config, threads=settings.get().threads)
        chosen = chosen_by_site[site.site_id]
        for name in race.models_to_keep([row[role] for row in chosen for role in ("model", "challenger")]):
            files[name] = artifacts.packed(models[name].fit(data), data, version=site.version, config=site.config)
        return site, files

    sites = (site_as_decided(here, id_, night, configs[id_], chosen) for id_, chosen in chosen_by_site.items())
    for site, packed in _sites_in_turn(fitted, sites, len(chosen_by_site)):
        site_id = site.site_id
        recorded = _recorded(store, site_id, night, site.key)
        for name, files in packed.items():
            store.store_model(recorded.models[name], files)
            stored = {"night": night, "site_id": site_id, "model": name, "version": site.version}
            ledger = tables.ledger_rows(entries(files))
            rows += [{**stored, **entry, "mlflow_run_id": recorded.models[name]} for entry in ledger]
        for row in chosen_by_site[site_id]:
            title = f"{site_id}--{row['task']}"
            for alias, name in (("champion", row["model"]), ("challenger", row["challenger"])):
                if name:
                    run_id = recorded.models[name]
                    number = store.registry.register(title, run_id, night=night, version=site.version, alias=alias)
                    registered[f"{title} {alias}"] = f"{name}, version {number}"
    written = tables.table(rows, tables.MODEL_ARTIFACTS)
    here.write_partition("models.model_artifacts", written, {"night": night})
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(rows),
            "bytes": sum(row["bytes"] for row in rows),
            "registered": dg.MetadataValue.json(registered),
            "preview": preview(written),
        }
    )


def _sites_in_turn(do: Callable[[SiteNight], Done], sites: Iterable[SiteNight], count: int) -> Iterator[Done]:
    """Two sites at a time, for much of a fit is one thread's work; the next is read meanwhile."""
    with one_blas_thread() if count > 1 else nullcontext():  # around both, for the limit is the whole process's
        yield from in_turn(do, sites, at_once=min(count, 2) or 1)


def _recorded(store: Tracking, site_id: str, night: date, key: str) -> Recorded:
    found = store.recorded(site_id, night, key)
    if found is None:
        msg = f"MLflow has no finished run of {site_id} for {night}; materialize models/model_evaluations first."
        raise PersoError(msg)
    return found


def _tags(context: dg.AssetExecutionContext, site: SiteNight, trained: dict[str, Any]) -> dict[str, str]:
    return {
        "dagster/run_id": context.run.run_id,
        "dagster/asset_key": "models/model_evaluations",
        "dagster/partition": context.partition_key,
        "perso.fingerprint": site.signals.fingerprint,
        "perso.version": site.version,
        "perso.code": code_version(),
        "perso.train_from": trained["first_date"].isoformat(),
        "perso.train_before": str(trained.get("cut_date") or "not evaluated"),
    }


def _links(site_id: str, recorded: Recorded) -> dict[str, dg.MetadataValue]:
    runs = {"night": recorded.run_id, **recorded.models}
    lines = [f"- all models compared: MLflow UI `/{recorded.path(recorded.run_id, race.PAGE)}`"]
    lines += [f"- {name}: run `{run_id}`, MLflow UI `/{recorded.path(run_id)}`" for name, run_id in runs.items()]
    return {f"{site_id}/mlflow": dg.MetadataValue.md("\n".join(lines))}


def _picture(body: bytes) -> dg.MetadataValue:
    return dg.MetadataValue.md(markdown_picture(body, title="plot"))
