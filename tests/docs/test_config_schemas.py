"""The JSON Schemas beside the reference pages are those of the config models, and every config file has one."""

import runpy
from pathlib import Path

import pytest

from perso_pipeline.operation.config import CONFIG_READERS

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
MAKE_SCHEMAS = runpy.run_path(str(FOLDER / "make_schemas.py"))


def test_every_config_file_has_a_schema() -> None:
    assert {f"{name}.yml" for name in MAKE_SCHEMAS["MODELS"]} == set(CONFIG_READERS)


@pytest.mark.parametrize("name", MAKE_SCHEMAS["MODELS"])
def test_a_schema_is_the_one_of_its_model(name: str) -> None:
    committed = (FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")
    assert committed == MAKE_SCHEMAS["schema_text"](name), "run .venv/bin/python docs/reference/make_schemas.py"
