"""What each list might show, before any filter: lists of the champions, of submodels and of cold items."""

from collections.abc import Iterable, Iterator

import dagster as dg
import numpy as np
import pyarrow as pa

from perso_pipeline.models import artifacts, tables
from perso_pipeline.models.assets.declared import COMMON, FACTS, GROUPS, PREVIEW_ROWS, night_of, preview
from perso_pipeline.models.candidates import CandidateRows, as_table
from perso_pipeline.models.inputs import Row, by_site, rows_of, site_as_decided, site_configs
from perso_pipeline.models.protocol import InteractionMatrix, Recommender
from perso_pipeline.models.roster import FOR_ANYONE
from perso_pipeline.models.site_night import SiteNight
from perso_pipeline.models.submodel_lists import SiteLists, further_lists, read_groups
from perso_pipeline.resources.model_files import read_verified
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.tracking import STEP_WITH_MLFLOW, Tracking, TrackingResource
from perso_pipeline.resources.warehouse import WarehouseResource

_CANDIDATES = "models.candidates"
_ROWS_AT_ONCE = 1_500_000  # so many are written while the next are made
_DEPS = [
    dg.AssetKey(["models", "model_artifacts"]),
    dg.AssetKey(["models", "champions"]),
    *FACTS,
    *GROUPS,
    dg.AssetKey(["staging", "stg_catalog_items"]),
    dg.AssetKey(["segments", "segment_membership"]),
]
_LISTED = {
    "candidates": "One row per night, site, task, model, submodel, subject and rank: what might be shown, unfiltered.",
    "submodels": "One row per night, site, submodel and group: whether it was trained, on how much, and who answers.",
    "submodel_members": "One row per night, site, submodel and item or person: the group that answers there.",
    "cold_items": "One row per night, site and item that is new or that too few people met to be placed by behaviour.",
}


@dg.multi_asset(
    specs=[
        dg.AssetSpec(["models", table], description=grain, deps=_DEPS, kinds={"python", "duckdb"}, **COMMON)
        for table, grain in _LISTED.items()
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
    night, here, store = night_of(context), warehouse.open(), tracking.open()
    configs, threads = site_configs(settings.get().config_dir), settings.get().threads
    ledger = by_site(rows_of(here, "models.model_artifacts", night))
    counts: dict[str, int] = {}
    further: dict[str, SiteLists] = {}

    def parts() -> Iterator[dict[str, pa.Table]]:
        yield {_CANDIDATES: as_table([])}  # what an earlier run of the night wrote goes in any case
        for site_id, chosen in by_site(rows_of(here, "models.champions", night)).items():
            site = site_as_decided(here, site_id, night, configs[site_id], chosen)
            champion = {row["task"]: row["model"] for row in chosen}
            data = site.matrix()
            models = _restored({*FOR_ANYONE, *champion.values()}, ledger.get(site_id, []), store, site, data, threads)
            further[site_id] = further_lists(site, data, read_groups(here, site), threads=threads)
            counts[site_id] = 0
            for some in _gathered(_lists(site, data, models, champion, further[site_id])):
                counts[site_id] += some.num_rows
                yield {_CANDIDATES: some}

    here.write_partitions(parts(), {"night": night})
    written = {
        "submodels": tables.table([row for s in further.values() for row in s.submodels], tables.SUBMODELS),
        "submodel_members": pa.concat_tables(
            [tables.SUBMODEL_MEMBERS.empty_table(), *(one for s in further.values() for one in s.members)]
        ),
        "cold_items": tables.table([row for s in further.values() for row in s.cold_items], tables.COLD_ITEMS),
    }
    for name, rows in written.items():
        here.write_partition(f"models.{name}", rows, {"night": night})
    shown = here.query(
        "select * from models.candidates where night = ? and rank <= 2 order by all limit ?", [night, PREVIEW_ROWS]
    )
    yield dg.MaterializeResult(
        asset_key=["models", "candidates"],
        metadata={
            "dagster/row_count": sum(counts.values()),
            "rows_per_site": dg.MetadataValue.json(counts),
            "preview": preview(shown),
        },
    )
    for name, rows in written.items():
        yield dg.MaterializeResult(
            asset_key=["models", name],
            metadata={
                "dagster/row_count": rows.num_rows,
                "preview": preview(rows),
            },
        )


def _restored(
    names: set[str], ledger: list[Row], store: Tracking, site: SiteNight, data: InteractionMatrix, threads: int
) -> dict[str, Recommender]:
    """The site's stored models of these names, each from files that are those of the ledger."""
    models = {}
    for name in names:
        stored = [row for row in ledger if row["model"] == name]
        folder = store.model_folder(stored[0]["mlflow_run_id"]) if stored else None
        files = read_verified(folder, tables.ledger_of(stored)) if folder else {}
        models[name] = artifacts.unpacked(name, files, data, site.config, threads=threads)
    return models


def _lists(
    site: SiteNight,
    data: InteractionMatrix,
    models: dict[str, Recommender],
    champion: dict[str, str],
    further: SiteLists,
) -> Iterator[pa.RecordBatch]:
    lists = CandidateRows(site.night, site.site_id, data, site.config.candidates, blocked=site.config.blocked)
    for name in FOR_ANYONE:
        yield from lists.for_anyone(models[name], site.version)
    # A champion that gives everyone the same list already stands there once, under 'anyone'.
    if champion["personal"] not in FOR_ANYONE:
        yield from lists.for_people(models[champion["personal"]], site.version)
    if champion["similar"] not in FOR_ANYONE:
        warm = np.flatnonzero(~np.isin(data.items, further.placed_by_content))
        yield from lists.for_items(models[champion["similar"]], site.version, some=warm)
    yield from further.candidates


def _gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Batches as tables large enough to be written at once."""
    some: list[pa.RecordBatch] = []
    for batch in batches:
        some.append(batch)
        if sum(b.num_rows for b in some) >= _ROWS_AT_ONCE:
            yield as_table(some)
            some = []
    if some:
        yield as_table(some)
