"""``perso doctor``: what is wrong with an installation before a night finds out, with the mend for each finding."""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from pathlib import Path

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.streams import STREAMS
from perso_pipeline.recommendations.listings.config import read_listings
from perso_pipeline.recommendations.readiness import fillable
from perso_pipeline.recommendations.scenarios import read_scenarios
from perso_pipeline.resources.opening import open_warehouse
from perso_pipeline.resources.partitions import landing_day
from perso_pipeline.resources.warehouse_lock import WarehouseLock
from perso_pipeline.settings import Settings

_NEEDED_BYTES = 2 * 1024**3
_PATIENCE_SECONDS = 2.0  # a night that runs is not waited for


class Verdict(Enum):
    """How a finding is meant."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    topic: str
    verdict: Verdict
    text: str


def examine(
    settings: Settings,
    *,
    config_readers: dict[str, Callable[[Path], object]],
    config_warnings: Callable[[Path], Iterable[str]] = lambda _: (),
) -> list[Finding]:
    """Look at versions, state folder, keys, landing folders, every config file, and whether lists can be full.

    Args:
        settings: Where things stand.
        config_readers: For each file of the config folder the function that reads it from there and validates it.
        config_warnings: Sentences about what fits and should be looked at all the same.
    """
    return [
        *_packages(),
        *_home(settings),
        *_hash_key(settings),
        *_landing(settings.landing_dir),
        *(config := list(_config(settings.config_dir, config_readers))),
        *(Finding("config", Verdict.WARNING, text) for text in config_warnings(settings.config_dir)),
        *([] if any(found.verdict is Verdict.BAD for found in config) else _lists(settings)),
    ]


def _packages() -> Iterator[Finding]:
    for requirement in metadata.requires("perso-pipeline") or []:
        name = re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0]
        if "extra ==" in requirement:
            continue
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding("packages", Verdict.BAD, f"{name} is not installed; run 'make setup'.")
            return
    yield Finding("packages", Verdict.GOOD, f"perso-pipeline {metadata.version('perso-pipeline')} with all it needs.")


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.home.resolve()
    existing = next(p for p in [home, *home.parents] if p.exists())
    probe = existing / ".perso-doctor"
    try:
        probe.touch()
        probe.unlink()
    except OSError:
        yield Finding("state", Verdict.BAD, f"{home} cannot be written; set PERSO_HOME to a folder of yours.")
        return
    free = shutil.disk_usage(existing).free
    text = f"{home}, {free / 1024**3:.0f} GB free"
    if free < _NEEDED_BYTES:
        yield Finding("state", Verdict.BAD, f"{text}; a night needs at least 2 GB: free some, or move PERSO_HOME.")
    else:
        yield Finding("state", Verdict.GOOD, f"{text}.")


def _hash_key(settings: Settings) -> Iterator[Finding]:
    if settings.hash_key:
        yield Finding("hash key", Verdict.GOOD, "PERSO_HASH_KEY is set.")
    else:
        place = settings.home.resolve() / "hash.key"
        yield Finding(
            "hash key",
            Verdict.WARNING,
            f"PERSO_HASH_KEY is not set, so a key in {place} is used; in production keep it in your secret store and "
            "set the variable, or hashes cannot be matched after a move.",
        )


def _landing(landing_dir: Path) -> Iterator[Finding]:
    if not landing_dir.exists():
        yield Finding("landing", Verdict.WARNING, f"{landing_dir} is empty; deliver files, or run 'perso demo'.")
        return
    strangers = [p for p in sorted(landing_dir.iterdir()) if p.name not in STREAMS and not p.name.startswith(".")]
    for path in strangers:
        yield Finding(
            "landing", Verdict.WARNING, f"{path.name} is no stream and is not read; streams are {', '.join(STREAMS)}."
        )
    days = set()
    for folder in landing_dir.glob("*/*"):
        day = landing_day(folder)
        if day:
            days.add(day)
        elif folder.parent.name in STREAMS and not folder.name.startswith("."):
            yield Finding(
                "landing",
                Verdict.BAD,
                f"{folder.parent.name}/{folder.name} is not a day; name it YYYY-MM-DD after the day of arrival.",
            )
    if days:
        missing = (max(days) - min(days)).days + 1 - len(days)
        gap = f"; {missing} days in between without any folder" if missing else ""
        yield Finding("landing", Verdict.GOOD, f"{min(days)} to {max(days)}{gap}.")


def _config(folder: Path, readers: dict[str, Callable[[Path], object]]) -> Iterator[Finding]:
    said = set()
    for name, read in readers.items():
        try:
            read(folder)
        except PersoError as error:
            if str(error) not in said:  # one file may be read by several
                said.add(str(error))
                yield Finding("config", Verdict.BAD, str(error))
        else:
            yield Finding("config", Verdict.GOOD, f"{name} fits.")


def _lists(settings: Settings) -> Iterator[Finding]:
    """What a night would run into with these scenarios and listings and the newest catalogue."""
    scenarios, listings = read_scenarios(settings.config_dir), read_listings(settings.config_dir)
    found: list[fillable.Problem] = []
    warehouse = open_warehouse(settings)
    night = None
    if settings.warehouse_path.exists():
        try:
            with WarehouseLock.hold(settings.warehouse_path, purpose="perso doctor", timeout_seconds=_PATIENCE_SECONDS):
                night = fillable.newest_catalogue(warehouse)
                if night:
                    found += fillable.problems_of_catalogue(warehouse, scenarios, night=night)
                    found += fillable.problems_of_listings(warehouse, listings, settings.config_dir, night=night)
        except PersoError as error:
            yield Finding("lists", Verdict.WARNING, f"The catalogue was not looked at: {error}")
    for problem in found:
        yield Finding("lists", Verdict.BAD if problem.is_certain else Verdict.WARNING, problem.text)
    if not found:
        where = f"with the catalogue of {night}" if night else "as far as the files tell; there is no catalogue yet"
        yield Finding("lists", Verdict.GOOD, f"Every scenario can fill its lists {where}.")
