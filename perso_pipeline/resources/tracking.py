"""MLflow: one run per night and site, one nested run per model, registered versions with aliases.

The only module that imports MLflow, and only when it is used (1 to 2.5 s). A night that runs again with the
same data, config and code finds its runs and versions and adds none; a try that was killed is marked so.
Keep models, metrics and decisions out.
"""

import importlib.metadata
import json
import logging
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import dagster as dg

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.resources.moved_home import follow_move
from perso_pipeline.settings import PROJECT_ROOT, Settings

# Set before MLflow is imported: it reads them at import, and otherwise reports its use to mlflow.org.
_SWITCHES = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
}
_NIGHT, _KEY, _SITE, _MODEL, _SUPERSEDED = (
    "perso.night",
    "perso.key",
    "perso.site",
    "perso.model",
    "perso.superseded",
)
_PARENT = "mlflow.parentRunId"
_VERSION = "perso.version"
_PUT_BACK = "perso.{}_put_back_on"
_DIGEST_LENGTH = 36  # MLflow's limit
_PACKAGES = ("numpy", "scipy", "implicit", "scikit-learn", "sparse-dot-topn", "mlflow", "duckdb")
_SEARCH = "perso.search"
STEP_WITH_MLFLOW: Mapping[str, Any] = {
    "pool": "warehouse",
    # MLflow's SQLite and its folder can be busy for a moment; every step can be repeated.
    "retry_policy": dg.RetryPolicy(max_retries=1, delay=3),
}


@dataclass(frozen=True, slots=True)
class ModelRun:
    """What is to be logged of one model."""

    model: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    figures: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dataset:
    """What runs were made from: ``digest`` is equal where the data is, ``source`` says where it stands."""

    name: str
    digest: str
    source: str


@dataclass(frozen=True, slots=True)
class NightRun:
    """What is to be logged of one night and site; ``key`` stands for data, config and code.

    Runs of a night in one ``experiment`` (the site's own where none is named) replace each other. ``pages`` are files
    to be read in MLflow's artifact viewer; ``dataset`` is shown beside each run as what it was made from; ``note`` is
    Markdown for the page of the night's run.
    """

    site_id: str
    night: date
    key: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    figures: Mapping[str, bytes]
    models: Sequence[ModelRun]
    experiment: str = ""
    pages: Mapping[str, bytes] = field(default_factory=dict)
    dataset: Dataset | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where MLflow keeps a night: ids of the experiment, the night's run and the run of each model."""

    experiment_id: str
    run_id: str
    models: Mapping[str, str]

    def path(self, run_id: str, artifact: str = "") -> str:
        """Address of a run, or of a file of it, below the MLflow UI's own; without the ending it opens as GenAI."""
        within = f"/artifacts/{artifact}" if artifact else ""
        return f"#/experiments/{self.experiment_id}/runs/{run_id}{within}?workflowType=machine_learning"


