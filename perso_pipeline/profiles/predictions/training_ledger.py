"""Trainings that were done, in ``profiles.prediction_trainings`` and MLflow: one is done again only if it has to be.

It has to be where data, settings or code differ from what the row's key stands for, or its file is not what was
stored. Keep what a training does out.
"""

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.warehouse import Value, Warehouse
from perso_pipeline.profiles.predictions.config import PredictionsConfig, flat
from perso_pipeline.profiles.predictions.features import Frames
from perso_pipeline.profiles.predictions.tables import PREDICTION_TRAININGS
from perso_pipeline.profiles.predictions.training import (
    ModelName,
    Training,
    TrainingSet,
    card_file,
    train,
    training_sets,
)
from perso_pipeline.resources.model_files import LedgerEntry, entries, read_verified
from perso_pipeline.resources.tracked import ModelRun, NightRun
from perso_pipeline.resources.tracking import Tracking

Row = Mapping[str, Any]

_TABLE = "profiles.prediction_trainings"
_CARD = "model.json"


class TrainingLedger:
    """Rows of ``profiles.prediction_trainings`` by site, model and night, made where they are missing.

    Attributes:
        made: rows of the trainings that had to be done.
        pictures: what MLflow keeps of them, name -> PNG.
        links: addresses below the MLflow UI, name -> address.
    """

    def __init__(
        self, warehouse: Warehouse, store: Tracking, config: PredictionsConfig, tags: Mapping[str, str]
    ) -> None:
        self._warehouse = warehouse
        self._store = store
        self._config = config
        self._tags = tags
        self._frames = Frames(warehouse, window_days=config.likelihood.window_days)
        self._known: dict[date, dict[str, TrainingSet]] = {}
        rows = warehouse.query(f"select * from {_TABLE}").to_pylist() if warehouse.exists(_TABLE) else []
        self._rows = {(row["key"], row["model"]): row for row in rows}
        self.made: list[dict[str, Any]] = []
        self.pictures: dict[str, bytes] = {}
        self.links: dict[str, str] = {}

    def trainings(self, site_id: str, model: ModelName) -> Callable[[date], Row | None]:
        """The row of a training night, done now if it has to be; None where the site was unknown then."""

        def trained(day: date) -> Row | None:
            if day not in self._known:
                self._known[day] = training_sets(self._warehouse, day, self._config)
            known = self._known[day].get(site_id)
            return (self._stored(known, model) or self._new(known, model)) if known else None

        return trained

    def _stored(self, known: TrainingSet, model: ModelName) -> Row | None:
        row = self._rows.get((known.key, model))
        if row and row["mlflow_run_id"]:
            try:
                stored_card(self._store, row)
            except PersoError:
                return None  # its file is gone or altered: training again is the mend
        return row

    def _new(self, known: TrainingSet, model: ModelName) -> Row:
        outcome = train(self._warehouse, known, model, self._config, self._frames)
        row: dict[str, Any] = {
            "trained_on": known.trained_on,
            "site_id": known.site_id,
            "model": model,
            "version": known.version,
            "key": known.key,
            "is_accepted": outcome.is_accepted,
            "reason": outcome.reason,
            **outcome.measures,
        }
        if outcome.card is not None:
            row |= self._record(known, model, outcome, card_file(outcome.card))
        partition: dict[str, Value] = {"trained_on": known.trained_on, "site_id": known.site_id, "model": model}
        self._warehouse.write_partition(_TABLE, pa.Table.from_pylist([row], schema=PREDICTION_TRAININGS), partition)
        self.made.append(row)
        return row

    def _record(self, known: TrainingSet, model: ModelName, outcome: Training, body: bytes) -> dict[str, Any]:
        """Log the run, store the card, register it where accepted; gives the columns about the file."""
        title = f"{known.site_id}--{model}"
        recorded = self._store.record(
            NightRun(
                site_id=known.site_id,
                night=known.trained_on,
                key=known.key,
                tags={**self._tags, "perso.version": known.version, "perso.verdict": outcome.reason},
                params={"trained_on": known.trained_on.isoformat(), "confidence": str(self._config.confidence)},
                figures=outcome.pictures,
                models=[ModelRun(model, self._params(model), dict(outcome.measures))],
                experiment=title,
            )
        )
        run_id = recorded.models[model]
        self._store.store_model(run_id, {_CARD: body})
        if outcome.is_accepted:
            self._store.registry.register(
                title, run_id, night=known.trained_on, version=known.version, alias="champion"
            )
        for name, picture in outcome.pictures.items():
            self.pictures[f"{known.site_id}/{known.trained_on}/{name.removesuffix('.png')}"] = picture
        self.links[f"{known.site_id}/{known.trained_on}/{model} in mlflow"] = recorded.path(run_id)
        entry = entries({_CARD: body})[0]
        return {"file": entry.file, "sha256": entry.sha256, "bytes": entry.bytes, "mlflow_run_id": run_id}

    def _params(self, model: ModelName) -> dict[str, str]:
        if model == "value":
            return flat("value", self._config.value)
        churn = flat("churn", self._config.churn) if model == "churn" else {}
        return {**flat("likelihood", self._config.likelihood), **churn}


def stored_card(store: Tracking, row: Row) -> Mapping[str, Any]:
    """The numbers of a model from its file, which must be what the ledger says.

    Raises:
        PersoError: the file is missing or was altered.
    """
    entry = LedgerEntry(row["file"], row["sha256"], row["bytes"])
    card: Mapping[str, Any] = json.loads(read_verified(store.model_folder(row["mlflow_run_id"]), [entry])[entry.file])
    return card
