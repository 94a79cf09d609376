"""Stage ``models``: the race of a night, its champions, their files, their candidates."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.models import artifacts, race, tables
from perso_pipeline.models.candidates import CandidateRows, as_table
from perso_pipeline.models.evaluation import PRIMARY, PRIMARY_K, Evaluation, evaluate
from perso_pipeline.models.inputs import by_site, drop_other_sites, rows_of, site_as_decided, site_configs
from perso_pipeline.models.pins import read_pins
from perso_pipeline.models.roster import FOR_ANYONE, build
from perso_pipeline.models.site_night import MODELS_VERSION, SiteNight
from perso_pipeline.models.submodel_lists import SiteLists, further_lists, read_groups
from perso_pipeline.resources.display import markdown_picture, markdown_table
from perso_pipeline.resources.model_files import entries, read_verified
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.tracking import (
    STEP_WITH_MLFLOW,
    Dataset,
    ModelRun,
    NightRun,
    Recorded,
    Tracking,
    TrackingResource,
    code_version,
)
from perso_pipeline.resources.warehouse import WarehouseResource

_COMMON: dict[str, Any] = {
    "group_name": "models",
    "owners": ["team:perso"],
    "partitions_def": NIGHTLY,
    "code_version": str(MODELS_VERSION),
}
_FACTS = [
    dg.AssetKey(["interactions", "interactions"]),
    dg.AssetKey(["interactions", "session_events"]),
    dg.AssetKey(["interactions", "order_movements"]),
    dg.AssetKey(["identity", "identity_map"]),
]
_GROUPS = [dg.AssetKey(["segments", "primary_segment"]), dg.AssetKey(["profiles", "item_profiles"])]
_PREVIEW_ROWS = 10


_MEASURED = {
    "training_sets": "One row per night and site: what models could learn from, the time cut, what dropped out.",
    "model_evaluations": "One row per night, site, task, model, metric and k, with a bootstrap interval.",
    "slice_evaluations": "One row per night, site, task, slice of the people, model and metric, with an interval.",
    "model_verdicts": "One row per night, site, task and model: whether it may serve, and why, in a sentence.",
}


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            ["models", table], description=grain, deps=[*_FACTS, *_GROUPS], kinds={"python", "mlflow"}, **_COMMON
        )
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
    night, here, store = _night(context), warehouse.open(), tracking.open()
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in _MEASURED}
    skipped: dict[str, str] = {}
    left_out: dict[str, str] = {}
    shown: dict[str, dg.MetadataValue] = {}
    for site_id, config in site_configs(settings.get().config_dir).items():
        site = SiteNight.read(here, site_id, night, config)
        if not len(site.signals):
            skipped[site_id] = "no interactions are known for this night"
            continue
        outcome = evaluate(
            site.signals, config, threads=settings.get().threads, evidence=site.evidence, groups=site.groups
        )
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
                "preview": _preview(tables.table(previews[table], tables.SCHEMAS[table])),
                **(shown if table == "model_evaluations" else {}),
                **note,
            },
        )


@dg.asset(
    key=["models", "champions"],
    deps=[["models", "training_sets"], ["models", "model_evaluations"], ["models", "slice_evaluations"]],
    kinds={"python", "mlflow"},
    **_COMMON,
    **STEP_WITH_MLFLOW,
)
def champions(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    warehouse: WarehouseResource,
    tracking: TrackingResource,
) -> dg.MaterializeResult:
    """One row per night, site and task: the model that serves, its version and the reason in words."""
    night, here, store = _night(context), warehouse.open(), tracking.open()
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
    return dg.MaterializeResult(metadata={"dagster/row_count": len(rows), "preview": _preview(written)})


@dg.asset(
    key=["models", "model_artifacts"],
    deps=[["models", "champions"], *_FACTS, *_GROUPS],
    kinds={"python", "mlflow"},
    **_COMMON,
    **STEP_WITH_MLFLOW,
)
def model_artifacts(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    warehouse: WarehouseResource,
    tracking: TrackingResource,
) -> dg.MaterializeResult:
    """One row per night, site, model and stored file, with the SHA-256 that is checked before loading."""
    night, here, store = _night(context), warehouse.open(), tracking.open()
    configs = site_configs(settings.get().config_dir)
    rows: list[dict[str, Any]] = []
    registered: dict[str, str] = {}
    for site_id, chosen in by_site(rows_of(here, "models.champions", night)).items():
        site = site_as_decided(here, site_id, night, configs[site_id], chosen)
        recorded = _recorded(store, site_id, night, site.key)
        data = site.matrix()
        models = build(site.config, threads=settings.get().threads)
        for name in race.models_to_keep([row[role] for row in chosen for role in ("model", "challenger")]):
            files = artifacts.packed(models[name].fit(data), data, version=site.version, config=site.config)
            store.store_model(recorded.models[name], files)
            stored = {"night": night, "site_id": site_id, "model": name, "version": site.version}
            ledger = tables.ledger_rows(entries(files))
            rows += [{**stored, **entry, "mlflow_run_id": recorded.models[name]} for entry in ledger]
        for row in chosen:
            title = f"{site_id}--{row['task']}"
            for alias, name in (("champion", row["model"]), ("challenger", row["challenger"])):
                if name:
                    run_id = recorded.models[name]
                    number = store.register(title, run_id, night=night, version=site.version, alias=alias)
                    registered[f"{title} {alias}"] = f"{name}, version {number}"
    written = tables.table(rows, tables.MODEL_ARTIFACTS)
    here.write_partition("models.model_artifacts", written, {"night": night})
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(rows),
            "bytes": sum(row["bytes"] for row in rows),
            "registered": dg.MetadataValue.json(registered),
            "preview": _preview(written),
        }
    )


_CANDIDATE_DEPS = [
    dg.AssetKey(["models", "model_artifacts"]),
    dg.AssetKey(["models", "champions"]),
    *_FACTS,
    *_GROUPS,
    dg.AssetKey(["staging", "stg_catalog_items"]),
    dg.AssetKey(["segments", "segment_membership"]),
]


@dg.multi_asset(
    specs=[
        dg.AssetSpec(["models", name], description=description, deps=_CANDIDATE_DEPS, kinds=kinds, **_COMMON)
        for name, kinds, description in (
            (
                "candidates",
                {"python", "duckdb"},
                "One row per night, site, task, model, submodel, subject and rank: what might be shown, unfiltered.",
            ),
            (
                "submodels",
                {"python", "duckdb"},
                "One row per night, site, submodel and group: whether it was trained, on how much, and who answers.",
            ),
            (
                "submodel_members",
                {"python", "duckdb"},
                "One row per night, site, submodel and item or person: the group that answers there.",
            ),
            (
                "cold_items",
                {"python", "duckdb"},
                "One row per night, site and item that is new or that too few people met to be placed by behaviour.",
            ),
        )
    ],
    **STEP_WITH_MLFLOW,
)
def candidates(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    warehouse: WarehouseResource,
    tracking: TrackingResource,
) -> Iterator[dg.MaterializeResult]:
    """Lists of the champions, of submodels and of cold items, before any filter."""
    night, here, store = _night(context), warehouse.open(), tracking.open()
    configs, threads = site_configs(settings.get().config_dir), settings.get().threads
    ledger = by_site(rows_of(here, "models.model_artifacts", night))
    counts: dict[str, int] = {}
    further: dict[str, SiteLists] = {}
    for site_id, chosen in by_site(rows_of(here, "models.champions", night)).items():
        site = site_as_decided(here, site_id, night, configs[site_id], chosen)
        champion = {row["task"]: row["model"] for row in chosen}
        data = site.matrix()
        models = {}
        for name in {*FOR_ANYONE, *champion.values()}:
            stored = [row for row in ledger.get(site_id, []) if row["model"] == name]
            folder = store.model_folder(stored[0]["mlflow_run_id"]) if stored else None
            files = read_verified(folder, tables.ledger_of(stored)) if folder else {}
            models[name] = artifacts.unpacked(name, files, data, site.config, threads=threads)
        lists = CandidateRows(night, site_id, data, site.config.candidates, blocked=site.config.blocked)
        made: list[pa.RecordBatch] = []
        for name in FOR_ANYONE:
            made += lists.for_anyone(models[name], site.version)
        # A champion that gives everyone the same list already stands there once, under 'anyone'.
        if champion["personal"] not in FOR_ANYONE:
            made += lists.for_people(models[champion["personal"]], site.version)
        further[site_id] = further_lists(site, data, read_groups(here, site), threads=threads)
        if champion["similar"] not in FOR_ANYONE:
            warm = np.flatnonzero(~np.isin(data.items, further[site_id].placed_by_content))
            made += lists.for_items(models[champion["similar"]], site.version, some=warm)
        made += further[site_id].candidates
        counts[site_id] = here.write_partition(
            "models.candidates", as_table(made), {"night": night, "site_id": site_id}
        )
    drop_other_sites(here, "models.candidates", night, set(counts))
    written = {
        "submodels": tables.table([row for s in further.values() for row in s.submodels], tables.SUBMODELS),
        "submodel_members": pa.concat_tables(
            [tables.SUBMODEL_MEMBERS.empty_table(), *(one for s in further.values() for one in s.members)]
        ),
        "cold_items": tables.table([row for s in further.values() for row in s.cold_items], tables.COLD_ITEMS),
    }
    for name, rows in written.items():
        here.write_partition(f"models.{name}", rows, {"night": night})
    preview = here.query(
        "select * from models.candidates where night = ? and rank <= 2 order by all limit ?", [night, _PREVIEW_ROWS]
    )
    yield dg.MaterializeResult(
        asset_key=["models", "candidates"],
        metadata={
            "dagster/row_count": sum(counts.values()),
            "rows_per_site": dg.MetadataValue.json(counts),
            "preview": _preview(preview),
        },
    )
    for name, rows in written.items():
        yield dg.MaterializeResult(
            asset_key=["models", name],
            metadata={
                "dagster/row_count": rows.num_rows,
                "preview": _preview(rows),
            },
        )


def _night(context: dg.AssetExecutionContext) -> date:
    return date.fromisoformat(context.partition_key)


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


def _preview(rows: pa.Table) -> dg.MetadataValue:
    return dg.MetadataValue.md(markdown_table(rows.drop_columns("night"), limit=_PREVIEW_ROWS))
