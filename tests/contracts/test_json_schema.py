"""The generated reference is what the contract says now."""

from pathlib import Path

import pytest

from perso_pipeline.contracts.json_schema import json_schema, reference_files
from perso_pipeline.contracts.streams import STREAMS
from perso_pipeline.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "docs" / "reference"


@pytest.mark.parametrize("name", sorted(reference_files()))
def test_the_committed_reference_is_up_to_date(name: str) -> None:
    mend = "run: python -m perso_pipeline.contracts.json_schema docs/reference"

    assert Path(FOLDER / name).read_text(encoding="utf-8") == reference_files()[name], mend


def test_no_schema_is_left_of_a_stream_that_is_gone() -> None:
    assert {p.name.removesuffix(".schema.json") for p in (FOLDER / "streams").iterdir()} == set(STREAMS)


def test_a_schema_carries_keys_words_limits_and_needs() -> None:
    schema = json_schema(STREAMS["storefront_events"])

    assert schema["required"] == ["event_id", "event_type", "occurred_at", "site_id", "visitor_id"]
    assert "product_view" in schema["properties"]["event_type"]["enum"]
    assert (schema["properties"]["rating"]["minimum"], schema["properties"]["rating"]["maximum"]) == (0, 100)
    needs = {c["if"]["properties"]["event_type"]["const"]: c["then"]["required"] for c in schema["allOf"]}
    assert needs["add_to_cart"] == ["item_id", "quantity"]
