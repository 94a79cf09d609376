"""The command ``perso``: words in, one call, a few lines out.

Heavy imports stand inside the commands, so that ``perso --help`` is quick. Errors a person can mend are one
sentence and exit code 2; ``--debug`` shows the trace.
"""

import logging
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.settings import Settings

app = typer.Typer(
    help="Nightly personalization in your own data platform.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
imports = typer.Typer(help="Bring public data sets into the landing folders.", no_args_is_help=True)
app.add_typer(imports, name="import")
shows = typer.Typer(help="Show what is known, from events to recommendations.", no_args_is_help=True)
app.add_typer(shows, name="show")
segments_app = typer.Typer(help="Segments that were found, and the file of segments.", no_args_is_help=True)
app.add_typer(segments_app, name="segments")
models_app = typer.Typer(help="Which models serve and why; roll back; compare at several cuts.", no_args_is_help=True)
app.add_typer(models_app, name="models")

_out = Console(highlight=False, soft_wrap=True)
_errors = Console(stderr=True, highlight=False, soft_wrap=True)
_state = {"debug": False}

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD")]
Site = Annotated[str, typer.Option("--site", help="Id from config/sites.yml.")]
ModelTask = Annotated[Literal["personal", "similar"], typer.Option("--task")]


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
        _errors.print(f"perso: {error}", markup=False)
        _leave(2)
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else 1 if end.code else 0)


def _leave(code: int) -> NoReturn:
    """End without the interpreter's tear-down, at which DuckDB 2.0 prints pages of "leaked instance"."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@app.callback()
def options(*, debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an error.")] = False) -> None:
    _state["debug"] = debug


@app.command()
def demo(
    people: Annotated[int, typer.Option(min=50)] = 5000,
    items: Annotated[int, typer.Option(min=50)] = 1500,
    days: Annotated[int, typer.Option(min=14)] = 60,
    seed: int = 7,
    nights: Annotated[int, typer.Option(min=1, help="Nights to run to the end: profiles, models, tables.")] = 2,
) -> None:
    """Make a shop, load it, run its last nights, publish, and show what came out."""
    from perso_pipeline.operation.demo import make_shop, show_result

    settings = Settings()
    last = _yesterday()
    shop = make_shop(settings, people=people, items=items, days=days, seed=seed, last_day=last, say=_say)
    _run_nights(shop.first_day, shop.last_day, later_from=shop.last_day - timedelta(days=nights - 1))
    show_result(settings, night=shop.last_day, out=_out)


@app.command()
def simulate(
    people: Annotated[int, typer.Option(min=50)] = 5000,
    items: Annotated[int, typer.Option(min=50)] = 1500,
    days: Annotated[int, typer.Option(min=1)] = 60,
    seed: int = 7,
    sites: Annotated[str, typer.Option(help="Ids from config/sites.yml, with commas.")] = "shop-uk,shop-de",
    last_day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Default: yesterday.")] = None,
    file_format: Annotated[str, typer.Option("--format", help="mixed, parquet, jsonl or csv.")] = "mixed",
) -> None:
    """Write the landing folders of a simulated shop, with what is true beside them."""
    from perso_pipeline.operation.demo import make_shop

    make_shop(
        Settings(), people=people, items=items, days=days, seed=seed, say=_say, file_format=file_format,
        last_day=last_day.date() if last_day else _yesterday(), site_ids=tuple(s.strip() for s in sites.split(",")),
    )  # fmt: skip


@imports.command("online-retail")
def import_online_retail(file: Path) -> None:
    """Online Retail II (UCI): two years of a gift retailer's invoices, day by day."""
    from perso_pipeline.shop.online_retail import import_online_retail as import_file

    settings = Settings()
    summary = import_file(file, landing_dir=settings.landing_dir)
    _say(f"{summary.order_events:,} order lines of {summary.days} days are in {settings.landing_dir}.")
    _say(f"Next: perso run --from {summary.first_day} --night {summary.last_day} --later-from {summary.last_day}")


