"""A person's pages as tables in a terminal. Keep queries out: they are ``recommendations.readiness.preview``'s."""

from rich import box
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
    out.print(Text(words.heading(page), style="bold"))
    table = Table("", "item", "why", "from", box=box.SIMPLE_HEAD, pad_edge=False)
    for slot in page.slots:
        item = f"{slot.item_id}  {slot.name}" if slot.name else slot.item_id
        table.add_row(str(slot.rank), Text(item), Text(words.why(slot)), Text(words.source(slot)))
    out.print(table)
    if page.short:
        out.print(Text(f"Places stay empty: {page.short}."))
    for line in words.removed(page):
        out.print(Text(f"Left out, {line}"))
    out.print(Text(f"Filters over the list: {', '.join(page.rules) or 'none'}.\n"))
