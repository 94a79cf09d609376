"""Commands about recommendation lists: look at a person's pages, rank a list, try other rules, take a night back."""

from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from perso_pipeline.cli.terminal import Day, day_of, day_option, family, out, say
from perso_pipeline.settings import Settings

commands = family()


@commands.command()
def rank(
    person: Annotated[str, typer.Option(metavar="ID", help="Person id, customer number or visitor id.")],
    items: Annotated[str, typer.Option(metavar="A,B,C", help="Item ids, with commas.")],
    site: Annotated[str, typer.Option(help="Needed for somebody who is known on several.")] = "",
) -> None:
    """Put a given list of items in the order of a person's interest, with the reason for each place."""
    from perso_pipeline.operation.rank_list import rank_list, shown
    from perso_pipeline.resources.opening import open_warehouse
    from perso_pipeline.resources.tracking import TrackingResource

    settings = Settings()
    given = [name.strip() for name in items.split(",") if name.strip()]
    answer = rank_list(settings, open_warehouse(settings), TrackingResource().open(), person, given, site or None)
    say(f"{answer.person_id} on {answer.site_id}: {answer.model} {answer.version}, night of {answer.night}.")
    out.print(shown(answer))
    if answer.ranked.unknown:
        say(f"Not known in the training window, so not ranked: {', '.join(answer.ranked.unknown)}.")


@commands.command()
def preview(
    person: Annotated[str, typer.Option(metavar="ID", help="Person id, customer number, visitor id, or 'anyone'.")],
    site: Annotated[str, typer.Option(help="Only this site.")] = "",
    as_of: Annotated[datetime | None, day_option("--as-of", about="Newest night with lists up to this day.")] = None,
) -> None:
    """Show every page of a person: the items, why each stands there, what was left out and by which rule."""
    from perso_pipeline.operation.preview_view import show_preview
    from perso_pipeline.recommendations.readiness.preview import preview as read_pages
    from perso_pipeline.recommendations.scenarios import read_scenarios
    from perso_pipeline.resources.opening import open_warehouse

    settings = Settings()
    warehouse = open_warehouse(settings)
    scenarios = read_scenarios(settings.config_dir)
    # held open for all its look-ups
    with warehouse.connect(read_only=True) if warehouse.path.exists() else nullcontext():
        seen = read_pages(warehouse, scenarios, person, site_id=site or None, as_of=day_of(as_of))
    show_preview(seen, out)


@commands.command()
def backtest(
    config_dir: Annotated[Path, typer.Option(help="Folder with the scenarios.yml and sites.yml to try.")],
    night: Day = None,
    first: Annotated[datetime | None, day_option("--from", about="First night of a range.")] = None,
    nights: Annotated[
        int | None, typer.Option(min=1, help="How many nights up to --night, in place of --from.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Parquet file for the slots that change; replaced in one step.")
    ] = None,
) -> None:
    """Show what other scenarios would have changed on past nights; writes nothing into the warehouse."""
    import pyarrow as pa

    from perso_pipeline.measurement.policy_estimates import policy_estimates
    from perso_pipeline.operation.backtest_view import (
        changed_scenarios,
        show_backtest,
        show_estimates,
        show_over_nights,
        write_changes,
    )
    from perso_pipeline.recommendations.backtest import backtest as hold_against
    from perso_pipeline.recommendations.backtest import nights_between, over_nights
    from perso_pipeline.recommendations.scenarios import read_scenarios
    from perso_pipeline.resources.opening import open_warehouse

    settings = Settings()
    present, other = read_scenarios(settings.config_dir), read_scenarios(config_dir)
    warehouse = open_warehouse(settings)
    results = []
    for one in nights_between(warehouse, day_of(first), day_of(night), newest=nights):
        results.append(hold_against(warehouse, present, other, night=one))
        show_backtest(results[-1], out)
    if len(results) > 1:
        show_over_nights(over_nights(results), out)
    changed = changed_scenarios(results)
    if changed:
        show_estimates(policy_estimates(pa.concat_tables(r.served for r in results), changed), out)
    if to:
        say(f"{to}: {write_changes(results, to):,} slots that change.")


@commands.command()
def rollback(
    to: Annotated[
        str, typer.Option(help="A folder of published/, or a night; default: the one before the current one.")
    ] = "",
    *,
    is_list: Annotated[bool, typer.Option("--list", help="Only show what is kept.")] = False,
) -> None:
    """Let readers see an earlier publication again."""
    from perso_pipeline.recommendations.publish import kept
    from perso_pipeline.recommendations.publish import rollback as swap_back
    from perso_pipeline.resources.opening import open_warehouse

    settings = Settings()
    if is_list:
        for one in kept(settings.published_dir):
            say(f"{one.version}  {sum(one.rows.values()):>12,} rows{'  current' if one.is_current else ''}")
        return
    published = swap_back(settings.published_dir, to=to or None, warehouse=open_warehouse(settings))
    say(f"published/current is {published.version} again.")