@shows.command("person")
def show_person(
    who: Annotated[str, typer.Argument(metavar="ID", help="Person id, customer number or visitor id.")],
    night: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Default: the newest with profiles.")
    ] = None,
    *,
    published: Annotated[bool, typer.Option("--published", help="Read the published tables only.")] = False,
) -> None:
    """One person: identifiers, events, sessions, profile, affinities, segments, recommendations with their trace."""
    from perso_pipeline.operation.person_story import PublishedReader, read_story
    from perso_pipeline.operation.person_view import show_story
    from perso_pipeline.resources.warehouse import DuckDBWarehouse

    settings = Settings()
    if published:
        reader = PublishedReader(settings.published_dir / "current")
        story = read_story(reader, who, night=night.date() if night else None, source="published/current")
    else:
        warehouse = DuckDBWarehouse(
            settings.warehouse_path, memory_limit=settings.memory_limit, threads=settings.threads
        )
        story = read_story(warehouse, who, night=night.date() if night else None, source="the warehouse")
    show_story(story, _out)


@app.command()
def run(
    night: Day = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First night of a range.")
    ] = None,
    later_from: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Of a range, run profiles and what follows from this night on only."),
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
    last = night.date() if night else _last_landing_day()
    if rebuild_facts:
        _rebuild_facts(first.date() if first else last, last)
        return
    later = later_from.date() if later_from else None
    _run_nights(first.date() if first else last, last, later_from=later, facts_only=facts_only, up_to=up_to or ())


@app.command("rank")
def rank_items(
    person: Annotated[str, typer.Option(metavar="ID", help="Person id, customer number or visitor id.")],
    items: Annotated[str, typer.Option(metavar="A,B,C", help="Item ids, with commas.")],
    site: Annotated[str, typer.Option(help="Needed for somebody who is known on several.")] = "",
) -> None:
    """Put a given list of items in the order of a person's interest, with the reason for each place."""
    from perso_pipeline.operation.rank_list import rank_list, shown
    from perso_pipeline.resources.tracking import TrackingResource
    from perso_pipeline.resources.warehouse import DuckDBWarehouse

    settings = Settings()
    warehouse = DuckDBWarehouse(settings.warehouse_path, memory_limit=settings.memory_limit, threads=settings.threads)
    given = [name.strip() for name in items.split(",") if name.strip()]
    answer = rank_list(settings, warehouse, TrackingResource().open(), person, given, site or None)
    _say(f"{answer.person_id} on {answer.site_id}: {answer.model} {answer.version}, night of {answer.night}.")
    _out.print(shown(answer))
    if answer.ranked.unknown:
        _say(f"Not known in the training window, so not ranked: {', '.join(answer.ranked.unknown)}.")


@app.command("preview")
def preview_pages(
    person: Annotated[str, typer.Option(metavar="ID", help="Person id, customer number, visitor id, or 'anyone'.")],
    site: Annotated[str, typer.Option(help="Only this site.")] = "",
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Newest night with lists up to this day.")
    ] = None,
) -> None:
    """Show every page of a person: the items, why each stands there, what was left out and by which rule."""
    from perso_pipeline.operation.preview_view import show_preview
    from perso_pipeline.recommendations.readiness.preview import preview
    from perso_pipeline.recommendations.scenarios import read_scenarios
    from perso_pipeline.resources.warehouse import DuckDBWarehouse

    settings = Settings()
    warehouse = DuckDBWarehouse(settings.warehouse_path, memory_limit=settings.memory_limit, threads=settings.threads)
    scenarios = read_scenarios(settings.config_dir)
    day = as_of.date() if as_of else None
    # held open for all its look-ups
    with warehouse.connect(read_only=True) if warehouse.path.exists() else nullcontext():
        seen = preview(warehouse, scenarios, person, site_id=site or None, as_of=day)
    show_preview(seen, _out)


@app.command()
def replay() -> None:
    """Read rejected records again after a mend, and run the nights they belong to."""
    from perso_pipeline.operation.replay import replay_rejected

    replay_rejected(Settings(), on_step=_say)


@app.command()
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
        check_receipt(settings, check, say=_say)
        return
    words = words_of(person, from_file)
    if dry_run:
        show_plan(settings, words, say=_say)
        return
    if not words:
        finish_interrupted(settings, say=_say)
        erase_after_night(settings, say=_say)
        return
    erase_people(settings, words, say=_say)


