# ruff: noqa: INP001  (a script beside the page that it makes, no package)
"""Fill the generated blocks of ``tables.md`` from the dbt project: grain, columns, types, descriptions.

``.venv/bin/python docs/reference/make_tables.py`` after a change in ``sql/models``; a test compares. The blocks stand
between ``<!-- made from sql/models/<stage> -->`` and ``<!-- end -->``; the rest of the page is written by hand.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from perso_pipeline.contracts.streams import LANDING_COLUMNS, STREAMS
from perso_pipeline.raw.tables import stream_columns
from perso_pipeline.settings import PROJECT_ROOT

PAGE = Path(__file__).resolve().parent / "tables.md"
MODELS = PROJECT_ROOT / "sql" / "models"
_BLOCK = re.compile(r"(<!-- made from sql/models/(\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_DOC = re.compile(r"{%\s*docs (\w+)\s*%}(.*?){%\s*enddocs\s*%}", re.DOTALL)
_ENDINGS = {"_at": "timestamp", "_date": "date", "_id": "varchar"}  # what a name promises everywhere in the warehouse
_REFERENCE = re.compile(r"{{\s*doc\('(\w+)'\)\s*}}")


def filled(page: str) -> str:
    """The page with every block made again."""
    texts = dict(_DOC.findall((MODELS / "shared_columns.md").read_text(encoding="utf-8")))

    def block(match: re.Match[str]) -> str:
        tables = [_table(match[2], model, texts, _types(match[2])) for model in _models(match[2])]
        return match[1] + "\n" + "\n".join(tables) + "\n" + match[3]

    return _BLOCK.sub(block, page)


@cache
def _models(stage: str) -> tuple[dict[str, Any], ...]:
    """Tables of a stage that document columns, by name: dbt's own models, and the sources that Python makes."""
    texts = [path.read_text(encoding="utf-8") for path in (MODELS / stage).glob("*.yml")]
    tables = [model for text in texts for model in yaml.safe_load(text).get("models", [])]
    made_in_python = MODELS / "sources" / f"{stage}.yml"
    if made_in_python.exists():
        tables += yaml.safe_load(made_in_python.read_text(encoding="utf-8"))["sources"][0]["tables"]
    return tuple(sorted((table for table in tables if table.get("columns")), key=lambda table: table["name"]))


def _types_by_name(folders: Iterable[str]) -> dict[str, str]:
    """Type of each column name that has one type only wherever the models of ``folders`` state it."""
    found: dict[str, set[str]] = {}
    for folder in folders:
        for model in _models(folder):
            for column in model["columns"]:
                if "data_type" in column:
                    found.setdefault(column["name"], set()).add(column["data_type"])
    return {name: next(iter(types)) for name, types in found.items() if len(types) == 1}


def _types(stage: str) -> dict[str, str]:
    """Type by column name for models that state none: "same quantity, same column name everywhere".

    The stage's own models speak first, then the other stages, then the stream contracts.
    """
    delivered: dict[str, set[str]] = {}
    for columns in [LANDING_COLUMNS, *(stream_columns(stream) for stream in STREAMS.values())]:
        for name, kind in columns.items():
            delivered.setdefault(name, set()).add(kind)
    contracts = {name: next(iter(kinds)) for name, kinds in delivered.items() if len(kinds) == 1}
    stages = sorted(path.name for path in MODELS.iterdir() if path.is_dir())
    return contracts | _types_by_name(stages) | _types_by_name([stage])


def _type(stage: str, model: str, column: dict[str, Any], types: dict[str, str]) -> str:
    """The stated type, else the contract's for a staged stream, else by name; empty where nothing tells it."""
    name = column["name"]
    stream = STREAMS.get(model.removeprefix("stg_")) if stage == "staging" else None
    delivered = stream_columns(stream) if stream else {}
    by_ending = next((kind for ending, kind in _ENDINGS.items() if name.endswith(ending)), "")
    by_start = "boolean" if name.startswith(("is_", "has_")) else by_ending
    stated = column.get("data_type") or delivered.get(name) or types.get(name) or by_start
    return str(stated).lower()


def _table(stage: str, model: dict[str, Any], texts: dict[str, str], types: dict[str, str]) -> str:
    rows = []
    for column in model["columns"]:
        described = _REFERENCE.sub(lambda match: texts[match[1]], column["description"])
        rows.append(f"| `{column['name']}` | {_type(stage, model['name'], column, types)} | {_cell(described)} |")
    title = f"### {stage}.{model['name']}"
    return "\n".join([title, "", _line(model["description"]), "", "| column | type | |", "|---|---|---|", *rows, ""])


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
