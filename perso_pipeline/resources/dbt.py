"""The dbt project as Dagster assets, one dbt invocation per gate boundary.

A gate cannot stop models inside the invocation that made its table, so each stage's ``assets.py`` calls
``dbt_stage`` for its own part of ``sql/``. Keep SQL in ``sql/`` and thresholds in ``expectations/``.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.resources.dbt_results import NodeResult, Pictures, failed_sentence, results_for_dagster
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.warehouse import WarehouseResource
from perso_pipeline.resources.warehouse_lock import WarehouseLock
from perso_pipeline.settings import Settings

REBUILD_TAG = "perso/rebuild"  # a run with this tag makes its fact tables anew
_UNIQUE_ID = "dagster_dbt/unique_id"
_COLUMNS = "dagster/column_schema"
_MANIFEST = "manifest.json"
_PARSED = "partial_parse.msgpack"


class StageTranslator(DagsterDbtTranslator):
    """Group is the stage (the schema), the description is the model's own, without its SQL."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = self.get_resource_props(manifest, unique_id)
        return spec.replace_attributes(
            group_name=node["schema"],
            owners=["team:perso"],
            kinds={"dbt", "duckdb"},
            description=node.get("description") or None,
        )


class DbtResource(dg.ConfigurableResource):
    """Runs dbt in this process with the manifest that the assets were made from.

    ``DbtCliResource`` starts a new Python and parses the project again for every invocation, because the
    night is a variable: 5 s each, five times a night. Here an invocation costs its models.
    """

    def build(
        self,
        warehouse: WarehouseResource,
        *,
        select: Sequence[str],
        variables: Mapping[str, object],
        full_refresh: bool = False,
    ) -> list[NodeResult]:
        """Run ``dbt build`` for the models ``select`` names in full, with their tests, under the warehouse lock.

        ``full_refresh`` makes incremental tables anew from what is before them, for all nights.
        """
        settings = Settings()
        store = warehouse.open()
        with WarehouseLock.hold(store.path, purpose="dbt build"):
            os.environ["PERSO_WAREHOUSE"] = str(store.path)  # read by sql/profiles.yml
            os.environ["PERSO_MEMORY_LIMIT"] = warehouse.memory_limit
            os.environ["PERSO_THREADS"] = str(warehouse.threads)
            return _invoke(
                [
                    "build", "--select", *select,
                    "--indirect-selection", "buildable", "--exclude-resource-type", "unit_test",
                    "--vars", json.dumps(variables),
                    "--target-path", str(settings.home.resolve() / "dbt" / "target"),
                    "--log-path", str(settings.home.resolve() / "dbt" / "logs"), "--no-write-json",
                    *(["--full-refresh"] if full_refresh else []),
                ],
                with_manifest=True,
            )  # fmt: skip


def dbt_stage(
    name: str,
    *,
    select: str,
    per_night: bool = False,
    config: Callable[[Path], Mapping[str, object]] | None = None,
    pictures: Mapping[str, Pictures] | None = None,
) -> dg.AssetsDefinition:
    """All models of ``select`` as one step.

    Args:
        name: Name of the step in the UI.
        select: dbt selection, such as ``path:models/staging``.
        per_night: The models take the variable ``night`` and run one partition at a time; otherwise they
            take ``from_night`` and ``to_night`` and a backfill is one run.
        config: Further variables, read from the config folder when the step runs.
        pictures: What to show of a table besides its preview, by name of the table; per night only.
    """

    @dbt_assets(
        name=f"{name}_tables",
        manifest=_manifest(),
        project=dbt_project(),
        select=select,
        partitions_def=NIGHTLY,
        # said outright: dagster-dbt takes a range in one run where nothing is said
        backfill_policy=dg.BackfillPolicy.multi_run(1) if per_night else dg.BackfillPolicy.single_run(),
        dagster_dbt_translator=StageTranslator(),
        pool="warehouse",
    )
    def tables(context: dg.AssetExecutionContext, dbt: DbtResource, warehouse: WarehouseResource) -> Iterator[Any]:
        window = context.partition_key_range
        nights = {"night": window.end} if per_night else {"from_night": window.start, "to_night": window.end}
        variables = nights | dict(config(Settings().config_dir) if config else {})
        nodes = _manifest()["nodes"]
        specs = [context.assets_def.specs_by_key[key] for key in context.selected_asset_keys]
        wanted = sorted(".".join(nodes[spec.metadata[_UNIQUE_ID]]["fqn"]) for spec in specs)
        results = dbt.build(
            warehouse,
            select=wanted,
            variables=variables,
            full_refresh=not per_night and REBUILD_TAG in context.run.tags,
        )
        yield from results_for_dagster(
            results,
            manifest=_manifest(),
            checks=context.selected_asset_check_keys,
            store=warehouse.open(),
            night=window.end if per_night else None,
            is_one_night=window.start == window.end,
            pictures=pictures or {},
        )
        failed = failed_sentence(results)
        if failed:
            raise dg.Failure(failed, allow_retries=False)

    return tables


