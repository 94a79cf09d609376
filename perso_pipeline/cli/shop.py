"""Commands that make a shop to try things with, simulated or public, and hold the answers against its truth."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from perso_pipeline.cli.nights import run_range
from perso_pipeline.cli.terminal import day_of, day_option, family, out, say, yesterday
from perso_pipeline.settings import Settings

commands = family()
imports = family("Bring public data sets into the landing folders.")
commands.add_typer(imports, name="import")


@commands.command()
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
    shop = make_shop(settings, people=people, items=items, days=days, seed=seed, last_day=yesterday(), say=say)
    run_range(shop.first_day, shop.last_day, later_from=shop.last_day - timedelta(days=nights - 1))
    show_result(settings, night=shop.last_day, out=out)


@commands.command()
def simulate(
    people: Annotated[int, typer.Option(min=50)] = 5000,
    items: Annotated[int, typer.Option(min=50)] = 1500,
    days: Annotated[int, typer.Option(min=1)] = 60,
    seed: int = 7,
    sites: Annotated[str, typer.Option(help="Ids from config/sites.yml, with commas.")] = "shop-uk,shop-de",
    last_day: Annotated[datetime | None, day_option(about="Default: yesterday.")] = None,
    file_format: Annotated[str, typer.Option("--format", help="mixed, parquet, jsonl or csv.")] = "mixed",
) -> None:
    """Write the landing folders of a simulated shop, with what is true beside them."""
    from perso_pipeline.operation.demo import make_shop

    make_shop(
        Settings(), people=people, items=items, days=days, seed=seed, say=say, file_format=file_format,
        last_day=day_of(last_day) or yesterday(), site_ids=tuple(s.strip() for s in sites.split(",")),
    )  # fmt: skip


@imports.command("online-retail")
def import_online_retail(file: Path) -> None:
    """Online Retail II (UCI): two years of a gift retailer's invoices, day by day."""
    from perso_pipeline.shop.online_retail import import_online_retail as import_file

    settings = Settings()
    summary = import_file(file, landing_dir=settings.landing_dir)
    say(f"{summary.order_events:,} order lines of {summary.days} days are in {settings.landing_dir}.")
    say(f"Next: perso run --from {summary.first_day} --night {summary.last_day} --later-from {summary.last_day}")


@commands.command()
def verify() -> None:
    """Hold what the pipeline found against the truth of the simulated shop."""
    from perso_pipeline.operation.demo import verify_shop

    if not verify_shop(Settings(), out=out):
        raise typer.Exit(1)
