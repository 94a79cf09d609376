"""Commands about models: which serve and why, roll back and release, compare at several cuts, search settings."""

from datetime import datetime
from typing import Annotated

import typer

from perso_pipeline.cli.terminal import Day, Site, day_of, day_option, family, say
from perso_pipeline.models.names import Task
from perso_pipeline.settings import Settings

commands = family()
models = family("Which models serve and why; roll back; compare at several cuts.")
commands.add_typer(models, name="models")

AskedTask = Annotated[Task, typer.Option("--task")]


@models.command()
def status(site: Site = "") -> None:
    """Of each site and task: who serves, who comes next, why, and the verdict on every model."""
    from perso_pipeline.operation.champions import show_champions

    show_champions(Settings(), site_id=site, say=say)


@models.command()
def origins(
    site: Site = "", night: Annotated[datetime | None, day_option(about="Default: the newest.")] = None
) -> None:
    """Run the race again at several cuts in time, and say what holds over all of them; kept in MLflow."""
    from perso_pipeline.operation.origins import compare_origins

    compare_origins(Settings(), site_id=site, night=day_of(night), say=say)


@models.command()
def rollback(
    site: Site,
    task: AskedTask,
    to: Annotated[
        str, typer.Option(metavar="VERSION", help="Version or night; default: the newest with another champion.")
    ] = "",
    why: Annotated[str, typer.Option(help="Kept in config and in models.champions.")] = "",
) -> None:
    """Let an earlier champion serve from the newest night on, whatever the race says."""
    from perso_pipeline.operation.champions import roll_back

    roll_back(Settings(), site_id=site, task=task, to=to, why=why, say=say)


@models.command()
def release(site: Site, task: AskedTask) -> None:
    """End a rollback: the race decides again from the next night on."""
    from perso_pipeline.operation.champions import release as unpin

    unpin(Settings(), site_id=site, task=task, say=say)


@commands.command()
def search(
    site: Site,
    model: Annotated[str, typer.Option(help="Model of config/models.yml whose settings are searched.")],
    minutes: Annotated[float, typer.Option(min=0.1, help="Budget; called again, the search goes on.")] = 5.0,
    trials: Annotated[int | None, typer.Option(min=1, help="Trials all in all; default: until time is up.")] = None,
    task: Annotated[Task, typer.Option(help="Lists that are judged.")] = "personal",
    seed: Annotated[int, typer.Option(min=0, help="Of the study; the same seed and trials give the same.")] = 20260107,
    night: Day = None,
) -> None:
    """Search better settings for a model on validation windows of the past, and print them as YAML."""
    from perso_pipeline.operation.searching import search as search_settings

    order: dict[str, str | float | int] = {"site": site, "model": model, "minutes": minutes, "task": task, "seed": seed}
    order |= {"trials": trials} if trials else {}
    order |= {"night": night.date().isoformat()} if night else {}
    folder = search_settings(Settings(), order, say=say)
    say(f"\n{(folder / 'best.yml').read_text(encoding='utf-8')}")
    say(f"Paste it into config/models.yml, or below sites.{site} for this site alone. Pictures: {folder}")
