"""``perso demo``, ``perso simulate`` and ``perso verify``: the simulated shop as a user meets it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.experiments import Experiments
from perso_pipeline.erasure.receipt import check
from perso_pipeline.operation.config import sites_by_id
from perso_pipeline.settings import Settings
from perso_pipeline.shop.config import ShopConfig
from perso_pipeline.shop.simulate import simulate

_MARK = "shop.json"
DEMO_SITES = ("shop-uk", "shop-de")


@dataclass(frozen=True)
class Shop:
    """Which days a simulated shop has."""

    first_day: date
    last_day: date


def truth_dir(settings: Settings) -> Path:
    """Where the truth of the simulated shop stands: beside landing, read only by ``verify`` and tests."""
    return settings.home.resolve() / "truth"


def make_shop(
    settings: Settings,
    *,
    people: int,
    items: int,
    days: int,
    seed: int,
    last_day: date,
    say: Callable[[str], None],
    site_ids: tuple[str, ...] = DEMO_SITES,
    file_format: str = "mixed",
) -> Shop:
    """Write the shop's landing folders, or keep those that the same call has written before.

    Raises:
        PersoError: landing holds something else.
    """
    config = ShopConfig(
        people=people, items=items, days=days, seed=seed, last_day=last_day, file_format=file_format,
        sites=sites_by_id(settings.config_dir / "sites.yml", site_ids),
        **_experiments(read_config(settings.config_dir / "experiments.yml", Experiments), last_day),
    )  # fmt: skip
    mark = truth_dir(settings) / _MARK
    wanted = config.model_dump_json()
    made = json.loads(mark.read_text(encoding="utf-8")) if mark.exists() else None
    if made and made["config"] == wanted:
        say(f"The shop is there already: {settings.landing_dir}")
        return Shop(date.fromisoformat(made["first_day"]), date.fromisoformat(made["last_day"]))
    if any(settings.landing_dir.glob("*/*")):
        msg = (
            f"{settings.landing_dir} holds other files; choose another home with PERSO_HOME=<folder>, "
            "or remove that folder with what was made from it."
        )
        raise PersoError(msg)
    say(f"Making a shop of {people:,} people, {items:,} items and {days} days.")
    summary = simulate(config, landing_dir=settings.landing_dir, truth_dir=truth_dir(settings))
    days_made = {"first_day": summary.first_day.isoformat(), "last_day": summary.last_day.isoformat()}
    mark.write_text(json.dumps({"config": wanted, **days_made}), encoding="utf-8")
    say(", ".join(f"{count:,} {stream}" for stream, count in summary.delivered.items()))
    return Shop(summary.first_day, summary.last_day)


def _experiments(experiments: Experiments, last_day: date) -> dict[str, Any]:
    """What the shop has to serve: the holdout of its last day, and everything beside it."""
    holdout = next((e for e in experiments.experiments if e.kind == "holdout" and e.runs_on(last_day)), None)
    beside = tuple(e for e in experiments.experiments if e.kind != "holdout")
    if holdout is None:
        return {"experiments": beside, "holdout_share": 0.0}
    return {
        "experiments": beside, "holdout_id": holdout.id, "holdout_salt": holdout.salt,
        "holdout_share": holdout.control_share,
    }  # fmt: skip


def show_result(settings: Settings, *, night: date, out: Console) -> None:
    """Print what a night has published: the tables, one person's list, the lift, and where to look next."""
    current = settings.published_dir / "current"
    with duckdb.connect(str(current / "perso.duckdb"), read_only=True) as published:
        out.print(_tables(published))
        out.print(_one_home_page(published))
        for sentence in _lift(published):
            out.print(sentence)
    for sentence in _erasures(settings):
        out.print(sentence)
    out.print(f"Report   {settings.reports_dir / night.isoformat() / 'report.html'}")
    out.print(f"Tables   {current} (Parquet and perso.duckdb)")
    out.print("Next     make up   then http://127.0.0.1:3000 (Dagster), :5000 (MLflow), :8000/docs (API)")


def _erasures(settings: Settings) -> list[str]:
    """What each receipt says, in a line: deleted accounts are erased at the end of a night."""
    lines = []
    for path in sorted(settings.erasures_dir.glob("20*.json")):
        content = check(path, settings.hash_key_bytes)
        records = sum(entry.get("records", 0) for entry in content["removed"])
        lines.append(
            f"Erased   {content['people']:,} people who deleted their account, {records:,} records of landing: {path}"
        )
    return lines


def verify_shop(settings: Settings, *, out: Console) -> bool:
    """Compare with the truth of the simulated shop; returns whether all of it holds."""
    from perso_pipeline.resources.opening import open_warehouse
    from perso_pipeline.shop.verify import verify

    folder = truth_dir(settings)
    if not folder.exists():
        msg = f"There is no truth in {folder}: only a simulated shop can be verified; run 'perso demo' first."
        raise PersoError(msg)
    comparisons = verify(open_warehouse(settings), folder)
    table = Table("what", "expected", "got", "")
    for c in comparisons:
        table.add_row(c.name, c.expected, c.got, c.verdict if c.holds else "[red]does not hold[/]")
    out.print(table)
    return all(c.holds for c in comparisons)


def _tables(published: duckdb.DuckDBPyConnection) -> Table:
    table = Table("published table", "rows", title="Published")
    names = published.execute("select table_schema, table_name from information_schema.tables order by all").fetchall()
    for schema, name in names:
        count = _one(published, f'select count(*) from "{schema}"."{name}"')
        table.add_row(name, f"{count:,}")
    return table


def _one_home_page(published: duckdb.DuckDBPyConnection) -> Table:
    rows = published.execute(
        """
        with person as (
            select site_id, subject_id from recommendations
            where scenario_id = 'home' and subject_type = 'person' and model not in ('popular', 'trending')
            group by all order by count(*) desc, site_id, subject_id limit 1
        )
        select r.subject_id, r.rank, i.name, i.category_path, r.model, r.level
        from recommendations as r
        inner join person using (site_id, subject_id)
        left join item_profiles as i on i.site_id = r.site_id and i.item_id = r.item_id
        where r.scenario_id = 'home' order by r.rank limit 5
        """
    ).fetchall()
    table = Table(
        "rank", "item", "category", "model", "level", title=f"Home page of {rows[0][0]}" if rows else "Home page"
    )
    for _, *cells in rows:
        table.add_row(*(str(cell) for cell in cells))
    return table


def _lift(published: duckdb.DuckDBPyConnection) -> list[str]:
    rows = published.execute(
        """
        select experiment_id, metric, verdict, reason from lift
        where site_id = 'all' and metric in ('orders_per_visitor', 'net_revenue_per_visitor') order by all
        """
    ).fetchall()
    return [
        f"Lift of {metric.replace('_', ' ')} by {experiment_id}: {verdict}{f' ({reason})' if reason else ''}"
        for experiment_id, metric, verdict, reason in rows
    ]


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    row = connection.execute(sql).fetchone()
    return row[0] if row else None
