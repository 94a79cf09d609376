"""One search from its data to its files: reads the night's facts, writes to the search's own folder and to MLflow.

No table of the warehouse is written, so a search can run beside a night. The clock comes in from outside.
"""

import fcntl
import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import optuna

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.models.config import SiteModels
from perso_pipeline.models.names import Task
from perso_pipeline.models.search.objective import (
    Gain,
    gain,
    values_by_window,
    windows,
    with_settings,
)
from perso_pipeline.models.search.report import best_yaml, history, importance_bars, metric_of, rounded
from perso_pipeline.models.search.space import SPACES, Setting, space_of, widened
from perso_pipeline.models.search.study import Tried, best, finished, importances, search
from perso_pipeline.models.site_night import MODELS_VERSION, SiteNight
from perso_pipeline.resources.tracked import ModelRun
from perso_pipeline.resources.tracking import Tracking

_WINDOWS = 3


@dataclass(frozen=True, slots=True)
class SearchOrder:
    """What is to be searched.

    Attributes:
        site_id: Whose data.
        model: Whose settings.
        task: Which lists are judged.
        night: Data known on it.
        trials: All in all, earlier calls included; None: until the time is up.
        seed: Of the study.
    """

    site_id: str
    model: str
    task: Task
    night: date
    trials: int | None
    seed: int


@dataclass(frozen=True, slots=True)
class Searched:
    """Where a search stands when it ends: its trials so far, and the files that were written."""

    name: str
    tried: tuple[Tried, ...]
    gain: Gain
    block: str
    folder: Path
    mlflow_run_id: str


def run_search(
    order: SearchOrder,
    *,
    warehouse: Warehouse,
    config: SiteModels,
    tracking: Tracking,
    searches_dir: Path,
    tags: Mapping[str, str],
    threads: int,
    is_time_up: Callable[[], bool],
    say: Callable[[str], None],
) -> Searched:
    """Go on with the order's study, or begin it.

    A study belongs to its data, settings, model, task and seed; change one of them and a new one begins.

    Raises:
        PersoError: too little data, a model without a space, or another process at the same study.
    """
    space = space_of(order.model)
    racing = config.model_copy(update={"race": [*config.race, order.model]})  # so that what it reads is read
    site = SiteNight.read(warehouse, order.site_id, order.night, racing)
    if not len(site.signals):
        msg = f"No interactions of {order.site_id} are known on {order.night}; there is nothing to search on."
        raise PersoError(msg)
    parts = windows(site.signals, site.evidence, config, most=_WINDOWS)
    current = {name: value for name, value in getattr(config, order.model).model_dump().items() if name in space}
    name = _name(order, site)
    folder = searches_dir / name
    metric = metric_of(order.task)

    def judge(settings: Mapping[str, Setting]) -> Iterator[float]:
        trial = with_settings(config, order.model, settings)
        return values_by_window(trial, order.model, parts.validation, order.task, threads=threads)

    with _one_at_a_time(folder):
        study = _study(folder, name)
        run_id, logged = tracking.open_search(name, site_id=order.site_id, tags=tags)

        def log(tried: Tried) -> None:
            if f"trial-{tried.number:04d}" not in logged:
                tracking.add_trial(run_id, name, _as_run(tried, order.model, metric), tags)
                logged.add(f"trial-{tried.number:04d}")

        for earlier in finished(study):  # what a killed process did not get to tell
            log(earlier)
        say(f"{name}: {len(finished(study))} trials so far, {len(parts.validation)} windows before {parts.test.cut}")

        def on_trial(tried: Tried) -> None:
            log(tried)
            mean = "none" if tried.mean is None else f"{tried.mean:.4f}"
            shown = ", ".join(f"{key} {value}" for key, value in rounded(tried.settings).items())
            say(f"  trial {tried.number:3d} {tried.outcome:8} {metric} {mean}  {shown}")

        search(
            study,
            widened(space, current),
            current,
            judge,
            windows=len(parts.validation),
            seed=order.seed,
            trials=order.trials,
            is_time_up=is_time_up,
            on_trial=on_trial,
        )
        tried = finished(study)
        if not tried:
            msg = f"The time was up before the first trial of {name} was finished; give it more minutes."
            raise PersoError(msg)
        found = best(tried)
        held = gain(config, order.model, found.settings, parts.test, order.task, threads=threads)
        block = best_yaml(order.model, order.task, tried, parts, held)
        files = {"best.yml": block.encode(), "history.png": history(tried, f"mean {metric}", name)}
        shares = importances(study, seed=order.seed)
        if shares:
            files["importances.png"] = importance_bars(shares, name)
        for file, body in files.items():
            (folder / file).write_bytes(body)
        measured = {
            f"{order.task}/{metric.replace('@', '_at_')}": found.mean or 0.0,
            "test/current": held.current,
            "test/best": held.best,
            "test/difference": held.difference,
            "trials": float(len(tried)),
        }
        tracking.close_search(run_id, metrics=measured, files=files)
    return Searched(name, tuple(tried), held, block, folder, run_id)


def _name(order: SearchOrder, site: SiteNight) -> str:
    """The same for the same data, settings and order: ``<site>.<model>.<task>.<hash>``."""
    parts = (
        site.signals.fingerprint,
        site.evidence.fingerprint,
        site.config.signals.model_dump_json(),
        site.config.evaluation.model_dump_json(),
        getattr(site.config, order.model).model_dump_json(),
        repr(SPACES[order.model]),
        str(order.seed),
        str(MODELS_VERSION),
    )
    mark = hashlib.sha256("|".join(parts).encode()).hexdigest()[:8]
    return f"{order.site_id}.{order.model}.{order.task}.{mark}"


def _study(folder: Path, name: str) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder / 'study.db'}")
    return optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """The system lets go of the lock when the process ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            msg = f"The search {folder.name} is being run by another process; wait for it or stop it."
            raise PersoError(msg) from busy
        yield


def _as_run(tried: Tried, model: str, metric: str) -> ModelRun:
    named = metric.replace("@", "_at_")
    values = {f"window_{place}/{named}": value for place, value in enumerate(tried.values)}
    if tried.mean is not None:
        values[f"mean/{named}"] = tried.mean
    params = {f"{model}.{name}": str(value) for name, value in tried.settings.items()} | {"outcome": tried.outcome}
    return ModelRun(f"trial-{tried.number:04d}", params, values)