class Tracking:
    """MLflow over a database and a folder of artefacts, without a server."""

    def __init__(self, uri: str, artifact_dir: Path) -> None:
        self._uri = uri
        self._artifact_dir = artifact_dir.resolve()
        self._opened: Any = None

    @property
    def _client(self) -> Any:
        if self._opened is None:
            os.environ.update(_SWITCHES)
            for name in ("mlflow", "alembic"):
                logging.getLogger(name).setLevel(logging.WARNING)
            from mlflow.tracking import MlflowClient

            if self._uri.startswith("sqlite:///"):
                database = Path(self._uri.removeprefix("sqlite:///"))
                database.parent.mkdir(parents=True, exist_ok=True)
                follow_move(database, self._artifact_dir)
            self._opened = MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)
            logging.getLogger("mlflow").setLevel(logging.WARNING)
        return self._opened

    def recorded(self, site_id: str, night: date, key: str) -> Recorded | None:
        """The finished runs of a night, or None."""
        return self._recorded(self._experiment(site_id), night, key)

    def record(self, night: NightRun) -> Recorded:
        """Log a night, unless it has been logged with the same key. The night's run ends last."""
        experiment = self._experiment(night.experiment or night.site_id)
        self._close_killed(experiment, night.night)
        found = self._recorded(experiment, night.night, night.key)
        if found:
            return found
        self._supersede(experiment, night.night)
        from mlflow.entities import Metric, Param

        def params(values: Mapping[str, str]) -> list[Param]:
            return [Param(name, value) for name, value in sorted(values.items())]

        tags = {**_environment(), **night.tags, _NIGHT: night.night.isoformat(), _SITE: night.site_id, _KEY: night.key}
        noted = tags | ({"mlflow.note.content": night.note} if night.note else {})
        parent = self._client.create_run(experiment, run_name=night.night.isoformat(), tags=noted).info.run_id
        self._client.log_batch(parent, params=params(night.params))
        self._log_dataset(parent, night.dataset)
        for model in night.models:
            of_model = {**tags, _MODEL: model.model, _PARENT: parent}
            run_id = self._client.create_run(experiment, run_name=model.model, tags=of_model).info.run_id
            moment = int(time.time() * 1000)
            values = [Metric(name, value, moment, 0) for name, value in sorted(model.metrics.items())]
            self._client.log_batch(run_id, metrics=values, params=params(model.params))
            self._upload(run_id, "plots", model.figures)
            self._log_dataset(run_id, night.dataset)
            self._client.set_terminated(run_id)
        self._upload(parent, "plots", night.figures)
        self._upload(parent, None, night.pages)
        self._client.set_terminated(parent)
        made = self._recorded(experiment, night.night, night.key)
        assert made is not None
        return made

    def open_search(self, name: str, *, site_id: str, tags: Mapping[str, str]) -> tuple[str, set[str]]:
        """The run of a search in the experiment ``<site>--search``, made or opened again, and its children's names."""
        experiment = self._experiment(f"{site_id}--search")
        found = self._runs(experiment, f"tags.`{_SEARCH}` = '{name}'")
        parents = [run for run in found if _PARENT not in run.data.tags]
        if not parents:
            run_id = self._client.create_run(experiment, run_name=name, tags={**tags, _SEARCH: name}).info.run_id
            return str(run_id), set()
        self._client.update_run(parents[0].info.run_id, status="RUNNING")
        return str(parents[0].info.run_id), {run.info.run_name for run in found if _PARENT in run.data.tags}

    def add_trial(self, parent: str, search: str, trial: ModelRun, tags: Mapping[str, str]) -> None:
        """A finished trial as a child of its search's run; ``trial.model`` is its name."""
        from mlflow.entities import Metric, Param

        experiment = self._client.get_run(parent).info.experiment_id
        of_child = {**tags, _SEARCH: search, _PARENT: parent}
        run_id = self._client.create_run(experiment, run_name=trial.model, tags=of_child).info.run_id
        moment = int(time.time() * 1000)
        self._client.log_batch(
            run_id,
            metrics=[Metric(name, value, moment, 0) for name, value in sorted(trial.metrics.items())],
            params=[Param(name, value) for name, value in sorted(trial.params.items())],
        )
        self._client.set_terminated(run_id)

    def close_search(self, run_id: str, *, metrics: Mapping[str, float], files: Mapping[str, bytes]) -> None:
        """Metrics and artefacts of a search as it stands now; it can be opened again."""
        for name, value in sorted(metrics.items()):
            self._client.log_metric(run_id, name, value)
        self._upload(run_id, "search", files)
        self._client.set_terminated(run_id)

    def add_metrics(self, run_id: str, metrics: Mapping[str, float], *, night: date) -> str | None:
        """Metrics of a night on a run that has ended, one step a night; a night that runs again replaces its own.

        Returns:
            Address of the run below the MLflow UI's own; None where MLflow does not have it.
        """
        from mlflow.entities import Metric
        from mlflow.exceptions import MlflowException

        try:
            experiment = self._client.get_run(run_id).info.experiment_id
        except MlflowException:
            return None
        moment, step = int(time.time() * 1000), night.toordinal()
        values = [Metric(name, value, moment, step) for name, value in sorted(metrics.items())]
        self._client.log_batch(run_id, metrics=values)
        return Recorded(experiment, run_id, {}).path(run_id)

    def store_model(self, run_id: str, files: Mapping[str, bytes]) -> None:
        """Put the files of a model into its run, over what an earlier try may have left."""
        self._upload(run_id, "model", files)

    def model_folder(self, run_id: str) -> Path:
        """Where ``store_model`` put the files.

        Raises:
            PersoError: the run is unknown, or its artefacts lie outside the artefact folder.
        """
        from mlflow.exceptions import MlflowException

        try:
            uri = urlparse(self._client.get_run(run_id).info.artifact_uri)
        except MlflowException as error:
            msg = f"MLflow has no run {run_id!r} in {self._uri}; run the night again."
            raise PersoError(msg) from error
        folder = Path(unquote(uri.path)).resolve() / "model"
        if uri.scheme not in {"", "file"} or not folder.is_relative_to(self._artifact_dir):
            msg = f"The artefacts of MLflow run {run_id} lie outside {self._artifact_dir} and are refused."
            raise PersoError(msg)
        return folder

    def register(self, name: str, run_id: str, *, night: date, version: str, alias: str) -> str:
        """A version of a registered model from a run's files; the same run gives the same version.

        The alias moves here unless it stands on a later night, or was put back by ``point`` on one: running an old
        night again takes nothing from the present one. Returns MLflow's version number.
        """
        client = self._client
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        found = client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
        if found:
            number = found[0].version
        else:
            run = client.get_run(run_id)
            tags = {
                _NIGHT: night.isoformat(),
                _VERSION: version,
                _MODEL: run.data.tags.get(_MODEL, ""),
                "perso.role": alias,
            }
            number = client.create_model_version(
                name, run.info.artifact_uri + "/model", run_id=run_id, tags=tags
            ).version
        registered = client.get_registered_model(name)
        holder = registered.aliases.get(alias)
        since = client.get_model_version(name, holder).tags.get(_NIGHT, "") if holder else ""
        if max(since, registered.tags.get(_PUT_BACK.format(alias), "")) <= night.isoformat():
            client.set_registered_model_alias(name, alias, number)
        return str(number)

    def point(self, name: str, alias: str, *, model: str, version: str, since: date) -> str | None:
        """Put an alias back on a version that was registered before; None where it was never registered.

        Args:
            name: registered model.
            alias: which alias.
            model: our name of the model.
            version: our version, ``<night>.<hash>``.
            since: nights before this one do not move the alias any more.

        Returns:
            MLflow's version number.
        """
        client = self._client
        if not client.search_registered_models(f"name = '{name}'"):
            return None
        numbers = [
            found.version
            for found in client.search_model_versions(f"name = '{name}'")
            if found.tags.get(_VERSION) == version and client.get_run(found.run_id).data.tags.get(_MODEL) == model
        ]
        if not numbers:
            return None
        client.set_registered_model_alias(name, alias, numbers[0])
        client.set_registered_model_tag(name, _PUT_BACK.format(alias), since.isoformat())
        client.set_model_version_tag(name, numbers[0], "perso.rolled_back_on", since.isoformat())
        return str(numbers[0])

    def _experiment(self, site_id: str) -> str:
        found = self._client.get_experiment_by_name(site_id)
        if found is None:
            folder = self._artifact_dir / site_id
            tags = {"mlflow.experimentKind": "custom_model_development"}  # the UI shows it as training, not as GenAI
            return str(self._client.create_experiment(site_id, artifact_location=folder.as_uri(), tags=tags))
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _runs(self, experiment: str, condition: str) -> list[Any]:
        return list(self._client.search_runs([experiment], condition))

    def _recorded(self, experiment: str, night: date, key: str) -> Recorded | None:
        same = f"tags.`{_KEY}` = '{key}' and tags.`{_NIGHT}` = '{night}' and attributes.status = 'FINISHED'"
        runs = self._runs(experiment, same)
        parents = [run for run in runs if _PARENT not in run.data.tags]
        if not parents:
            return None
        parent = parents[0].info.run_id
        children = {r.data.tags[_MODEL]: r.info.run_id for r in runs if r.data.tags.get(_PARENT) == parent}
        return Recorded(experiment, parent, children)

    def _close_killed(self, experiment: str, night: date) -> None:
        for run in self._runs(experiment, f"tags.`{_NIGHT}` = '{night}' and attributes.status = 'RUNNING'"):
            self._client.set_terminated(run.info.run_id, status="KILLED")

    def _supersede(self, experiment: str, night: date) -> None:
        for run in self._runs(experiment, f"tags.`{_NIGHT}` = '{night}' and attributes.status = 'FINISHED'"):
            if _SUPERSEDED not in run.data.tags:
                self._client.set_tag(run.info.run_id, _SUPERSEDED, "true")

    def _log_dataset(self, run_id: str, dataset: Dataset | None) -> None:
        if dataset is None:
            return
        from mlflow.entities import Dataset as Shown
        from mlflow.entities import DatasetInput

        source = json.dumps({"table": dataset.source})
        shown = Shown(name=dataset.name, digest=dataset.digest[:_DIGEST_LENGTH], source_type="warehouse", source=source)
        self._client.log_inputs(run_id, [DatasetInput(shown)])

    def _upload(self, run_id: str, folder: str | None, files: Mapping[str, bytes]) -> None:
        if not files:
            return
        draft = Path(tempfile.mkdtemp(prefix="perso-"))
        try:
            for name, body in files.items():
                (draft / name).write_bytes(body)
            self._client.log_artifacts(run_id, str(draft), folder)
        finally:
            shutil.rmtree(draft)


