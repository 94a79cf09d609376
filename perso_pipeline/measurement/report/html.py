"""HTML from values, escaped in one place: nothing that came from outside reaches the page but through here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Markup:
    """Text that is HTML already and made by this package."""

    text: str


Cell = str | Markup


def h(value: Cell) -> str:
    """Escape text; let our own markup pass."""
    return value.text if isinstance(value, Markup) else escape(value)


def tag(word: str, sense: str) -> Markup:
    """A word in a coloured pill; sense is good, warn, bad or soft."""
    return Markup(f'<span class="tag {escape(sense)}">{escape(word)}</span>')


def paragraph(text: Cell, *, kind: str = "") -> str:
    return f'<p class="{escape(kind)}">{h(text)}</p>' if kind else f"<p>{h(text)}</p>"


def bullets(lines: Iterable[Cell]) -> str:
    """A list; no lines, no list."""
    inside = "".join(f"<li>{h(line)}</li>" for line in lines)
    return f"<ul>{inside}</ul>" if inside else ""


def folded(summary: str, body: str) -> str:
    """What few will want to see, behind a line that opens it without a script."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def figure(svg: str, *, title: str = "", legend: str = "", behind: str = "") -> str:
    """A chart with its title, its legend and, folded, the table of its figures."""
    head = f"<figcaption>{escape(title)}</figcaption>" if title else ""
    table_behind = folded("The figures behind this chart", behind) if behind else ""
    return f"<figure>{head}{svg}{legend}{table_behind}</figure>"


TALL = 16
"""A table of more rows scrolls within itself."""


@dataclass(frozen=True)
class Column:
    """A heading; ``num`` stands to the right, ``wrap`` may take several lines, ``pick`` is a name to filter by."""

    name: str
    kind: str = ""


def table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    *,
    caption: str,
    total: Sequence[Cell] = (),
    rest: Sequence[Cell] = (),
    first: int = 0,
    is_sortable: bool = False,
) -> str:
    """Rows, then what was left out, then the total; scrolls sideways where the screen is narrow.

    Args:
        columns: Headings.
        rows: Cells in the order of the columns.
        caption: What the table shows, for those who do not see where it stands.
        total: Last row, which neither sorts nor filters.
        rest: The sum of the rows after the ``first`` ones, which stands for them on paper.
        first: Rows that are printed; 0 prints all.
        is_sortable: Whether the page's script may sort it and filter it by its ``pick`` columns.
    """
    head = "".join(f'<th class="{column.kind}" scope="col">{escape(column.name)}</th>' for column in columns)
    body = [_row(columns, cells, kind="small" if first and n >= first else "") for n, cells in enumerate(rows)]
    scroll = "scroll tall" if len(body) > TALL else "scroll"
    foot = [_row(columns, rest, kind="rest")] if rest else []
    foot += [_row(columns, total, kind="total")] if total else []
    kind = ' class="sortable"' if is_sortable else ""
    return (
        f'<div class="{scroll}" role="region" tabindex="0" aria-label="{escape(caption)}"><table{kind}>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>"
        f"{'<tfoot>' + ''.join(foot) + '</tfoot>' if foot else ''}</table></div>"
    )


def _row(columns: Sequence[Column], cells: Sequence[Cell], *, kind: str = "") -> str:
    inside = "".join(
        f'<td class="{column.kind}">{h(cell)}</td>' if column.kind else f"<td>{h(cell)}</td>"
        for column, cell in zip(columns, cells, strict=True)
    )
    return f'<tr class="{kind}">{inside}</tr>' if kind else f"<tr>{inside}</tr>"
