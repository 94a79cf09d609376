"""``perso models``: who serves and why, rolling back to an earlier champion, giving the race its say again.

A rollback is a dated pin in config, which nights respect, and an alias in MLflow put back. Deciding and measuring stay
in the models stage.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from perso_pipeline.contracts.errors import ConfigError, PersoError, nearest
from perso_pipeline.models.inputs import chosen_configs
from perso_pipeline.models.names import TASKS, Task
from perso_pipeline.models.pins import FILE, Pin, read_pins, with_pin, without_pin, write_pins
from perso_pipeline.resources.opening import open_warehouse
from perso_pipeline.resources.tracking import Tracking
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.settings import Settings

_SHOWN = 5
Say = Callable[[str], None]
Row = dict[str, Any]


def show_champions(settings: Settings, *, site_id: str, say: Say) -> None:
    """Of each site and task: champion, challenger, reason, and the verdict on every model."""
    warehouse = open_warehouse(settings)
    for name, config in chosen_configs(settings.config_dir, site_id).items():
        for task in TASKS:
            past = _champions(warehouse, name, task)
            if not past:
                say(f"{name}, {task}: no night has been run yet.")
                continue
            now = past[0]
            pin = read_pins(settings.config_dir).of(name, now["night"]).get(task)
            held = f"rolled back to {pin.version}" if pin else f"incumbent in models.yml: {config.incumbents[task]}"
            challenger = now["challenger"] or "none"
            who = f"{now['model']} ({now['version']}; challenger {challenger}; {held})"
            say(f"{name}, {task}, night {now['night']}: {who}")
            say(f"  {now['reason']}")
            for row in _verdicts(warehouse, now):
                say(f"  {'may serve  ' if row['may_serve'] else 'may not    '} {row['words']}")


def roll_back(settings: Settings, *, site_id: str, task: Task, to: str, why: str, say: Say) -> None:
    """Let an earlier champion serve from the newest night on.

    Args:
        settings: where everything stands.
        site_id: site.
        task: task.
        to: version or night to go back to; empty: the newest earlier night with another champion.
        why: goes into the reason of ``models.champions``.
        say: prints a line.

    Raises:
        PersoError: there is no such version, or no other champion to go back to.
    """
    config = chosen_configs(settings.config_dir, site_id)[site_id]
    past = _champions(open_warehouse(settings), site_id, task)
    if not past:
        msg = f"{site_id}, {task}: no night has been run, so there is nothing to go back to; run 'perso run' first."
        raise PersoError(msg)
    now, target = past[0], _target(past, to, f"{site_id}, {task}")
    if target["model"] not in config.race:
        msg = (
            f"{target['model']} no longer runs in the race of {site_id}; add it to race in models.yml, then roll back."
        )
        raise ConfigError(msg)
    pin = Pin(
        site=site_id, task=task, model=target["model"], version=target["version"], from_night=now["night"], why=why
    )
    path = write_pins(settings.config_dir, with_pin(read_pins(settings.config_dir), pin))
    say(
        f"{site_id}, {task}: {pin.model}, champion of {pin.version}, serves from {pin.from_night} on in place of "
        f"{now['model']}; written to {path}."
    )
    store = Tracking(settings.mlflow_uri, settings.mlflow_dir / "artifacts")
    title = f"{site_id}--{task}"
    for alias, row in (("champion", target), ("challenger", now)):
        if alias == "challenger" and row["model"] == target["model"]:
            continue
        number = store.registry.point(title, alias, model=row["model"], version=row["version"], since=now["night"])
        stands = f"stands on version {number} ({row['model']})" if number else "was not moved: the version is not there"
        say(f"MLflow: {alias} of {title} {stands}.")
    say(
        f"Next: 'perso run --night {now['night']}' makes the lists of that night again; 'perso rollback' shows readers "
        f"an earlier publication at once; 'perso models release --site {site_id} --task {task}' ends it."
    )


def release(settings: Settings, *, site_id: str, task: Task, say: Say) -> None:
    """Let the race decide again, from the night after the newest one on.

    Raises:
        PersoError: nothing is pinned.
    """
    chosen_configs(settings.config_dir, site_id)
    past = _champions(open_warehouse(settings), site_id, task)
    pins = read_pins(settings.config_dir)
    held = [pin for pin in pins.pinned if (pin.site, pin.task) == (site_id, task)]
    first = past[0]["night"] + timedelta(days=1) if past else max((pin.from_night for pin in held), default=None)
    if first is None or without_pin(pins, site_id, task, first) == pins:
        msg = f"{site_id}, {task}: nothing is pinned in {FILE}; the race decides already."
        raise PersoError(msg)
    write_pins(settings.config_dir, without_pin(pins, site_id, task, first))
    say(f"{site_id}, {task}: the race decides again from {first} on.")


def _target(past: list[Row], to: str, where: str) -> Row:
    """The row to go back to; ``past`` is newest first."""
    now = past[0]
    listed = ", ".join(f"{row['version']} ({row['model']})" for row in past[:_SHOWN])
    if not to:
        for row in past[1:]:
            if row["model"] != now["model"]:
                return row
        msg = f"{where}: {now['model']} has been champion in every night ({listed}); nothing to go back to."
        raise PersoError(msg)
    for row in past:
        if to in {row["version"], row["night"].isoformat()}:
            return row
    versions = [row["version"] for row in past]
    msg = f"{where}: there is no version {to!r}{nearest(to, versions)}; the newest are {listed}."
    raise PersoError(msg)


def _champions(warehouse: DuckDBWarehouse, site_id: str, task: Task) -> list[Row]:
    """Rows of ``models.champions``, the newest night first."""
    if not warehouse.exists("models.champions"):
        return []
    sql = "select * from models.champions where site_id = ? and task = ? order by night desc"
    return warehouse.query(sql, [site_id, task]).to_pylist()


def _verdicts(warehouse: DuckDBWarehouse, now: Row) -> list[Row]:
    if not warehouse.exists("models.model_verdicts"):
        return []
    sql = "select * from models.model_verdicts where night = ? and site_id = ? and task = ? order by place"
    return warehouse.query(sql, [now["night"], now["site_id"], now["task"]]).to_pylist()
