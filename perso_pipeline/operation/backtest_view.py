"""A back-test as tables in a terminal, and its changes as a file. Keep the comparison out: ``backtest``'s."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich import box
from rich.console import Console
from rich.table import Table

from perso_pipeline.measurement.policy_estimates import OUTCOMES, POLICIES
from perso_pipeline.recommendations.backtest import Backtest

ITEMS_SHOWN = 5  # per direction and night
_ALL_ESTIMATES = len(OUTCOMES) * len(POLICIES)
_MONEY = ("revenue", "margin", "net of 28 days of items lost")


def show_backtest(result: Backtest, out: Console) -> None:
    """Print totals, the items that gain and lose most, and the findings of one night."""
    changed = _table(
        f"Night {result.night}: what the other config changes", "lists", "slots", "items lost", "items won"
    )
    figures = _table("What the lists show: present → other", "fill", "coverage", "fallback", "price", "margin")
    money = _table("In money a day, should a slot sell as many pieces as up to now", *_MONEY)
    for row in result.totals.to_pylist():
        changed.add_row(
            row["scenario_id"],
            row["site_id"],
            f"{row['changed_lists']:,} of {max(row['lists_before'], row['lists_after']):,}",
            f"{row['changed_slots']:,} of {max(row['slots_before'], row['slots_after']):,}",
            f"{row['items_dropped']:,}",
            f"{row['items_gained']:,}",
        )
        figures.add_row(
            row["scenario_id"],
            row["site_id"],
            *(
                _pair(row[f"{name}_before"], row[f"{name}_after"], "{:.1%}")
                for name in ("fill", "coverage", "fallback")
            ),
            *(_pair(row[f"{name}_before"], row[f"{name}_after"], "{:.2f}") for name in ("price", "margin")),
        )
        money.add_row(row["scenario_id"], row["site_id"], *_in_money(row), f"{row['dropped_net_28d']:,.2f}")
    out.print(changed)
    out.print(figures)
    out.print(money)
    if result.items.num_rows:
        out.print(_movers(result))
    for finding in result.findings:
        out.print(f"[yellow]look[/] {finding}")
    if not result.changes.num_rows:
        out.print("No slot changes.")


def show_over_nights(totals: pa.Table, out: Console) -> None:
    """Print one line per scenario and site over all nights."""
    table = _table("Over all nights", "nights that change", "slots", "fill", *_MONEY[:-1])
    for row in totals.to_pylist():
        table.add_row(
            row["scenario_id"],
            row["site_id"],
            f"{row['changed_nights']:,} of {row['nights']:,}",
            f"{row['changed_slots']:,} of {row['slots']:,}",
            _pair(row["fill_before"], row["fill_after"], "{:.1%}"),
            *_in_money(row),
        )
    out.print(table)


def show_estimates(estimates: pa.Table, out: Console) -> None:
    """Print what served slots say of the other lists; where they say nothing, why."""
    rows = estimates.to_pylist()
    found = [row for row in rows if row["value"] is not None]
    if found:
        table = _table("From what was served with known chances, a slot", "", "lists", "by", "rate", "worth slots")
        for row in found:
            bounds = f"{row['value']:.3%} ({row['low']:.3%} to {row['high']:.3%})"
            of = f"{row['effective_sample_size']:,.0f} of {row['slots']:,}"
            table.add_row(
                row["scenario_id"], row["site_id"], row["outcome"], row["policy"], row["estimator"], bounds, of
            )
        out.print(table)
    missing = {(r["scenario_id"], r["site_id"], r["outcome"], r["policy"]): r["reason"] for r in rows if r["reason"]}
    by_reason: dict[tuple[str, str, str], list[str]] = {}
    for (scenario, site, outcome, policy), reason in missing.items():
        by_reason.setdefault((scenario, site, reason), []).append(f"{outcome} of {policy}")
    for (scenario, site, reason), what in by_reason.items():
        which = "click and order rate" if len(what) == _ALL_ESTIMATES else ", ".join(what)
        out.print(f"{scenario} on {site}: {which} not estimable. {reason}")


def changed_scenarios(results: Sequence[Backtest]) -> list[tuple[str, str]]:
    """(scenario, site) of which a slot changes on some night."""
    return sorted(
        {
            (row["scenario_id"], row["site_id"])
            for result in results
            for row in result.totals.to_pylist()
            if row["changed_slots"]
        }
    )


def write_changes(results: Sequence[Backtest], path: Path) -> int:
    """Write a row per changed slot of all nights to one Parquet file; returns the rows."""
    tables = [r.changes.add_column(0, "night", pa.array([r.night] * r.changes.num_rows, pa.date32())) for r in results]
    together = pa.concat_tables(tables)
    part = path.with_name(f".{path.name}.part")
    pq.write_table(together, part)
    part.replace(path)
    return int(together.num_rows)


def _movers(result: Backtest) -> Table:
    table = _table("Items that win and lose most", "item", "name", "sold in 28 days", "slots")
    rows = result.items.to_pylist()
    won = [row for row in rows if row["exposure_after"] > row["exposure_before"]][:ITEMS_SHOWN]
    lost = [row for row in rows if row["exposure_after"] < row["exposure_before"]][:ITEMS_SHOWN]
    for group in (won, lost):
        for row in group:
            pieces = "-" if row["units_28d"] is None else f"{row['units_28d']:,}"
            slots = f"{row['slots_before']:,} → {row['slots_after']:,}"
            table.add_row(row["scenario_id"], row["site_id"], row["item_id"], row["name"] or "-", pieces, slots)
        table.add_section()
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, box=box.SIMPLE, title_justify="left")
    for name in ("scenario", "site", *columns):
        table.add_column(name, justify="left" if name in {"scenario", "site", "item", "name"} else "right")
    return table


def _in_money(row: Mapping[str, Any]) -> tuple[str, str]:
    """Revenue and margin a day; a dash where no order yet names a list of the scenario."""
    pairs = [_pair(row[f"{name}_before"], row[f"{name}_after"], "{:,.2f}") for name in ("revenue", "margin_money")]
    currency = f"{row['currency']} " if row["currency"] else ""
    return currency + pairs[0], pairs[1]


def _pair(before: float | Decimal | None, after: float | Decimal | None, form: str) -> str:
    told = ["-" if value is None else form.format(value) for value in (before, after)]
    return told[0] if told[0] == told[1] else " → ".join(told)