def _environment() -> dict[str, str]:
    """What the runs of a night were computed with, as tags, source and commit under MLflow's own names."""
    found = {
        "mlflow.source.name": "perso_pipeline",
        "mlflow.source.type": "JOB",
        "mlflow.source.git.commit": code_version(),
        "perso.env.python": platform.python_version(),
    }
    for package in _PACKAGES:
        found[f"perso.env.{package}"] = importlib.metadata.version(package)
    return found


def code_version() -> str:
    """Git commit of the checkout, or the version of the installed package."""
    git = shutil.which("git")
    if git and (PROJECT_ROOT / ".git").exists():
        asked = subprocess.run(  # noqa: S603  # fixed arguments
            [git, "rev-parse", "--verify", "HEAD"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
        )
        if asked.returncode == 0:
            return asked.stdout.strip()
    try:
        return importlib.metadata.version("perso-pipeline")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


class TrackingResource(dg.ConfigurableResource):
    """Hands assets a ``Tracking``; by default over the files of this process's settings."""

    uri: str = ""
    artifact_dir: str = ""

    def open(self) -> Tracking:
        settings = Settings()
        folder = Path(self.artifact_dir) if self.artifact_dir else settings.mlflow_dir / "artifacts"
        return Tracking(self.uri or settings.mlflow_uri, folder)
