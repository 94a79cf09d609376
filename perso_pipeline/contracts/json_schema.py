"""The stream contracts as JSON Schema 2020-12 and as a page to read.

``python -m perso_pipeline.contracts.json_schema docs/reference`` writes both again after a change of
``streams``. The schema says what is accepted: text forms of numbers and times included, because CSV has
nothing else. Keep rules out that are not in the contract.
"""

import json
import sys
from pathlib import Path
from typing import Any

from perso_pipeline.contracts.streams import STREAMS, Field, FieldType, Privacy, Stream

_TYPES: dict[FieldType, dict[str, Any]] = {
    FieldType.TEXT: {"type": ["string", "number", "boolean", "null"]},
    FieldType.INTEGER: {"type": ["integer", "string", "null"], "pattern": r"^\s*([+-]?[0-9]{1,19}(\.0*)?)?\s*$"},
    FieldType.DECIMAL: {
        "type": ["number", "string", "null"],
        "pattern": r"^\s*([+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?)?\s*$",
    },
    FieldType.RATE: {
        "type": ["number", "string", "null"],
        "pattern": r"^\s*([+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?)?\s*$",
    },
    FieldType.BOOLEAN: {"type": ["boolean", "string", "integer", "null"]},
    FieldType.TIMESTAMP: {"type": ["string", "null"], "examples": ["2026-01-31T12:00:00Z"]},
    FieldType.DATE: {"type": ["string", "null"], "examples": ["2026-01-31"]},
    FieldType.TEXT_LIST: {"type": ["array", "string", "null"], "items": {"type": "string", "minLength": 1}},
    FieldType.JSON: {"type": ["object", "string", "null"]},
}
_WORDS = {
    FieldType.TEXT: "text", FieldType.INTEGER: "whole number", FieldType.DECIMAL: "number, kept with 4 decimals",
    FieldType.RATE: "number, kept with 8 decimals",
    FieldType.BOOLEAN: "true or false", FieldType.TIMESTAMP: "time, ISO 8601, UTC unless it has an offset",
    FieldType.DATE: "day", FieldType.TEXT_LIST: "list of texts; in CSV between `|`", FieldType.JSON: "JSON object",
}  # fmt: skip
_KEPT = {
    Privacy.OPEN: "", Privacy.HASHED: "kept only as HMAC-SHA-256",
    Privacy.FREE_TEXT: "e-mail addresses and phone numbers masked",
}  # fmt: skip


def json_schema(stream: Stream) -> dict[str, Any]:
    """The contract of one record. Unknown fields are allowed: they are kept in ``payload``."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{stream.name}.schema.json",
        "title": stream.name,
        "description": stream.description,
        "type": "object",
        "properties": {field.name: _property(field) for field in stream.fields},
        "required": [field.name for field in stream.fields if field.required],
        "additionalProperties": True,
    }
    if stream.needs:
        schema["allOf"] = [
            {
                "if": {"properties": {"event_type": {"const": word}}, "required": ["event_type"]},
                "then": {
                    "required": list(names),
                    "properties": {name: {"not": {"enum": [None, ""]}} for name in names},
                },
            }
            for word, names in stream.needs.items()
        ]
    return schema


def _property(field: Field) -> dict[str, Any]:
    schema = {"description": field.description} | _TYPES[field.type]
    if field.required:
        schema["type"] = [kind for kind in schema["type"] if kind != "null"]
        schema["not"] = {"const": ""}
    if field.words:
        # An empty text counts as absent.
        schema["type"] = ["string"] if field.required else ["string", "null"]
        schema["enum"] = [*field.words] if field.required else [*field.words, "", None]
    if field.minimum is not None:
        schema["minimum"] = field.minimum
    if field.maximum is not None:
        schema["maximum"] = field.maximum
    if field.privacy is not Privacy.OPEN:
        schema["$comment"] = _KEPT[field.privacy]
    return schema


def reference_page() -> str:
    """Markdown: every stream with its fields, generated so that it cannot fall behind."""
    lines = [
        "# Streams",
        "",
        "Generated from `perso_pipeline/contracts/streams.py`; after a change of it run",
        "`python -m perso_pipeline.contracts.json_schema docs/reference`.",
        "",
        "Files go to `landing/<stream>/<day of arrival>/`: Parquet, or JSON Lines and CSV, plain, `.gz` or `.zst`.",
        "An empty text counts as absent. A field that is not listed is kept in `payload` and reported as drift.",
    ]
    for stream in STREAMS.values():
        lines += ["", f"## {stream.name}", "", stream.description, ""]
        lines += ["| field | what | must be there | limits | description |", "|---|---|---|---|---|"]
        lines += [_row(stream, field) for field in stream.fields]
    return "\n".join(lines) + "\n"


def _row(stream: Stream, field: Field) -> str:
    needing = [f"`{word}`" for word, names in stream.needs.items() if field.name in names]
    must = "yes" if field.required else f"on {', '.join(needing)}" if needing else ""
    limits = [f"`{word}`" for word in field.words]
    limits += [f"at least {field.minimum}"] if field.minimum is not None else []
    limits += [f"at most {field.maximum}"] if field.maximum is not None else []
    described = f"{field.description} {_KEPT[field.privacy]}".strip().replace("|", "\\|")
    kind = _WORDS[field.type].replace("|", "\\|")
    return f"| `{field.name}` | {kind} | {must} | {', '.join(limits)} | {described} |"


def reference_files() -> dict[str, str]:
    """Path below ``docs/reference`` -> content."""
    files = {
        f"streams/{name}.schema.json": json.dumps(json_schema(stream), indent=2) + "\n"
        for name, stream in STREAMS.items()
    }
    return files | {"streams.md": reference_page()}


def main(folder: Path) -> None:
    for name, content in reference_files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
