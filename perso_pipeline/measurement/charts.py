"""Charts of the report as inline SVG: no script, colours from the page's CSS, so that dark mode works.

Everything that reaches the SVG as text is escaped here. Keep reading and words out.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 240, 64, 24, 10
SERIES = 8
"""Colours the page knows (classes s0 to s7); what is smaller is added up as 'other channels'."""

REST = "other channels"
DAILY_LIMIT = 92


def series_names(charts: Iterable[Mapping[date, Mapping[str, Decimal]]]) -> list[str]:
    """Series in the order of their colours, the same for all charts: by their share, added up over the charts."""
    weight: dict[str, Decimal] = {}
    for amounts in charts:
        sizes: dict[str, Decimal] = {}
        for parts in amounts.values():
            for name, value in parts.items():
                sizes[name] = sizes.get(name, Decimal(0)) + abs(value)
        whole = sum(sizes.values(), Decimal(0)) or Decimal(1)
        for name, size in sizes.items():
            weight[name] = weight.get(name, Decimal(0)) + size / whole
    names = sorted(weight, key=lambda name: (-weight[name], name))
    return names if len(names) <= SERIES else [*names[: SERIES - 1], REST]


def stacked_bars(
    amounts: Mapping[date, Mapping[str, Decimal]], *, names: Sequence[str], currency: str, caption: str
) -> str:
    """Amounts by day and series as stacked bars with legend; by week where there are more than 92 days.

    Args:
        amounts: Day to series to amount; amounts may be negative and then hang below the line.
        names: Series in the order of their colours; what is not among them is added up.
        currency: ISO 4217 code, for the hints under the pointer.
        caption: What the chart shows, for those who do not see it.
    """
    if not amounts:
        return "<p>Nothing to draw.</p>"
    weekly = (max(amounts) - min(amounts)).days + 1 > DAILY_LIMIT
    step = 7 if weekly else 1
    bars = _binned(amounts, step)
    bars = {day: _folded(parts, names) for day, parts in bars.items()}
    highest = max(
        (sum((v for v in parts.values() if v > 0), Decimal(0)) for parts in bars.values()), default=Decimal(0)
    )
    lowest = min((sum((v for v in parts.values() if v < 0), Decimal(0)) for parts in bars.values()), default=Decimal(0))
    ticks = _ticks(float(lowest), float(highest))
    floor, ceiling = min(ticks), max(ticks)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - floor) / (ceiling - floor))

    first, last = min(bars), max(bars)
    places = (last - first).days // step + 1
    slot = (WIDTH - LEFT - 4) / places
    marks = [_tick(tick, y(tick)) for tick in ticks]
    for day in sorted(bars):
        x = LEFT + slot * ((day - first).days // step)
        label = f"week of {day:%d %b %Y}" if weekly else f"{day:%a %d %b %Y}"
        up = down = 0.0
        for index, name in enumerate(names):
            value = float(bars[day].get(name, 0))
            base, top = (up, up + value) if value > 0 else (down + value, down)
            up, down = (top, down) if value > 0 else (up, base)
            if value:
                marks.append(
                    f'<rect class="s{index}" x="{x:.1f}" y="{y(top):.1f}" width="{max(slot - 1, 0.8):.1f}" '
                    f'height="{max(y(base) - y(top), 0.3):.1f}"><title>{label}, {escape(name)}: '
                    f"{value:,.2f} {escape(currency)}</title></rect>"
                )
    marks += _day_labels(sorted(bars), first, slot=slot, step=step)
    legend = "".join(f'<li><i class="s{i}"></i>{escape(name.replace("_", " "))}</li>' for i, name in enumerate(names))
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(caption)}">{"".join(marks)}</svg>'
        f'<ul class="legend">{legend}</ul></figure>'
    )


def whisker(low: float, middle: float, high: float, *, reach: float) -> str:
    """An interval around zero on a scale from -reach to +reach."""

    def x(value: float) -> float:
        return 80 + 76 * max(-1.0, min(1.0, value / reach))

    sense = "better" if low > 0 else "worse" if high < 0 else "open"
    return (
        f'<svg class="whisker" viewBox="0 0 160 20" role="img" aria-label="interval {low:+.1%} to {high:+.1%}">'
        f'<line class="axis" x1="80" x2="80" y1="1" y2="19"/>'
        f'<line class="{sense}" x1="{x(low):.1f}" x2="{x(high):.1f}" '
        f'y1="10" y2="10"/><circle class="{sense}" cx="{x(middle):.1f}" cy="10" r="4"/></svg>'
    )


def _binned(amounts: Mapping[date, Mapping[str, Decimal]], step: int) -> dict[date, dict[str, Decimal]]:
    bars: dict[date, dict[str, Decimal]] = {}
    for day, parts in amounts.items():
        start = day - timedelta(days=day.weekday()) if step > 1 else day
        bar = bars.setdefault(start, {})
        for name, value in parts.items():
            bar[name] = bar.get(name, Decimal(0)) + value
    return bars


def _folded(parts: Mapping[str, Decimal], names: Sequence[str]) -> dict[str, Decimal]:
    folded: dict[str, Decimal] = {}
    for name, value in parts.items():
        key = name if name in names else REST
        folded[key] = folded.get(key, Decimal(0)) + value
    return folded


def _ticks(low: float, high: float) -> list[float]:
    span = max(high - low, 1.0)
    magnitude: float = 10.0 ** (len(f"{span / 4:.0f}") - 1)
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= span / 4)
    first, last = int(low // step), -int(-high // step)
    return [index * step for index in range(first, max(last, first + 1) + 1)]


def _tick(value: float, y: float) -> str:
    words = (
        f"{value / 1e6:,.1f}m"
        if abs(value) >= 1e6
        else f"{value / 1e3:,.0f}k"
        if abs(value) >= 1e4
        else f"{value:,.0f}"
    )
    return (
        f'<line class="{"axis" if value == 0 else "grid"}" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{words}</text>'
    )


def _day_labels(days: Sequence[date], first: date, *, slot: float, step: int) -> list[str]:
    every = -(-len(days) // 8)
    return [
        f'<text x="{LEFT + slot * ((day - first).days // step) + slot / 2:.1f}" y="{HEIGHT - 6}" '
        f'text-anchor="middle">{day:%d %b}</text>'
        for day in days[every // 2 :: every]
    ]
