"""Reading a config file so that a mistake is named by file, line and key.

Every ``config/*.yml`` is read through ``read_config``. Keep the meaning of each file with its stage.
"""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from perso_pipeline.contracts.errors import ConfigError, nearest


class ConfigPart(BaseModel):
    """A block of a config file: a key that is not known is an error, and what was read stays as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=BaseModel)


def read_config(path: Path, model: type[Model]) -> Model:
    """Read and validate one YAML file.

    Raises:
        ConfigError: the file is absent, is not YAML, or does not fit; names file, line and key.
    """
    if not path.is_file():
        msg = f"{path.name} is missing from {path.parent}; copy it from the project's config/ folder."
        raise ConfigError(msg)
    text = path.read_text(encoding="utf-8")
    try:
        data = yaml.safe_load(text)
        root = yaml.compose(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", error)
        msg = f"{path.name} line {line}: not valid YAML ({problem}); check quotes and indentation."
        raise ConfigError(msg) from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        # a key that does not belong is most often a slip for the one that is then reported as missing
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        location = (*first["loc"], *_further(first))
        line = _line_of(root, location)
        key = ".".join(str(part) for part in location) or "(top level)"
        words = _words(first)
        if first["type"] == "extra_forbidden":
            words = f"there is no such key{nearest(str(location[-1]), _known_keys(model))}"
        msg = f"{path.name} line {line}: {key}: {words}."
        raise ConfigError(msg) from error


def _further(error: ErrorDetails) -> list[int | str]:
    """The way from where an error was found to where it stands, if it says one."""
    way = str(error.get("ctx", {}).get("at", ""))
    return [int(part) if part.isdigit() else part for part in way.split(".") if part]


def _words(error: ErrorDetails) -> str:
    """What is wrong, in words of YAML and not of Python."""
    given = error["input"]
    what = "nothing" if given is None else "a list" if isinstance(given, list | tuple) else "a block of keys"
    what = what if given is None or isinstance(given, list | tuple | dict) else f"'{given}'"
    expected = {
        "missing": "it is missing",
        "tuple_type": f"a list is expected (each entry after '-', or [..., ...]), not {what}",
        "list_type": f"a list is expected (each entry after '-', or [..., ...]), not {what}",
        "model_type": f"a block of keys is expected, not {what}",
        "dict_type": f"a block of keys is expected, not {what}",
        "too_short": "at least one entry is needed",
        "int_type": f"a whole number is expected, not {what}",
        "int_parsing": f"a whole number is expected, not {what}",
        "int_from_float": f"a whole number is expected, not {what}",
        "float_type": f"a number is expected, not {what}",
        "float_parsing": f"a number is expected, not {what}",
        "string_type": f"a text is expected, not {what}; put it in quotes",
        "bool_type": f"true or false is expected, not {what}",
        "bool_parsing": f"true or false is expected, not {what}",
    }.get(error["type"])
    return expected or error["msg"].rstrip(".").lower()


def _line_of(node: Any, location: tuple[int | str, ...]) -> int:
    line = 1
    for part in location:
        if node is None:
            break
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            found = [(k, v) for k, v in node.value if k.value == str(part)]
            if not found:
                break
            line = found[0][0].start_mark.line + 1
            node = found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        # union members and discriminators are no nodes of the file: skip them
    return line


def _known_keys(model: type[BaseModel]) -> set[str]:
    keys: set[str] = set()
    seen: set[type[BaseModel]] = set()

    def visit(kind: Any) -> None:
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
            seen.add(kind)
            for name, info in kind.model_fields.items():
                keys.add(info.alias or name)
                visit(info.annotation)
        for argument in getattr(kind, "__args__", ()):
            visit(argument)

    visit(model)
    return keys
