"""The pieces of config on the pages of submodels and exploration are what the product reads."""

import re
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from perso_pipeline.models.submodels_config import Submodel
from perso_pipeline.recommendations.scenarios import Scenario
from perso_pipeline.settings import PROJECT_ROOT

PIECES = [
    yaml.safe_load(block)
    for page in ("submodels.md", "exploration.md")
    for block in re.findall(
        r"```yaml\n(.*?)```", (PROJECT_ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8"), re.DOTALL
    )
]
SUBMODEL: TypeAdapter[Any] = TypeAdapter(Submodel)


def test_the_pages_have_pieces_of_both_files() -> None:
    assert {type(piece) for piece in PIECES} == {list, dict}


@pytest.mark.parametrize("piece", PIECES, ids=str)
def test_a_piece_is_read(piece: Any) -> None:
    if isinstance(piece, list):
        assert [SUBMODEL.validate_python(one).id for one in piece] == [one["id"] for one in piece]
    else:
        scenario = {"id": "x", "name": "X", "subject": "person", "size": 9, "levels": [{"strategy": "popular"}]}
        assert Scenario.model_validate(scenario | piece)
