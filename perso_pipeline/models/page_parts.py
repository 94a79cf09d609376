"""Parts of a self-contained HTML page: style, tables, intervals drawn as SVG. No script, nothing loaded from elsewhere.

What a page says is decided by ``comparison`` and ``rolling``; here is only how it looks. All text is escaped here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from perso_pipeline.models.verdict import number

_STYLE = """
:root{color-scheme:light;--ink:#1c2430;--soft:#5d6b7c;--line:#dfe4ea;--good:#12805c;--bad:#c0392b;--mid:#8a94a3}
*{box-sizing:border-box}
body{margin:0;padding:24px 28px 40px;font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
color:var(--ink);background:#fff;max-width:1180px}
h1{font-size:21px;margin:0 0 2px}h2{font-size:17px;margin:30px 0 8px;padding-top:14px;border-top:1px solid var(--line)}
h3{font-size:14px;margin:20px 0 6px}
p{margin:4px 0}.soft{color:var(--soft)}small{color:var(--soft);font-size:11px}
.cards{display:flex;gap:14px;flex-wrap:wrap;margin:14px 0}
.card{flex:1 1 340px;border:1px solid var(--line);border-left:4px solid var(--good);border-radius:6px;padding:10px 14px}
.card.weak{border-left-color:var(--mid)}.card b{font-size:17px}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:4px 0}
th,td{padding:4px 9px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap;vertical-align:top}
th{font-weight:600;color:var(--soft);font-size:12px;border-bottom:2px solid var(--line)}
th:first-child,td:first-child,.left{text-align:left!important}td.words{white-space:normal;text-align:left;min-width:420px}
td small{display:block}.best{font-weight:700}.best small{font-weight:400}
.good{color:var(--good)}.bad{color:var(--bad)}.mid{color:var(--soft)}
details{margin:8px 0}summary{cursor:pointer;color:var(--soft)}svg text{font:12px system-ui,sans-serif;fill:var(--ink)}
svg{width:100%;max-width:860px;min-width:600px;height:auto}svg .soft{fill:var(--soft)}
"""
_WIDTH = 860
_APART = 60  # pixels that two labels need
_GOOD, _BAD, _UNSURE = "#12805c", "#c0392b", "#8a94a3"


@dataclass(frozen=True, slots=True)
class Interval:
    """One line of a picture of differences."""

    label: str
    value: float
    low: float
    high: float
    note: str = ""

    @property
    def colour(self) -> str:
        return _GOOD if self.low > 0 else _BAD if self.high < 0 else _UNSURE


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: text, a second line in small letters, a class and a background."""

    text: str
    small: str = ""
    style: str = ""
    background: str = ""

    def html(self) -> str:
        small = f"<small>{escape(self.small)}</small>" if self.small else ""
        background = f' style="background:{self.background}"' if self.background else ""
        style = f' class="{self.style}"' if self.style else ""
        return f"<td{style}{background}>{escape(self.text)}{small}</td>"


def document(title: str, body: Sequence[str]) -> bytes:
    """A whole page."""
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(body)}</body></html>\n".encode()


def heading(text: str, level: int = 2) -> str:
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, *, soft: bool = False) -> str:
    return f"<p{' class=soft' if soft else ''}>{escape(text)}</p>"


def card(kicker: str, title: str, text: str, *, weak: bool) -> str:
    kind = "card weak" if weak else "card"
    return (
        f'<div class="{kind}"><small>{escape(kicker)}</small><p><b>{escape(title)}</b></p><p>{escape(text)}</p></div>'
    )


def cards(some: Sequence[str]) -> str:
    return f"<div class=cards>{''.join(some)}</div>"


def folded(summary: str, body: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def grid(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table that scrolls sideways where it is too wide; heads stand over their column as its first cell does."""
    left = [bool(rows) and one.style in {"left", "words"} for one in (rows[0] if rows else [])]
    titles = "".join(
        f"<th{' class=left' if to_left else ''}>{escape(title)}</th>"
        for title, to_left in zip(head, left or [False] * len(head), strict=True)
    )
    lines = "".join(f"<tr>{''.join(one.html() for one in row)}</tr>" for row in rows)
    return f"<div class=wide><table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table></div>"


def shade(value: float, largest: float) -> str:
    """Green above 0, red below, the stronger the farther, white at 0."""
    strength = 0.0 if largest <= 0 else min(1.0, abs(value) / largest) * 0.42
    red, green, blue = (18, 128, 92) if value >= 0 else (192, 57, 43)
    return f"rgba({red},{green},{blue},{strength:.2f})"


def intervals(lines: Sequence[Interval], title: str) -> str:
    """Differences with their intervals, one under the other, about a line at 0."""
    low, high = min([0.0, *(one.low for one in lines)]), max([0.0, *(one.high for one in lines)])
    room = (high - low or 1.0) * 0.04
    low, high = low - room, high + room
    left, width, row, top = 112, 430, 26, 24

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * width

    height = top + row * len(lines) + 26

    def line(x1: float, x2: float, y1: float, y2: float, style: str) -> str:
        return f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}" {style}/>'

    parts = [
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {_WIDTH} {height}">',
        f'<text x="{left}" y="13" class="soft">{escape(title)}</text>',
        line(x(0), x(0), top, height - 22, 'stroke="#1c2430" stroke-dasharray="3 3"'),
    ]
    for place, one in enumerate(lines):
        y = top + row * place + row / 2
        text = f"{number(one.value)} [{number(one.low)}, {number(one.high)}]"
        note = f'<tspan class="soft" dx="10">{escape(one.note)}</tspan>' if one.note else ""
        parts += [
            f'<text x="{left - 12}" y="{y + 4}" text-anchor="end">{escape(one.label)}</text>',
            line(x(one.low), x(one.high), y, y, f'stroke="{one.colour}" stroke-width="3" stroke-linecap="round"'),
            f'<circle cx="{x(one.value):.1f}" cy="{y}" r="5.5" fill="{one.colour}"/>',
            f'<text x="{left + width + 14}" y="{y + 4}">{escape(text)}{note}</text>',
        ]
    for value in (low + room, 0.0, high - room):
        if value == 0.0 or abs(x(value) - x(0)) > _APART:
            parts.append(
                f'<text x="{x(value):.1f}" y="{height - 6}" text-anchor="middle" class="soft">{number(value)}</text>'
            )
    return f"<div class=wide>{''.join(parts)}</svg></div>"
