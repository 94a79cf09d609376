"""MLflow's registry: versions of a site's models, and the aliases champion and challenger that move between them.

Runs and their files are in ``tracking``, which hands out the registry; which model serves is decided elsewhere.
"""

from datetime import date
from typing import Any

from perso_pipeline.resources.tracked import MODEL_TAG, NIGHT_TAG

_VERSION = "perso.version"
_PUT_BACK = "perso.{}_put_back_on"


class ModelRegistry:
    """Registered models of one MLflow store.

    Args:
        client: an ``mlflow.tracking.MlflowClient``.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

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
                NIGHT_TAG: night.isoformat(),
                _VERSION: version,
                MODEL_TAG: run.data.tags.get(MODEL_TAG, ""),
                "perso.role": alias,
            }
            number = client.create_model_version(
                name, run.info.artifact_uri + "/model", run_id=run_id, tags=tags
            ).version
        registered = client.get_registered_model(name)
        holder = registered.aliases.get(alias)
        since = client.get_model_version(name, holder).tags.get(NIGHT_TAG, "") if holder else ""
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
            if found.tags.get(_VERSION) == version and client.get_run(found.run_id).data.tags.get(MODEL_TAG) == model
        ]
        if not numbers:
            return None
        client.set_registered_model_alias(name, alias, numbers[0])
        client.set_registered_model_tag(name, _PUT_BACK.format(alias), since.isoformat())
        client.set_model_version_tag(name, numbers[0], "perso.rolled_back_on", since.isoformat())
        return str(numbers[0])
