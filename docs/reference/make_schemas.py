# ruff: noqa: INP001  (a script beside the pages that it makes, no package)
"""``<name>.schema.json`` for each ``config/<name>.yml`` from its models, so that editors check a file being typed.

``.venv/bin/python docs/reference/make_schemas.py`` after a change in a config model; a test compares.
"""

import json
from pathlib import Path

from pydantic import BaseModel

from perso_pipeline.activation.config import Navigation, Triggers
from perso_pipeline.contracts.experiments import Experiments
from perso_pipeline.contracts.sites import Sites
from perso_pipeline.identity.config import IdentityRules
from perso_pipeline.interactions.channels import Channels
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.models.config import ModelsConfig
from perso_pipeline.models.pins import PinnedModels
from perso_pipeline.profiles.config import ProfilesConfig
from perso_pipeline.profiles.predictions.config import PredictionsConfig
from perso_pipeline.recommendations.listings.config import Listings
from perso_pipeline.recommendations.merchandising import Merchandising
from perso_pipeline.recommendations.scenarios import Scenarios
from perso_pipeline.segments.rules import Segments

FOLDER = Path(__file__).resolve().parent
MODELS: dict[str, type[BaseModel]] = {
    "sites": Sites,
    "channels": Channels,
    "identity": IdentityRules,
    "profiles": ProfilesConfig,
    "predictions": PredictionsConfig,
    "segments": Segments,
    "models": ModelsConfig,
    "pinned_models": PinnedModels,
    "scenarios": Scenarios,
    "merchandising": Merchandising,
    "listings": Listings,
    "triggers": Triggers,
    "navigation": Navigation,
    "experiments": Experiments,
    "measurement": MeasurementConfig,
}


def schema_text(name: str) -> str:
    """The JSON Schema of ``config/<name>.yml``, keys in the order of the models."""
    return json.dumps(MODELS[name].model_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in MODELS:
        (FOLDER / f"{name}.schema.json").write_text(schema_text(name), encoding="utf-8")
