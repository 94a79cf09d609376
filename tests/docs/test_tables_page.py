"""The page of tables says what the code makes."""

import importlib.util
import re
from datetime import date
from types import ModuleType

import pyarrow as pa
import pytest

from perso_pipeline.activation.triggers import SCHEMA as TRIGGERS
from perso_pipeline.identity.tables import TABLES as IDENTITY
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.health import HEALTH_SCHEMA
from perso_pipeline.measurement.lift_rows import CELLS_SCHEMA, LIFT_SCHEMA
from perso_pipeline.measurement.self_tests import SELF_TESTS_SCHEMA
from perso_pipeline.measurement.settings_tables import EXPERIMENTS_SCHEMA, report_window_table
from perso_pipeline.models.candidates import SCHEMA as CANDIDATES
from perso_pipeline.models.tables import CHAMPIONS, COLD_ITEMS, MODEL_ARTIFACTS, SUBMODEL_MEMBERS, SUBMODELS
from perso_pipeline.models.tables import SCHEMAS as MEASURED
from perso_pipeline.profiles.predictions.tables import PREDICTION_TRAININGS, PREDICTIONS, SERVING_MODELS
from perso_pipeline.profiles.settings_table import SCHEMA as PROFILE_SETTINGS
from perso_pipeline.raw.tables import LEDGERS
from perso_pipeline.recommendations.composer import RECOMMENDATIONS, REJECTIONS, SHORT_LISTS, TRACE
from perso_pipeline.recommendations.publish import _LOG, TABLES
from perso_pipeline.settings import PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "reference" / "tables.md"
NIGHT = date(2026, 1, 2)
IN_DUCKDB = {
    "date32[day]": "date", "string": "varchar", "int32": "integer", "int64": "bigint", "double": "double",
    "bool": "boolean", "timestamp[us]": "timestamp", "list<item: string>": "varchar[]",
    "decimal128(18, 4)": "decimal(18,4)",
}  # fmt: skip
SCHEMAS: dict[str, pa.Schema] = {
    "profiles.prediction_trainings": PREDICTION_TRAININGS,
    "profiles.serving_models": SERVING_MODELS,
    "profiles.predictions": PREDICTIONS,
    "profiles.settings": PROFILE_SETTINGS,
    **{f"models.{name}": schema for name, schema in MEASURED.items()},
    "models.champions": CHAMPIONS,
    "models.model_artifacts": MODEL_ARTIFACTS,
    "models.candidates": CANDIDATES,
    "models.submodels": SUBMODELS,
    "models.submodel_members": SUBMODEL_MEMBERS,
    "models.cold_items": COLD_ITEMS,
    "recommendations.recommendations": RECOMMENDATIONS,
    "recommendations.recommendation_trace": TRACE,
    "recommendations.recommendation_rejections": REJECTIONS,
    "recommendations.short_lists": SHORT_LISTS,
    "recommendations.publish_log": _LOG,
    "activation.triggers": TRIGGERS,
    "measurement.lift": LIFT_SCHEMA,
    "measurement.lift_cells": CELLS_SCHEMA,
    "measurement.experiment_health": HEALTH_SCHEMA,
    "measurement.self_tests": SELF_TESTS_SCHEMA,
    "measurement.experiments": EXPERIMENTS_SCHEMA,
    "measurement.report_windows": report_window_table(MeasurementConfig(), NIGHT, known_erasures=0).schema,
}


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_tables", PAGE.parent / "make_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _documented() -> dict[str, list[tuple[str, str]]]:
    tables: dict[str, list[tuple[str, str]]] = {}
    columns: list[tuple[str, str]] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if title := re.match(r"### (\w+\.\w+)$", line):
            columns = tables.setdefault(title[1], [])
        elif line.startswith("## "):
            columns = []
        elif row := re.match(r"\| `(\w+)` \| (.*?) \|", line):
            columns.append((row[1], row[2]))
    return tables


DOCUMENTED = _documented()


def test_the_generated_blocks_are_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert _script().filled(page) == page, "run: .venv/bin/python docs/reference/make_tables.py"


def test_every_reference_to_a_shared_text_was_followed() -> None:
    assert "{{" not in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("table", sorted(SCHEMAS))
def test_the_hand_written_columns_are_those_of_the_code(table: str) -> None:
    assert DOCUMENTED[table] == [(field.name, IN_DUCKDB[str(field.type)]) for field in SCHEMAS[table]]


@pytest.mark.parametrize("ledger", sorted(LEDGERS))
def test_the_ledgers_of_raw_are_those_of_the_code(ledger: str) -> None:
    assert DOCUMENTED[f"raw.{ledger}"] == [(name, kind.lower()) for name, kind in LEDGERS[ledger].items()]


@pytest.mark.parametrize("table", sorted(IDENTITY))
def test_the_identity_tables_made_in_python_are_those_of_the_code(table: str) -> None:
    assert DOCUMENTED[f"identity.{table}"] == [(name, kind.lower()) for name, kind in IDENTITY[table].items()]


def test_every_table_that_has_a_gate_or_is_published_is_on_the_page() -> None:
    gated = {path.stem for path in (PROJECT_ROOT / "expectations").glob("*.json")}
    streams = {name for name in gated if name.startswith("raw.")}  # one section for all of them

    assert (gated - streams | set(TABLES)) <= set(DOCUMENTED)
