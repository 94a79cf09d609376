"""A person's story as tables in a terminal. Keep queries out: they are ``person_story``'s."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from perso_pipeline.operation.person_story import PersonStory, SiteStory
from perso_pipeline.profiles.contract import CUSTOMER_ATTRIBUTES

_HALVES = (("hot: the last session", "hot_"), ("cold: what was before", "cold_"))


def show_story(story: PersonStory, out: Console) -> None:
    """Print events, sessions, and for each site profile, affinities, segments and recommendations."""
    out.print(f"[bold]{story.person_id}[/] as of the night {story.night} ({story.source})")
    if story.events is None:
        out.print("Events, sessions and identifiers are not published; leave out --published to see them.")
    for title, rows in (("Identifiers", story.identifiers), ("Events", story.events), ("Sessions", story.sessions)):
        if rows is not None:
            out.print(_table(f"{title}, newest first" if title != "Identifiers" else title, rows))
    for site in story.sites:
        for table in _of_site(site):
            out.print(table)


def _of_site(site: SiteStory) -> Iterator[Table]:
    yield _profile(site)
    yield _table(f"Affinities on {site.site_id}", site.affinities)
    yield _table(f"Segments on {site.site_id}", site.segments)
    yield _table(f"Recommendations on {site.site_id}, with their trace", site.recommendations)


def _profile(site: SiteStory) -> Table:
    table = Table("attribute", "value", title=f"Profile on {site.site_id}")
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


def _table(title: str, rows: pa.Table) -> Table:
    if not rows.num_rows:
        table = Table(title=title, show_header=False)
        table.add_row("none")
        return table
    table = Table(*rows.column_names, title=title)
    for row in rows.to_pylist():
        table.add_row(*(_text(value) for value in row.values()))
    return table


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)
