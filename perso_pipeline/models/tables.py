"""Rows of the stage's small tables: Arrow schemas, and measurements to rows and back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date
from typing import Any

import pyarrow as pa

from perso_pipeline.models.evaluation import Measurement
from perso_pipeline.models.slices import SliceMeasurement
from perso_pipeline.models.verdict import Verdict
from perso_pipeline.resources.model_files import LedgerEntry

TRAINING_SETS = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("signals", pa.int64()),  # person x item x day
        ("people", pa.int64()),
        ("items", pa.int64()),
        ("first_date", pa.date32()),
        ("last_date", pa.date32()),
        ("cut_date", pa.date32()),  # first day of the test window; null where nothing was evaluated
        ("train_signals", pa.int64()),
        ("evaluated_signals", pa.int64()),
        ("dropped_not_relevant", pa.int64()),
        ("dropped_cold_person", pa.int64()),
        ("dropped_cold_item", pa.int64()),
        ("dropped_seen_in_train", pa.int64()),
        ("fingerprint", pa.string()),
        ("key", pa.string()),  # data, config and code in one hash
        ("not_evaluated_because", pa.string()),
    ]
)
MODEL_EVALUATIONS = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("task", pa.string()),
        ("model", pa.string()),
        ("metric", pa.string()),
        ("k", pa.int32()),
        ("value", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("people", pa.int64()),
    ]
)
SLICE_EVALUATIONS = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("task", pa.string()),
        ("kind", pa.string()),  # history, segment or category
        ("slice", pa.string()),
        ("model", pa.string()),
        ("metric", pa.string()),
        ("k", pa.int32()),
        ("value", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("people", pa.int64()),
    ]
)
MODEL_VERDICTS = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("task", pa.string()),
        ("model", pa.string()),
        ("place", pa.int32()),  # by the primary metric, popular and random among them
        ("value", pa.float64()),
        ("beats_popular", pa.bool_()),
        ("covers", pa.bool_()),
        ("harms_no_slice", pa.bool_()),
        ("may_serve", pa.bool_()),
        ("words", pa.string()),
    ]
)
CHAMPIONS = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("task", pa.string()),
        ("model", pa.string()),
        ("challenger", pa.string()),
        ("version", pa.string()),
        ("mlflow_run_id", pa.string()),
        ("reason", pa.string()),
    ]
)
MODEL_ARTIFACTS = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("model", pa.string()),
        ("version", pa.string()),
        ("file", pa.string()),
        ("sha256", pa.string()),
        ("bytes", pa.int64()),
        ("mlflow_run_id", pa.string()),
    ]
)
SUBMODELS = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("submodel", pa.string()),
        ("submodel_group", pa.string()),
        ("kind", pa.string()),
        ("status", pa.string()),
        ("answers_with", pa.string()),
        ("people", pa.int64()),
        ("items", pa.int64()),
        ("candidates", pa.int64()),
        ("version", pa.string()),
        ("fingerprint", pa.string()),  # of the catalogue and segments that were read for it
        ("reason", pa.string()),
    ]
)
SUBMODEL_MEMBERS = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("submodel", pa.string()),
        ("subject_type", pa.string()),
        ("subject_id", pa.string()),
        ("submodel_group", pa.string()),
    ]
)
COLD_ITEMS = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("item_id", pa.string()),
        ("people", pa.int64()),
        ("first_offered_date", pa.date32()),
        ("is_cold", pa.bool_()),
        ("is_new", pa.bool_()),
        ("similar_items", pa.int64()),
    ]
)

SCHEMAS = {
    "training_sets": TRAINING_SETS,
    "model_evaluations": MODEL_EVALUATIONS,
    "slice_evaluations": SLICE_EVALUATIONS,
    "model_verdicts": MODEL_VERDICTS,
}


def table(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows to Arrow; a column that a row lacks is null."""
    return pa.Table.from_pylist(list(rows), schema=schema)


def night_rows(
    night: date, site_id: str, made: Iterable[Measurement | SliceMeasurement | Verdict]
) -> list[dict[str, Any]]:
    return [{"night": night, "site_id": site_id, **asdict(one)} for one in made]


def measurements_of(rows: Iterable[Mapping[str, Any]]) -> list[Measurement]:
    """The counterpart of ``night_rows`` for measurements of one night and site."""
    return [Measurement(**{field.name: row[field.name] for field in fields(Measurement)}) for row in rows]


def slices_of(rows: Iterable[Mapping[str, Any]]) -> list[SliceMeasurement]:
    """The counterpart of ``night_rows`` for slices of one night and site."""
    return [SliceMeasurement(**{field.name: row[field.name] for field in fields(SliceMeasurement)}) for row in rows]


def ledger_rows(entries: Iterable[LedgerEntry]) -> list[dict[str, Any]]:
    return [asdict(entry) for entry in entries]


def ledger_of(rows: Iterable[Mapping[str, Any]]) -> list[LedgerEntry]:
    return [LedgerEntry(row["file"], row["sha256"], row["bytes"]) for row in rows]
