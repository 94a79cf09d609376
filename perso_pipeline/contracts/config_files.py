"""Reading a config file so that a mistake is named by file, line and key.

Every ``config/*.yml`` is read through ``read_config``. Keep the meaning of each file with its stage.
"""

import difflib
import re
from collections.abc import Hashable, Sequence
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
Word = TypeVar("Word", bound=Hashable)
# libyaml's: all of config/ in 4 ms instead of 63, and a night reads it over and over; PyYAML may lack it
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
        data = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe one
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
        location = (*(part for part in first["loc"] if part != "[key]"), *_further(first))
        words = _no_such_key(error.errors(), location, model) if first["type"] == "extra_forbidden" else _words(first)
        if first["type"].startswith("union_tag"):
            location, words = _no_such_kind(first, location)
        raise _error(path, yaml.compose(text), location, words) from error


def error_at(path: Path, location: Sequence[int | str], words: str) -> ConfigError:
    """The error of a file that fits by itself and not with another: names file, line and key like ``read_config``.

    Args:
        path: the file.
        location: keys and places in lists that lead to what is wrong.
        words: what is wrong, without a full stop.
    """
    return _error(path, yaml.compose(path.read_text(encoding="utf-8")), location, words)


def first_twice(words: Sequence[Word]) -> Word | None:
    """The first that stands among those before it; None where all differ."""
    seen: set[Word] = set()
    for word in words:
        if word in seen:
            return word
        seen.add(word)
    return None


def _error(path: Path, root: Any, location: Sequence[int | str], words: str) -> ConfigError:
    key = ".".join(str(part) for part in location) or "(top level)"
    return ConfigError(f"{path.name} line {_line_of(root, location)}: {key}: {words}.")


def _no_such_key(errors: Sequence[ErrorDetails], location: Sequence[int | str], model: type[BaseModel]) -> str:
    """The nearest key, else the one that the same block lacks, else all that the block may have."""
    word, here = str(location[-1]), _keys_at(model, location[:-1])
    hint = nearest(word, here) or nearest(word, _known_keys(model) - {word})
    if hint:
        return f"there is no such key{hint}"
    lacking = [str(e["loc"][-1]) for e in errors if e["type"] == "missing" and e["loc"][:-1] == tuple(location[:-1])]
    if lacking:
        return f"there is no such key (did you mean '{lacking[0]}'?)"
    return f"there is no such key; keys here are {', '.join(here)}"


def _no_such_kind(error: ErrorDetails, location: tuple[int | str, ...]) -> tuple[tuple[int | str, ...], str]:
    """Where and what, for a block of several kinds whose key that says which is absent or has an unknown word."""
    key, given = str(error["ctx"]["discriminator"]).strip("'"), error["input"]
    if error["type"] == "union_tag_invalid":
        legal = re.findall(r"'([^']+)'", error["ctx"]["expected_tags"])
        word = str(given[key])
        return (*location, key), f"'{word}' is none of {', '.join(legal)}{nearest(word, legal)}"
    slips = difflib.get_close_matches(key, [str(name) for name in given], n=1) if isinstance(given, dict) else []
    if slips:
        return (*location, slips[0]), f"there is no such key (did you mean '{key}'?)"
    return (*location, key), "it is missing"


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
    legal = re.findall(r"'([^']+)'", str(error.get("ctx", {}).get("expected", "")))
    if legal and isinstance(given, str):
        expected = f"{what} is none of {', '.join(legal)}{nearest(given, legal)}"
    return expected or error["msg"].rstrip(".").lower()


def _line_of(node: Any, location: Sequence[int | str]) -> int:
    line = 1
    for part in location:
        if node is None:
            break
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            found = [(k, v) for k, v in node.value if k.value == str(part)]
            if not found:
                continue  # a member of a union, or a key that is missing: no node of the file
            line = found[0][0].start_mark.line + 1
            node = found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _known_keys(model: type[BaseModel]) -> set[str]:
    """Every key that stands anywhere in the file."""
    keys: set[str] = set()
    seen: set[type[BaseModel]] = set()
    open_models = [model]
    while open_models:
        kind = open_models.pop()
        if kind not in seen:
            seen.add(kind)
            for name, info in kind.model_fields.items():
                keys.add(info.alias or name)
                open_models += _models_in(info.annotation)
    return keys


def _keys_at(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """The keys that a block may have, of every kind of block that may stand there."""
    kinds = [model]
    for part in location:
        fields = [info for kind in kinds for name, info in kind.model_fields.items() if (info.alias or name) == part]
        below = [kind for info in fields for kind in _models_in(info.annotation)]
        kinds = below or [kind for kind in kinds if _is_tagged(kind, part)] or kinds
    return sorted({info.alias or name for kind in kinds for name, info in kind.model_fields.items()})


def _is_tagged(model: type[BaseModel], tag: int | str) -> bool:
    """Whether it is the member of a union that the tag stands for."""
    return any(tag in getattr(info.annotation, "__args__", ()) for info in model.model_fields.values())


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Models that an annotation names, such as the members of a tuple or a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in getattr(annotation, "__args__", ()) for model in _models_in(argument)]
