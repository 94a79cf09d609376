"""A person's pages in a terminal. Keep queries out: they are ``recommendations.readiness.preview``'s."""

from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perso_pipeline.recommendations.readiness import words
from perso_pipeline.recommendations.readiness.preview import Page, Preview


def show_preview(seen: Preview, out: Console) -> None:
    """Print every placement of every site: items, why they stand there, what was left out and by which rule."""
    out.print(Text(f"{seen.person_id} as of the night {seen.night}\n", style="bold"))
    for site in seen.sites:
        out.print(Text(words.about(site), style="bold"))
        menu = words.menu(site)
        if menu:
            out.print(Text(menu))
        if site.category:
            out.print(Text(words.category(site.category)))
        out.print()
        for page in site.pages:
            _show_page(page, out)


def _show_page(page: Page, out: Console) -> None:
    """Places in a row that came by the same way stand under one line that says which."""
    out.print(Text(words.heading(page), style="bold"))
    for (why, source), slots in groupby(page.slots, lambda slot: (words.why(slot, page), words.source(slot))):
        out.print(Text(f"  {why} ({source})", style="dim"))
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 2))
        for slot in slots:
            table.add_row(str(slot.rank), slot.item_id, Text(slot.name or ""))
        out.print(table)
    if page.short:
        out.print(Text(f"  Places stay empty: {page.short}."))
    for line in words.removed(page):
        out.print(Text(f"  left out, {line}"))
    out.print(Text(f"  filters over the list: {', '.join(page.rules) or 'none'}\n"))
