"""MLflow: one run per night and site, one nested run per model; registered versions are in ``model_registry``.

The only module that imports MLflow, and only when it is used (1 to 2.5 s). A night that runs again with the
same data, config and code finds its runs and versions and adds none; a try that was killed is marked so.
Keep models, metrics and decisions out.
"""

import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import dagster as dg

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.resources.model_registry import ModelRegistry
from perso_pipeline.resources.moved_home import follow_move
from perso_pipeline.resources.provenance import environment_tags
from perso_pipeline.resources.tracked import MODEL_TAG, NIGHT_TAG, Dataset, ModelRun, NightRun, Recorded
from perso_pipeline.settings import Settings

# Set before MLflow is imported: it reads them at import, and otherwise reports its use to mlflow.org.
_SWITCHES = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
}
_KEY, _SITE, _SUPERSEDED = "perso.key", "perso.site", "perso.superseded"
_PARENT = "mlflow.parentRunId"
_DIGEST_LENGTH = 36  # MLflow's limit
_SEARCH = "perso.search"
STEP_WITH_MLFLOW: Mapping[str, Any] = {
    "pool": "warehouse",
    # MLflow's SQLite and its folder can be busy for a moment; every step can be repeated.
    "retry_policy": dg.RetryPolicy(max_retries=1, delay=3),
}


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

    @property
    def registry(self) -> ModelRegistry:
        """The registered models of this store."""
        return ModelRegistry(self._client)

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
        tags = {
            **environment_tags(),
            **night.tags,
            NIGHT_TAG: night.night.isoformat(),
            _SITE: night.site_id,
            _KEY: night.key,
        }
        noted = tags | ({"mlflow.note.content": night.note} if night.note else {})
        parent = self._client.create_run(experiment, run_name=night.night.isoformat(), tags=noted).info.run_id
        self._client.log_batch(parent, params=_params(night.params))
        self._log_dataset(parent, night.dataset)
        for model in night.models:
            of_model = {**tags, MODEL_TAG: model.model, _PARENT: parent}
            run_id = self._client.create_run(experiment, run_name=model.model, tags=of_model).info.run_id
            self._client.log_batch(run_id, metrics=_metrics(model.metrics), params=_params(model.params))
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
        experiment = self._client.get_run(parent).info.experiment_id
        of_child = {**tags, _SEARCH: search, _PARENT: parent}
        run_id = self._client.create_run(experiment, run_name=trial.model, tags=of_child).info.run_id
        self._client.log_batch(run_id, metrics=_metrics(trial.metrics), params=_params(trial.params))
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
        from mlflow.exceptions import MlflowException

        try:
            experiment = self._client.get_run(run_id).info.experiment_id
        except MlflowException:
            return None
        self._client.log_batch(run_id, metrics=_metrics(metrics, step=night.toordinal()))
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
            msg = f"Files of MLflow run {run_id} lie outside {self._artifact_dir} and are refused; run its night again."
            raise PersoError(msg)
        return folder

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
        same = f"tags.`{_KEY}` = '{key}' and tags.`{NIGHT_TAG}` = '{night}' and attributes.status = 'FINISHED'"
        runs = self._runs(experiment, same)
        parents = [run for run in runs if _PARENT not in run.data.tags]
        if not parents:
            return None
        parent = parents[0].info.run_id
        children = {r.data.tags[MODEL_TAG]: r.info.run_id for r in runs if r.data.tags.get(_PARENT) == parent}
        return Recorded(experiment, parent, children)

    def _close_killed(self, experiment: str, night: date) -> None:
        for run in self._runs(experiment, f"tags.`{NIGHT_TAG}` = '{night}' and attributes.status = 'RUNNING'"):
            self._client.set_terminated(run.info.run_id, status="KILLED")

    def _supersede(self, experiment: str, night: date) -> None:
        for run in self._runs(experiment, f"tags.`{NIGHT_TAG}` = '{night}' and attributes.status = 'FINISHED'"):
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


def _metrics(values: Mapping[str, float], *, step: int = 0) -> list[Any]:
    from mlflow.entities import Metric

    moment = int(time.time() * 1000)
    return [Metric(name, value, moment, step) for name, value in sorted(values.items())]


def _params(values: Mapping[str, str]) -> list[Any]:
    from mlflow.entities import Param

    return [Param(name, value) for name, value in sorted(values.items())]


class TrackingResource(dg.ConfigurableResource):
    """Hands assets a ``Tracking``; by default over the files of this process's settings."""

    uri: str = ""
    artifact_dir: str = ""

    def open(self) -> Tracking:
        settings = Settings()
        folder = Path(self.artifact_dir) if self.artifact_dir else settings.mlflow_dir / "artifacts"
        return Tracking(self.uri or settings.mlflow_uri, folder)
