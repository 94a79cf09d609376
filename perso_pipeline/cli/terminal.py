"""What the commands share at the terminal: where lines go, how a day is asked for, what a long run shows.

Stays light, since every command loads it. What one family of commands alone needs stays with that family.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def family(about: str | None = None) -> typer.Typer:
    """Commands that a module adds to ``perso``; with ``about`` they stand below a word of their own."""
    return typer.Typer(help=about, no_args_is_help=True)


def day_option(*names: str, about: str | None = None) -> Any:
    """An option that takes a day; ``day_of`` reads it."""
    return typer.Option(*names, formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help=about)


Day = Annotated[datetime | None, day_option()]
Site = Annotated[str, typer.Option(help="Id from config/sites.yml.")]


def day_of(given: datetime | None) -> date | None:
    """The day that was asked for; None where none was."""
    return given.date() if given else None


def yesterday() -> date:
    """The last day that is over, in UTC."""
    return datetime.now(tz=UTC).date() - timedelta(days=1)


def say(line: str) -> None:
    """Print one line as it is."""
    out.print(line, markup=False)


@contextmanager
def told() -> Iterator[Callable[[str], None]]:
    """What a long run calls with each line: it stays on the screen, and below it what goes on now."""
    with out.status("starting") as status:

        def on_step(line: str) -> None:
            status.update(line.strip())
            say(line)

        yield on_step
