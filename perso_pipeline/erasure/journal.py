"""The journal of an erasure under way: the plan and what each step removed, so that a killed one is taken up again.

It names the people, or nobody could be found any more once identity is gone; it is readable by its owner only, holds
no address or telephone in clear, and is removed with the last step.
"""

import json
import os
from pathlib import Path
from typing import Any

NAME = "journal.json"


class Journal:
    """``<home>/erasures/journal.json``; every change is written in one step."""

    def __init__(self, erasures_dir: Path) -> None:
        self._path = erasures_dir / NAME

    def read(self) -> dict[str, Any] | None:
        if not self._path.exists():
            return None
        content: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
        return content

    def write(self, content: dict[str, Any]) -> None:
        replace_file(self._path, json.dumps(content))

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


def replace_file(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file in one step, on disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