@app.command()
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
    from perso_pipeline.resources.warehouse import DuckDBWarehouse

    settings = Settings()
    if is_list:
        for one in kept(settings.published_dir):
            _say(f"{one.version}  {sum(one.rows.values()):>12,} rows{'  current' if one.is_current else ''}")
        return
    warehouse = DuckDBWarehouse(settings.warehouse_path, memory_limit=settings.memory_limit, threads=settings.threads)
    published = swap_back(settings.published_dir, to=to or None, warehouse=warehouse)
    _say(f"published/current is {published.version} again.")


@app.command()
def backtest(
    config_dir: Annotated[Path, typer.Option(help="Folder with the scenarios.yml and sites.yml to try.")],
    night: Day = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First night of a range.")
    ] = None,
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
    from perso_pipeline.resources.warehouse import DuckDBWarehouse

    settings = Settings()
    present, other = read_scenarios(settings.config_dir), read_scenarios(config_dir)
    warehouse = DuckDBWarehouse(settings.warehouse_path, memory_limit=settings.memory_limit, threads=settings.threads)
    results = []
    for one in nights_between(
        warehouse, first.date() if first else None, night.date() if night else None, newest=nights
    ):
        results.append(hold_against(warehouse, present, other, night=one))
        show_backtest(results[-1], _out)
    if len(results) > 1:
        show_over_nights(over_nights(results), _out)
    changed = changed_scenarios(results)
    if changed:
        show_estimates(policy_estimates(pa.concat_tables(r.served for r in results), changed), _out)
    if to:
        _say(f"{to}: {write_changes(results, to):,} slots that change.")


@app.command()
def verify() -> None:
    """Hold what the pipeline found against the truth of the simulated shop."""
    from perso_pipeline.operation.demo import verify_shop

    if not verify_shop(Settings(), out=_out):
        raise typer.Exit(1)


@segments_app.command()
def adopt(
    discovery: Annotated[str, typer.Argument(help="Id in segments.discovered_segments, such as d1a0063d8c9f.")],
    segment_id: Annotated[str, typer.Option("--id", help="Id of the new segment; default: made from its rule.")] = "",
) -> None:
    """Append a segment that was found and confirmed to config/segments.yml, and show what was written."""
    from perso_pipeline.resources.warehouse import DuckDBWarehouse
    from perso_pipeline.segments.adopt import adopt as write_segment

    settings = Settings()
    warehouse = DuckDBWarehouse(settings.warehouse_path, memory_limit=settings.memory_limit, threads=settings.threads)
    path = settings.config_dir / "segments.yml"
    written = write_segment(warehouse, discovery, path, segment_id=segment_id or None)
    _say(f"Written at the end of the segments of {path}:\n\n{written}\nIt takes effect with the next night.")


@models_app.command("status")
def models_status(site: Site = "") -> None:
    """Of each site and task: who serves, who comes next, why, and the verdict on every model."""
    from perso_pipeline.operation.champions import show_champions

    show_champions(Settings(), site_id=site, say=_say)


@models_app.command("origins")
def models_origins(
    site: Site = "",
    night: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Default: the newest.")] = None,
) -> None:
    """Run the race again at several cuts in time, and say what holds over all of them; kept in MLflow."""
    from perso_pipeline.operation.origins import compare_origins

    compare_origins(Settings(), site_id=site, night=night.date() if night else None, say=_say)


@models_app.command("rollback")
def models_rollback(
    site: Site,
    task: ModelTask,
    to: Annotated[
        str, typer.Option(metavar="VERSION", help="Version or night; default: the newest with another champion.")
    ] = "",
    why: Annotated[str, typer.Option(help="Kept in config and in models.champions.")] = "",
) -> None:
    """Let an earlier champion serve from the newest night on, whatever the race says."""
    from perso_pipeline.operation.champions import roll_back

    roll_back(Settings(), site_id=site, task=task, to=to, why=why, say=_say)


@models_app.command("release")
def models_release(site: Site, task: ModelTask) -> None:
    """End a rollback: the race decides again from the next night on."""
    from perso_pipeline.operation.champions import release

    release(Settings(), site_id=site, task=task, say=_say)


@app.command("export-audience")
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
    from perso_pipeline.resources.warehouse import DuckDBWarehouse
    from perso_pipeline.segments.audience import export_audience as write_audience

    settings = Settings()
    warehouse = DuckDBWarehouse(settings.warehouse_path, memory_limit=settings.memory_limit, threads=settings.threads)
    chosen = night.date() if night else None
    audience = write_audience(warehouse, segment, to, night=chosen, file_format=file_format, consent=consent)
    _say(f"{to}: {audience.rows:,} accounts of {audience.people:,} people, night of {audience.night}.")
    _say(f"Left out for want of {consent} consent: {audience.without_consent:,}.")


