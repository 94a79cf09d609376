"""What the pages name exists, and what exists is named."""

import re
from pathlib import Path

import pytest
import typer.main
import yaml

from perso_pipeline.cli import app
from perso_pipeline.operation.config import CONFIG_READERS
from perso_pipeline.recommendations.merchandising import Merchandising
from perso_pipeline.recommendations.scenarios import Scenarios, read_scenarios
from perso_pipeline.segments.rules import Segments
from perso_pipeline.settings import PROJECT_ROOT, Settings

DOCS = PROJECT_ROOT / "docs"
COMMANDS = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
CONFIG = (DOCS / "reference" / "config.md").read_text(encoding="utf-8")
HOW_TO = "".join(
    (DOCS / "how-to" / name).read_text(encoding="utf-8")
    for name in ("segments-and-scenarios.md", "write-a-segment.md", "merchandising-rules.md")
)
BLOCKS = re.findall(r"```yaml\n# config/(\w+\.yml)\n(.*?)```", HOW_TO, re.DOTALL)


def _commands() -> dict[str, list[str]]:
    """'run' -> its long options; groups go in as 'import online-retail'."""
    found: dict[str, list[str]] = {}
    top = typer.main.get_command(app)
    for name, command in top.commands.items():  # type: ignore[attr-defined]
        for path, leaf in (
            [(f"{name} {sub}", child) for sub, child in command.commands.items()]
            if hasattr(command, "commands")
            else [(name, command)]
        ):
            found[path] = [option for p in leaf.params for option in p.opts if option.startswith("--")]
    return found


def _row(command: str) -> str:
    return next(line for line in COMMANDS.splitlines() if line.startswith(f"| `perso {command}"))


@pytest.mark.parametrize("command", sorted(_commands()))
def test_every_command_stands_on_the_page_with_its_options_and_no_other(command: str) -> None:
    assert set(re.findall(r"`(--[a-z-]+)`", _row(command))) == set(_commands()[command]) - {"--help"}


def test_no_command_stands_on_the_page_that_is_gone() -> None:
    named = re.findall(r"^\| `perso ([a-z -]+?)(?: [A-Z]+)?` \|", COMMANDS, re.MULTILINE)

    assert sorted(named) == sorted(_commands())


def test_every_setting_stands_on_the_page_and_no_other() -> None:
    settings = {f"PERSO_{name.upper()}" for name in Settings.model_fields}

    assert set(re.findall(r"^\| `(PERSO_\w+)`", COMMANDS, re.MULTILINE)) == settings


def test_every_make_target_stands_on_the_page() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None

    assert [target for target in phony[1].split() if f"| `make {target}` |" not in COMMANDS] == []


@pytest.mark.parametrize("name", sorted(CONFIG_READERS))
def test_every_config_file_has_a_section_with_its_keys(name: str) -> None:
    section = CONFIG.split(f"## {name}\n")[1].split("\n## ")[0]
    content = yaml.safe_load((PROJECT_ROOT / "config" / name).read_text(encoding="utf-8"))

    assert [key for key in content if not re.search(rf"`{key}(\.\w+)?`", section)] == []


def test_the_pages_have_blocks_of_the_three_files() -> None:
    assert {name for name, _ in BLOCKS} == {"segments.yml", "scenarios.yml", "merchandising.yml"}


@pytest.mark.parametrize(("name", "block"), BLOCKS, ids=[name for name, _ in BLOCKS])
def test_a_block_of_the_how_to_is_what_the_product_reads(name: str, block: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(block, encoding="utf-8")
    (tmp_path / "sites.yml").write_bytes((PROJECT_ROOT / "config" / "sites.yml").read_bytes())
    read = read_scenarios if name == "scenarios.yml" else CONFIG_READERS[name]

    assert isinstance(read(tmp_path), Segments | Scenarios | Merchandising)


def test_a_block_fits_into_the_file_that_is_there() -> None:
    """Pasted below what stands in config/, the examples clash with nothing."""
    for name, model in (("segments", Segments), ("scenarios", Scenarios)):
        whole = yaml.safe_load((PROJECT_ROOT / "config" / f"{name}.yml").read_text(encoding="utf-8"))
        for file, block in BLOCKS:
            if file == f"{name}.yml":
                whole[name] += yaml.safe_load(block)[name]
        model.model_validate(whole)


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]

    assert [link for link in links if link and not (page.parent / link).exists()] == []
