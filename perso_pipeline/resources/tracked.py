"""What is tracked of a night, as values: runs of models, what they were made from, where they are kept.

``tracking`` logs them and ``model_registry`` names them; keep MLflow out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

# tags by which runs and registered versions are found again
NIGHT_TAG = "perso.night"
MODEL_TAG = "perso.model"


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
