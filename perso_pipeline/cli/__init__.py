"""The command ``perso``: words in, one call, a few lines out.

A module per family of commands. Heavy imports stand inside the commands, so that ``perso --help`` is quick. Errors a
person can mend are one sentence and exit code 2; ``--debug`` shows the trace.
"""

import logging
import os
import sys
import warnings
from typing import Annotated, NoReturn

import typer

from perso_pipeline.cli import lists, machine, models, nights, people, shop
from perso_pipeline.cli.terminal import errors
from perso_pipeline.contracts.errors import PersoError

app = typer.Typer(
    help="Nightly personalization in your own data platform.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for family in (shop, nights, lists, people, models, machine):
    app.add_typer(family.commands)

_state = {"debug": False}


@app.callback()
def options(*, debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an error.")] = False) -> None:
    _state["debug"] = debug


def main() -> None:
    """Entry point: run a command, turn a mendable error into one sentence and exit code 2."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # libraries speak to developers; -W or PYTHONWARNINGS brings them back
        sys.warnoptions.append("ignore")  # for the processes they start
    try:
        app()
    except PersoError as error:
        if _state["debug"]:
            raise
        errors.print(f"perso: {error}", markup=False)
        _leave(2)
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else 1 if end.code else 0)


def _leave(code: int) -> NoReturn:
    """End without the interpreter's tear-down, at which DuckDB 2.0 prints pages of "leaked instance"."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
