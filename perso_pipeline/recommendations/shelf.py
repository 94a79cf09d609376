"""The folder of published nights on disk: staging, naming, the link ``current``, the log, retention.

Only file system steps that are atomic or can be repeated. What is in a folder is ``publish``'s matter.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perso_pipeline.contracts.errors import PersoError, nearest

CURRENT = "current"
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{12}")
_STAGING = ".staging-"


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to disk, so that a rename survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Shelf:
    """``published/``: folders ``<night>-<content>``, ``current``, ``log.jsonl``, staging while one is made."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One publisher at a time; a second one waits. Readers need no lock."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def tidy(self) -> None:
        """Remove what a killed publisher left and write down a swap that it did not live to log."""
        for left in self.root.glob(".*"):
            if left.name.startswith(_STAGING):
                shutil.rmtree(left)
            elif left.name.startswith(f".{CURRENT}-"):
                left.unlink()
        current = self.current()
        if current is not None and (not (log := self.log()) or log[-1]["version"] != current):
            self._append({"action": "publish", "version": current, "note": "found swapped but not logged"})

    def new_staging(self) -> Path:
        staging = self.root / f"{_STAGING}{os.getpid()}"
        staging.mkdir()
        return staging

    def folder(self, version: str) -> Path:
        return self.root / version

    def versions(self) -> list[str]:
        """Published versions on disk, oldest night first."""
        return sorted(path.name for path in self.root.iterdir() if _VERSION.fullmatch(path.name))

    def manifest(self, version: str) -> dict[str, Any]:
        text = (self.folder(version) / "manifest.json").read_text(encoding="utf-8")
        manifest: dict[str, Any] = json.loads(text)
        return manifest

    def is_whole(self, version: str) -> bool:
        """Whether the folder is there and each file is what its manifest says; a damaged one is removed."""
        folder = self.folder(version)
        if not folder.exists():
            return False
        try:
            manifest = self.manifest(version)
            files = {entry["file"]: entry["sha256"] for entry in manifest["tables"].values()} | manifest["files"]
            for name, sha256 in files.items():
                if file_hash(folder / name) != sha256:
                    break
            else:
                return True
        except (OSError, ValueError, KeyError):
            pass
        # aside first: a rename is one step, readers of the damaged folder keep their open files
        aside = self.root / f"{_STAGING}damaged-{version}"
        folder.rename(aside)
        shutil.rmtree(aside)
        return False

    def put(self, staging: Path, version: str) -> None:
        """Give a finished staging folder its name."""
        staging.rename(self.folder(version))
        sync_folder(self.root)

    def replace(self, version: str, staging: Path, new: str) -> None:
        """Put ``staging`` in the place of ``version`` under the name ``new``: folder, ``current`` and log."""
        if self.folder(new).exists():  # left by a kill between here and the removal below
            shutil.rmtree(staging)
        else:
            self.put(staging, new)
        if self.current() == version:
            draft = self.root / f".{CURRENT}-{os.getpid()}"
            draft.symlink_to(new)
            draft.replace(self.root / CURRENT)
        log = self.root / "log.jsonl"
        draft = self.root / f"{_STAGING}log-{os.getpid()}"
        draft.mkdir()
        (draft / "log.jsonl").write_text(log.read_text(encoding="utf-8").replace(version, new), encoding="utf-8")
        (draft / "log.jsonl").replace(log)
        draft.rmdir()
        aside = self.root / f"{_STAGING}old-{version}"
        self.folder(version).rename(aside)
        shutil.rmtree(aside)
        sync_folder(self.root)

    def point(self, version: str, *, action: str, gate: str, rows: int) -> None:
        """Swap ``current`` in one step and log it."""
        before = self.current()
        if before != version:
            draft = self.root / f".{CURRENT}-{os.getpid()}"
            draft.symlink_to(version)
            draft.replace(self.root / CURRENT)
            sync_folder(self.root)
        self._append({"action": action, "version": version, "before": before, "gate": gate, "rows": rows})

    def current(self) -> str | None:
        """Version that ``current`` points at, None before the first publication."""
        link = self.root / CURRENT
        return link.readlink().name if link.is_symlink() else None

    def log(self) -> list[dict[str, Any]]:
        """Swaps so far, oldest first. A line cut short by a kill is passed over."""
        path = self.root / "log.jsonl"
        entries = []
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            try:
                entries.append(json.loads(line))
            except ValueError:
                continue
        return entries

    def previous(self) -> str:
        """Version that was current before the one that is.

        Raises:
            PersoError: nothing is published, or nothing before it is kept.
        """
        found = self._before_current()
        if found is None:
            msg = f"There is no earlier published night in {self.root} to go back to; publish one more night first."
            raise PersoError(msg)
        return found

    def find(self, wanted: str) -> str:
        """The kept version called ``wanted``, or the newest of the night ``wanted``.

        Raises:
            PersoError: there is none; the message lists what there is.
        """
        versions = self.versions()
        if wanted in versions:
            return wanted
        order = {entry["version"]: place for place, entry in enumerate(self.log())}
        of_night = sorted((v for v in versions if v[:10] == wanted), key=lambda v: order.get(v, -1))
        if of_night:
            return of_night[-1]
        listed = ", ".join(versions) or "none"
        msg = f"{wanted!r} is not a published version or night{nearest(wanted, versions)}; there are: {listed}."
        raise PersoError(msg)

    def retain(self, keep: int) -> list[str]:
        """Remove the oldest beyond ``keep``, never the current nor the one before; returns what went."""
        stay = {self.current(), self._before_current()}
        order = {entry["version"]: place for place, entry in enumerate(self.log())}
        oldest_first = sorted(self.versions(), key=lambda v: (order.get(v, -1), v))
        gone = [version for version in oldest_first[: max(0, len(oldest_first) - keep)] if version not in stay]
        for version in gone:
            aside = self.root / f"{_STAGING}old-{version}"
            self.folder(version).rename(aside)
            shutil.rmtree(aside)
        return gone

    def _before_current(self) -> str | None:
        """The kept version below the current one; going back twice goes back two, never forward again."""
        stack: list[str] = []
        for entry in self.log():
            version = entry["version"]
            if entry["action"] == "rollback" and version in stack:
                while stack[-1] != version:
                    stack.pop()
            elif not stack or stack[-1] != version:
                stack.append(version)
        current = self.current()
        return next((v for v in reversed(stack) if v != current and self.folder(v).exists()), None)

    def _append(self, entry: dict[str, Any]) -> None:
        path = self.root / "log.jsonl"
        is_cut = path.exists() and not path.read_bytes().endswith(b"\n") and path.stat().st_size > 0
        with path.open("a", encoding="utf-8") as file:
            file.write(("\n" if is_cut else "") + json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())
