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


@dataclass(frozen=True)
class Column:
    """A heading; numbers stand to the right, long text may wrap."""

    name: str
    kind: str = ""


def table(
    columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, total: Sequence[Cell] = (), rest: Sequence[Cell] = ()
) -> str:
    """Rows, then what was left out, then the total; scrolls sideways where the screen is narrow."""
    head = "".join(f'<th class="{column.kind}" scope="col">{escape(column.name)}</th>' for column in columns)
    body = [_row(columns, cells) for cells in rows]
    if rest:
        body.append(_row(columns, rest, kind="rest"))
    if total:
        body.append(_row(columns, total, kind="total"))
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'


def _row(columns: Sequence[Column], cells: Sequence[Cell], *, kind: str = "") -> str:
    inside = "".join(f'<td class="{column.kind}">{h(cell)}</td>' for column, cell in zip(columns, cells, strict=True))
    return f'<tr class="{kind}">{inside}</tr>' if kind else f"<tr>{inside}</tr>"