def with_described_columns(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Give a table that Python makes the columns that ``sql/models/sources`` describes."""
    columns = _described_sources().get(tuple(spec.key.path))
    if not columns or _COLUMNS in spec.metadata:
        return spec
    return spec.merge_attributes(metadata={_COLUMNS: dg.TableSchema(list(columns))})


@cache
def _described_sources() -> Mapping[tuple[str, ...], Sequence[dg.TableColumn]]:
    return {
        (source["schema"], source["name"]): [
            dg.TableColumn(name, column["data_type"] or "string", description=column["description"])
            for name, column in source["columns"].items()
        ]
        for source in _manifest()["sources"].values()
    }


@cache
def dbt_project() -> DbtProject:
    """The dbt project with a manifest that is no older than its files (it is parsed anew where it is).

    Raises:
        PersoError: the project does not parse; gives dbt's own words.
    """
    settings = Settings()
    project = DbtProject(project_dir=settings.dbt_dir, profiles_dir=settings.dbt_dir)
    manifest = Path(project.manifest_path)
    files = (p for p in settings.dbt_dir.rglob("*") if p.suffix in {".sql", ".yml", ".csv", ".md"})
    newest = max((p.stat().st_mtime for p in files if not {"target", "logs"} & set(p.parts)), default=0.0)
    if not _is_parsed_since(newest, manifest):
        _parse(manifest.parent, newest)
    return project


def _is_parsed_since(newest: float, manifest: Path) -> bool:
    return manifest.exists() and manifest.stat().st_mtime >= newest


def _parse(target: Path, newest: float) -> None:
    """Parse into a folder beside and move the files in, so that no other process reads one that is half-written."""
    target.mkdir(parents=True, exist_ok=True)
    with (target / "parse.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_parsed_since(newest, target / _MANIFEST):
            return  # another process was first
        with TemporaryDirectory(dir=target, prefix="parsing-") as beside:
            _invoke(["parse", "--target-path", beside, "--log-path", str(target / "logs")])
            for name in (_PARSED, _MANIFEST):  # the manifest last: it says that both are there
                made = Path(beside) / name
                os.utime(made, (newest, newest))
                made.replace(target / name)


@cache
def _manifest() -> Mapping[str, Any]:
    return json.loads(Path(dbt_project().manifest_path).read_text(encoding="utf-8"))


def _parsed() -> Any:
    """Read the manifest in dbt's own form; manifest.json lacks what its generic tests need.

    Without the flat graph, 0.2 s of processor each time: only ``graph`` in Jinja reads it, which nothing here does.
    """
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    path = Path(dbt_project().manifest_path).with_name(_PARSED)
    return Manifest.from_msgpack(path.read_bytes(), decoder=extended_mashumuro_decoder)


def _invoke(arguments: Sequence[str], *, with_manifest: bool = False) -> list[NodeResult]:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    folder = str(Settings().dbt_dir)
    try:
        outcome = dbtRunner(manifest=_parsed() if with_manifest else None).invoke(
            ["--quiet", "--no-use-colors", *arguments, "--project-dir", folder, "--profiles-dir", folder]
        )
    finally:
        DuckDBConnectionManager.close_all_connections()  # it would keep the warehouse open for this process
    if outcome.exception:
        msg = f"dbt could not run: {' '.join(str(outcome.exception).split())[:600]}"
        raise PersoError(msg) from outcome.exception
    return [NodeResult.of(r) for r in getattr(outcome.result, "results", [])]
