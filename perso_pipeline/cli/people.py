"""Commands about persons and groups of them: show one, erase some, keep and hand out segments."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from perso_pipeline.cli.terminal import Day, day_of, day_option, family, out, say
from perso_pipeline.settings import Settings

commands = family()
shows = family("Show what is known, from events to recommendations.")
commands.add_typer(shows, name="show")
segments = family("Segments that were found, and the file of segments.")
commands.add_typer(segments, name="segments")


@shows.command("person")
def show_person(
    who: Annotated[str, typer.Argument(metavar="ID", help="Person id, customer number or visitor id.")],
    night: Annotated[datetime | None, day_option(about="Default: the newest with profiles.")] = None,
    *,
    published: Annotated[bool, typer.Option("--published", help="Read the published tables only.")] = False,
) -> None:
    """One person: identifiers, events, sessions, profile, affinities, segments, recommendations with their trace."""
    from perso_pipeline.operation.person_story import PublishedReader, read_story
    from perso_pipeline.operation.person_view import show_story
    from perso_pipeline.resources.opening import open_warehouse

    settings = Settings()
    if published:
        reader = PublishedReader(settings.published_dir / "current")
        story = read_story(reader, who, night=day_of(night), source="published/current")
    else:
        story = read_story(open_warehouse(settings), who, night=day_of(night), source="the warehouse")
    show_story(story, out)


@commands.command()
def erase(
    person: Annotated[
        str, typer.Option(metavar="ID", help="Person id, customer number, device, card, e-mail address or telephone.")
    ] = "",
    from_file: Annotated[Path | None, typer.Option("--from", help="A file with one of these per line.")] = None,
    check: Annotated[Path | None, typer.Option(help="Verify a receipt and print what it says.")] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
) -> None:
    """Erase people from landing to published.

    Without options: finish an erasure that was interrupted, then erase customers whose account was deleted and what
    was delivered again of people erased before, as every night does at its end.
    """
    from perso_pipeline.operation.erasing import (
        check_receipt,
        erase_after_night,
        erase_people,
        finish_interrupted,
        show_plan,
        words_of,
    )

    settings = Settings()
    if check is not None:
        check_receipt(settings, check, say=say)
        return
    words = words_of(person, from_file)
    if dry_run:
        show_plan(settings, words, say=say)
        return
    if not words:
        finish_interrupted(settings, say=say)
        erase_after_night(settings, say=say)
        return
    erase_people(settings, words, say=say)


@segments.command()
def adopt(
    discovery: Annotated[str, typer.Argument(help="Id in segments.discovered_segments, such as d1a0063d8c9f.")],
    segment_id: Annotated[str, typer.Option("--id", help="Id of the new segment; default: made from its rule.")] = "",
) -> None:
    """Append a segment that was found and confirmed to config/segments.yml, and show what was written."""
    from perso_pipeline.resources.opening import open_warehouse
    from perso_pipeline.segments.adopt import adopt as write_segment

    settings = Settings()
    path = settings.config_dir / "segments.yml"
    written = write_segment(open_warehouse(settings), discovery, path, segment_id=segment_id or None)
    say(f"Written at the end of the segments of {path}:\n\n{written}\nIt takes effect with the next night.")


@commands.command()
def export_audience(
    segment: Annotated[str, typer.Argument(help="Id of the segment.")],
    to: Annotated[Path, typer.Option(help="File to write; replaced in one step.")],
    night: Day = None,
    file_format: Annotated[Literal["csv", "parquet"], typer.Option("--format")] = "csv",
    consent: Annotated[
        Literal["email", "personalization"], typer.Option(help="What the people must have agreed to.")
    ] = "email",
) -> None:
    """Write the people of a segment who agreed, as ids and hashes, to one file."""
    from perso_pipeline.resources.opening import open_warehouse
    from perso_pipeline.segments.audience import export_audience as write_audience

    audience = write_audience(
        open_warehouse(Settings()), segment, to, night=day_of(night), file_format=file_format, consent=consent
    )
    say(f"{to}: {audience.rows:,} accounts of {audience.people:,} people, night of {audience.night}.")
    say(f"Left out for want of {consent} consent: {audience.without_consent:,}.")
