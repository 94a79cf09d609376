"""A discovery becomes a segment: one entry more in ``config/segments.yml``, everything else as it stands.

Text is inserted where the list ends, so comments and layout of the file stay. Reading discoveries and writing the
config are here; keep the search out.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.errors import PersoError, nearest
from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.segments.rules import Segments

_DISCOVERIES = """
    select * from segments.discovered_segments
    where night = (select max(night) from segments.discovery_runs)
    order by discovery_id
"""


def adopt(warehouse: Warehouse, discovery_id: str, path: Path, *, segment_id: str | None = None) -> str:
    """Append the discovery of the last night to the segments of ``path``.

    Args:
        warehouse: Has ``segments.discovered_segments``.
        discovery_id: Which one.
        path: ``segments.yml``; replaced in one step, and only by a file that reads.
        segment_id: Id of the new segment; default: made from the rule.

    Returns:
        The lines that were written.

    Raises:
        PersoError: there is no such discovery, the other half of the people did not confirm it, or the id is taken.
        ConfigError: ``path`` did not read before.
    """
    read_config(path, Segments)
    discovery = _discovery(warehouse, discovery_id)
    text = path.read_text(encoding="utf-8")
    entry = _entry(discovery, segment_id)
    written = _inserted(text, entry)
    new = path.with_name(f".{path.name}.new")
    new.write_text(written, encoding="utf-8")
    try:
        read_config(new, Segments)
        new.replace(path)
    except PersoError as error:
        reason = str(error).split(": ", 1)[-1]
        msg = f"{discovery_id} does not fit into {path.name}: {reason} Choose another id with --id."
        raise PersoError(msg) from error
    finally:
        new.unlink(missing_ok=True)
    return entry


def _discovery(warehouse: Warehouse, discovery_id: str) -> dict[str, Any]:
    if not warehouse.exists("segments.discovered_segments"):
        msg = "Nothing was looked for yet; run a night first with 'perso run'."
        raise PersoError(msg)
    rows = {row["discovery_id"]: row for row in warehouse.query(_DISCOVERIES).to_pylist()}
    if discovery_id not in rows:
        confirmed = [name for name, row in rows.items() if row["is_confirmed"]]
        listed = f" Confirmed ones: {', '.join(confirmed[:10])}." if confirmed else " Nothing was confirmed."
        msg = f"The last night has no discovery {discovery_id!r}{nearest(discovery_id, rows)}.{listed}"
        raise PersoError(msg)
    if not rows[discovery_id]["is_confirmed"]:
        msg = (
            f"{discovery_id} was found on one half of the people and not confirmed by the other "
            f"(q = {rows[discovery_id]['confirmed_q']:.2g}); it may be chance, so it is not adopted."
        )
        raise PersoError(msg)
    return rows[discovery_id]


def _entry(discovery: dict[str, Any], segment_id: str | None) -> str:
    """The segment as lines of the list, indented by two."""
    conditions = json.loads(discovery["rule"])["all"]
    known = [part for part in conditions if part["attribute"] != "site_id"]
    words = [_word(part) for part in known]
    name = ", ".join(words)
    value, average = discovery["confirmed_value"], discovery["confirmed_average"]
    shown = (
        f"{value:.1%} ordered, {average:.1%} of everyone else"
        if discovery["metric"] == "conversion"
        else f"average cart {value:.2f}, {average:.2f} of everyone else"
    )
    slug = _slug("-".join([discovery["metric"], discovery["direction"], *words, discovery["site_id"]]))
    segment = {
        "id": segment_id or slug,
        "name": f"{name} ({discovery['site_id']})",
        "description": f"Found by itself on {discovery['night']}: {shown} on {discovery['site_id']}.",
    }  # fmt: skip
    lines = [
        f"  # {discovery['discovery_id']} of {discovery['night']}, confirmed on half of the people who had no part"
    ]
    lines += [f"  {'-' if key == 'id' else ' '} {key}: {_scalar(value)}" for key, value in segment.items()]
    lines += ["    rule:", "      all:", *(f"        - {_flow(part)}" for part in conditions)]
    return "\n".join(lines) + "\n"


def _inserted(text: str, entry: str) -> str:
    """The text with the entry after the last segment."""
    root: Any = yaml.compose(text)
    node = next(value for key, value in root.value if key.value == "segments")
    if node.flow_style:
        msg = (
            "segments.yml has its segments between [ and ]; write one below the other, each with a dash, and try again."
        )
        raise PersoError(msg)
    lines = text.splitlines(keepends=True)
    # the end mark of a block stands at the next key or the end of the file; blanks and comments before it stay below
    end = node.value[-1].end_mark.line if node.value[-1].end_mark.column == 0 else node.value[-1].end_mark.line + 1
    end = min(end, len(lines))
    while end > 0 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    if not lines[end - 1].endswith("\n"):
        lines[end - 1] += "\n"
    indent = node.start_mark.column
    shifted = "".join(" " * indent + line[2:] for line in entry.splitlines(keepends=True))
    return "".join([*lines[:end], "\n", shifted, *lines[end:]])


def _word(condition: dict[str, Any]) -> str:
    attribute = str(condition["attribute"]).replace("_", " ")
    if condition["op"] == "is_unknown":
        return f"{attribute} unknown"
    if isinstance(condition["value"], bool):
        return attribute.removeprefix("has ") if condition["value"] else f"no {attribute.removeprefix('has ')}"
    return f"{attribute} {condition['value']}"


def _slug(text: str) -> str:
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text.lower())
    return "-".join(part for part in kept.split("-") if part)[:63].strip("-")


def _scalar(value: str) -> str:
    return yaml.safe_dump(value, allow_unicode=True, width=10_000).removesuffix("...\n").strip()


def _flow(condition: dict[str, Any]) -> str:
    return yaml.safe_dump(condition, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000).strip()
