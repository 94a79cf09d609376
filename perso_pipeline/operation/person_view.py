"""A person's story as tables in a terminal. Keep queries out: they are ``person_story``'s."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from perso_pipeline.operation.person_story import PersonStory, SiteStory
from perso_pipeline.profiles.contract import CUSTOMER_ATTRIBUTES

_HALVES = (("hot: the last session", "hot_"), ("cold: what was before", "cold_"))


def show_story(story: PersonStory, out: Console) -> None:
    """Print events, sessions, and for each site profile, affinities, segments and recommendations."""
    out.print(f"[bold]{story.person_id}[/] as of the night {story.night} ({story.source})\n")
    if story.events is None:
        out.print("Events, sessions and identifiers are not published; leave out --published to see them.\n")
    for title, rows in (
        ("Identifiers", story.identifiers),
        ("Events, newest first", story.events),
        ("Sessions, newest first", story.sessions),
    ):
        if rows is not None:
            out.print(_table(title, rows))
    for site in story.sites:
        out.print(_profile(site))
        out.print(_table(f"Affinities on {site.site_id}", site.affinities))
        out.print(_table(f"Segments on {site.site_id}", site.segments))
        for table in _lists(site):
            out.print(table)


def _profile(site: SiteStory) -> Table:
    table = _empty(f"Profile on {site.site_id}")
    table.add_column("attribute", no_wrap=True)
    table.add_column("value")
    prefixes = tuple(prefix for _, prefix in _HALVES)
    for name in CUSTOMER_ATTRIBUTES:
        if name in site.profile and not name.startswith(prefixes):
            table.add_row(name, _text(site.profile[name]))
    for title, prefix in _HALVES:
        table.add_section()
        table.add_row(f"[bold]{title}[/]", "")
        for name in CUSTOMER_ATTRIBUTES:
            if name.startswith(prefix) and name in site.profile:
                table.add_row(name.removeprefix(prefix), _text(site.profile[name]))
    return table


def _lists(site: SiteStory) -> Iterator[Table]:
    if not site.recommendations.num_rows:
        yield _table(f"Recommendations on {site.site_id}", site.recommendations)
        return
    for scenario_id in site.recommendations.column("scenario_id").unique().to_pylist():
        chosen = site.recommendations.filter(pc.equal(site.recommendations["scenario_id"], scenario_id))
        rules = sorted({rule for row in chosen.column("rules").to_pylist() for rule in row or ()})
        shown = chosen.drop_columns(["scenario_id", "model_version", "rules"])
        versions = chosen.column("model_version").drop_null().unique().to_pylist()
        title = f"Recommendations on {site.site_id} for '{scenario_id}', with their trace"
        table = _table(title, shown)
        table.caption = f"rules passed: {', '.join(rules) or 'none'}; model versions: {', '.join(versions) or 'none'}"
        yield table


def _table(title: str, rows: pa.Table) -> Table:
    table = _empty(title)
    if not rows.num_rows:
        table.show_header = False
        table.add_column()
        table.add_row("none")
        return table
    for name, kind in zip(rows.column_names, rows.schema.types, strict=True):
        is_number = pa.types.is_floating(kind) or pa.types.is_integer(kind)
        is_short = is_number or pa.types.is_temporal(kind)
        table.add_column(name.replace("_", " "), justify="right" if is_number else "left", no_wrap=is_short)
    for row in rows.to_pylist():
        table.add_row(*(_text(value) for value in row.values()))
    return table


def _empty(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return escape(str(value))
