"""A slip of one letter in any config file: named by file, line and key, with the word that was meant."""

import re
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import Field

from perso_pipeline.contracts.config_files import ConfigPart, error_at, read_config
from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.operation.config import CONFIG_READERS
from perso_pipeline.settings import PROJECT_ROOT

CONFIG = PROJECT_ROOT / "config"
EVERY = 5  # of the words of a file one in so many gets a slip: a file is read in milliseconds, and there are hundreds


def words(node: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield "key", key
            yield from words(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from words(value)
    else:
        yield "value", node


@pytest.mark.parametrize("name", sorted(CONFIG_READERS))
def test_a_slip_anywhere_is_found_on_its_line_with_what_was_meant(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "config"
    shutil.copytree(CONFIG, folder)
    text = (CONFIG / name).read_text(encoding="utf-8")
    found = [(kind, node) for kind, node in words(yaml.compose(text)) if re.fullmatch(r"[a-z_]{3,}", str(node.value))]
    for kind, node in found[::EVERY]:
        slip = node.value[:-1] + ("x" if node.value[-1] != "x" else "y")
        (folder / name).write_text(text[: node.start_mark.index] + slip + text[node.end_mark.index :], encoding="utf-8")
        try:
            CONFIG_READERS[name](folder)
        except ConfigError as error:
            said = str(error)
        else:
            assert kind == "value", f"a key {slip} passes"  # a value may be a free name
            continue
        at = f"{name} line {node.start_mark.line + 1}: "
        assert said.startswith(at) or not said.startswith(name), (slip, said)  # another file may name what went
        hint = "true or false" if node.value in ("true", "false") else r"did you mean '|keys here are"
        assert re.search(hint, said), (slip, said)


class Short(ConfigPart):
    by: Literal["short"]
    k1: float = 1
    b: float = 1


class Long(ConfigPart):
    by: Literal["long"]


class File(ConfigPart):
    model: Short | None = None
    parts: dict[Literal["views", "carts"], float] | None = None
    kinds: tuple[Annotated[Short | Long, Field(discriminator="by")], ...] = ()
    names: tuple[str, ...] = ()


def said(tmp_path: Path, text: str) -> str:
    path = tmp_path / "file.yml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path, File)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model:\n  by: short\n  k11: 1\n", "file.yml line 3: model.k11: there is no such key (did you mean 'k1'?)."),
        ("model:\n  by: short\n  z: 1\n", "file.yml line 3: model.z: there is no such key; keys here are b, by, k1."),
        ("model:\n  xx: short\n", "file.yml line 2: model.xx: there is no such key (did you mean 'by'?)."),
        ("parts:\n  views: 1\n  cart: 2\n", "file.yml line 3: parts.cart: 'cart' is none of views, carts (did you mean 'carts'?)."),
        ("kinds:\n  - by: shirt\n", "file.yml line 2: kinds.0.by: 'shirt' is none of short, long (did you mean 'short'?)."),
        ("kinds:\n  - byy: short\n", "file.yml line 2: kinds.0.byy: there is no such key (did you mean 'by'?)."),
        ("kinds:\n  - {}\n", "file.yml line 2: kinds.0.by: it is missing."),
        ("kinds:\n  - by: long\n    k1: 2\n", "file.yml line 3: kinds.0.long.k1: there is no such key; keys here are by."),
        ("names: one\n", "file.yml line 1: names: a list is expected (each entry after '-', or [..., ...]), not 'one'."),
    ],
)  # fmt: skip
def test_the_sentence_of_each_kind_of_slip(tmp_path: Path, text: str, words: str) -> None:
    assert said(tmp_path, text) == words


def test_what_clashes_with_another_file_is_named_by_line_too(tmp_path: Path) -> None:
    path = tmp_path / "file.yml"
    path.write_text("names:\n  - one\n  - two\n", encoding="utf-8")
    assert str(error_at(path, ("names", 1), "'two' is not in other.yml")) == (
        "file.yml line 3: names.1: 'two' is not in other.yml."
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("scenarios.yml", "submodel: segment", "submodel: segmant", r"scenarios.yml line \d+: scenarios.0.levels.2.submodel: .*did you mean 'segment'"),
        ("scenarios.yml", "    size: 8", "    sites: [shop-ku]\n    size: 8", r"scenarios.yml line \d+: scenarios.2.sites.0: .*did you mean 'shop-uk'"),
        ("triggers.yml", "scenario: home", "scenario: homme", r"triggers.yml line \d+: triggers.1.scenario: .*did you mean 'home'"),
        ("listings.yml", "  - category: food", "  - category: food\n    sites: [shop-d]", r"listings.yml line \d+: categories.1.sites.0: .*did you mean 'shop-de'"),
    ],
)  # fmt: skip
def test_a_name_that_another_file_does_not_have_is_found(
    tmp_path: Path, file: str, old: str, new: str, expected: str
) -> None:
    folder: Any = tmp_path / "config"
    shutil.copytree(CONFIG, folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=expected):
        CONFIG_READERS[file](folder)