@app.command("search")
def search_settings(
    site: Annotated[str, typer.Option(help="Id from config/sites.yml.")],
    model: Annotated[str, typer.Option(help="Model of config/models.yml whose settings are searched.")],
    minutes: Annotated[float, typer.Option(min=0.1, help="Budget; called again, the search goes on.")] = 5.0,
    trials: Annotated[int | None, typer.Option(min=1, help="Trials all in all; default: until time is up.")] = None,
    task: Annotated[Literal["personal", "similar"], typer.Option(help="Lists that are judged.")] = "personal",
    seed: Annotated[int, typer.Option(min=0, help="Of the study; the same seed and trials give the same.")] = 20260107,
    night: Day = None,
) -> None:
    """Search better settings for a model on validation windows of the past, and print them as YAML."""
    from perso_pipeline.operation.searching import search

    order: dict[str, str | float | int] = {"site": site, "model": model, "minutes": minutes, "task": task, "seed": seed}
    order |= {"trials": trials} if trials else {}
    order |= {"night": night.date().isoformat()} if night else {}
    folder = search(Settings(), order, say=_say)
    _say(f"\n{(folder / 'best.yml').read_text(encoding='utf-8')}")
    _say(f"Paste it into config/models.yml, or below sites.{site} for this site alone. Pictures: {folder}")


@app.command()
def up(dagster_port: int = 3000, mlflow_port: int = 5000, api_port: int = 8000) -> None:
    """Start the Dagster UI, the MLflow UI and the API on this machine."""
    from perso_pipeline.operation.servers import run_servers, servers

    settings = Settings()
    wanted = servers(settings, dagster_port=dagster_port, mlflow_port=mlflow_port, api_port=api_port)
    run_servers(settings, wanted, say=_say)


@app.command()
def doctor() -> None:
    """Look for what would make a night fail, with the mend for each finding."""
    from perso_pipeline.operation.config import CONFIG_READERS, config_warnings
    from perso_pipeline.operation.doctor import Verdict, examine

    findings = examine(Settings(), config_readers=CONFIG_READERS, config_warnings=config_warnings)
    table = Table("", "", "", show_header=False, box=None)
    marks = {Verdict.GOOD: "[green]good[/]", Verdict.WARNING: "[yellow]look[/]", Verdict.BAD: "[red]bad[/]"}
    for finding in findings:
        table.add_row(marks[finding.verdict], finding.topic, finding.text)
    _out.print(table)
    if any(finding.verdict is Verdict.BAD for finding in findings):
        raise typer.Exit(1)


def _run_nights(
    first: date, last: date, *, later_from: date | None, facts_only: bool = False, up_to: Sequence[str] = ()
) -> None:
    with _out.status("starting") as status:
        from perso_pipeline.operation.erasing import finish_interrupted, show_receipts
        from perso_pipeline.operation.nights import run_nights

        def on_step(line: str) -> None:
            status.update(line.strip())
            _say(line)

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
    _say(f"{len(result.run_ids)} run(s) in {result.seconds:.0f} s.")


def _rebuild_facts(first: date, last: date) -> None:
    with _out.status("starting") as status:
        from perso_pipeline.operation.nights import rebuild_facts

        def on_step(line: str) -> None:
            status.update(line.strip())
            _say(line)

        result = rebuild_facts(first, last, settings=Settings(), on_step=on_step)
    _say(f"The fact tables were made anew in {result.seconds:.0f} s. Next: perso run --night {last}")


def _say(line: str) -> None:
    _out.print(line, markup=False)


def _yesterday() -> date:
    return datetime.now(tz=UTC).date() - timedelta(days=1)


def _last_landing_day() -> date:
    from perso_pipeline.resources.partitions import landing_day

    landing = Settings().landing_dir
    days = [day for day in map(landing_day, landing.glob("*/*")) if day]
    if not days:
        msg = f"Nothing has been delivered to {landing}; put files there, or run 'perso demo'."
        raise PersoError(msg)
    return max(days)


if __name__ == "__main__":
    main()
