"""Commands that run nights, and what the demo runs of them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from perso_pipeline.cli.terminal import Day, day_of, day_option, family, say, told
from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.settings import Settings

commands = family()


@commands.command()
def run(
    night: Day = None,
    first: Annotated[datetime | None, day_option("--from", about="First night of a range.")] = None,
    later_from: Annotated[
        datetime | None, day_option(about="Of a range, run profiles and what follows from this night on only.")
    ] = None,
    up_to: Annotated[
        list[str] | None,
        typer.Option(
            "--up-to", metavar="STAGE.TABLE", help="Make this table and what it is made of only; may be repeated."
        ),
    ] = None,
    *,
    facts_only: Annotated[bool, typer.Option("--facts-only", help="Stop after raw to interactions.")] = False,
    rebuild_facts: Annotated[
        bool, typer.Option("--rebuild-facts", help="Make staging to interactions anew from raw, for all nights.")
    ] = False,
) -> None:
    """Run one night, or all nights of a range: landing to published tables."""
    last = day_of(night) or _last_landing_day()
    begin = day_of(first) or last
    if rebuild_facts:
        _rebuild_facts(begin, last)
    else:
        run_range(begin, last, later_from=day_of(later_from), facts_only=facts_only, up_to=up_to or ())


@commands.command()
def replay() -> None:
    """Read rejected records again after a mend, and run the nights they belong to."""
    from perso_pipeline.operation.replay import replay_rejected

    replay_rejected(Settings(), on_step=say)


def run_range(
    first: date, last: date, *, later_from: date | None, facts_only: bool = False, up_to: Sequence[str] = ()
) -> None:
    """Run nights as ``operation.nights.run_nights`` does, and say what each step took and whom a night erased."""
    with told() as on_step:
        from perso_pipeline.operation.erasing import finish_interrupted, show_receipts
        from perso_pipeline.operation.nights import run_nights

        settings = Settings()
        begun = datetime.now(tz=UTC)
        finish_interrupted(settings, say=on_step)
        result = run_nights(
            first,
            last,
            settings=settings,
            later_stages_from=later_from,
            facts_only=facts_only,
            up_to=up_to,
            on_step=on_step,
        )
        show_receipts(settings, since=begun, say=on_step)
    say(f"{len(result.run_ids)} run(s) in {result.seconds:.0f} s.")


def _rebuild_facts(first: date, last: date) -> None:
    with told() as on_step:
        from perso_pipeline.operation.nights import rebuild_facts

        result = rebuild_facts(first, last, settings=Settings(), on_step=on_step)
    say(f"The fact tables were made anew in {result.seconds:.0f} s. Next: perso run --night {last}")


def _last_landing_day() -> date:
    from perso_pipeline.resources.partitions import landing_day

    landing = Settings().landing_dir
    days = [day for day in map(landing_day, landing.glob("*/*")) if day]
    if not days:
        msg = f"Nothing has been delivered to {landing}; put files there, or run 'perso demo'."
        raise PersoError(msg)
    return max(days)
