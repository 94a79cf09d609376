"""Pictures of a night's profiles for the Dagster UI: how people spread over what matters most.

Counted in SQL, drawn from a few rows. Keep numbers that decide anything out.
"""

import duckdb
import pyarrow as pa

from perso_pipeline.resources.display import markdown_picture, png

# title -> SQL of the bar that a person stands in, as text that sorts; null: in none
_PANELS = {
    "lifecycle": """
        case lifecycle when 'prospect' then '1 prospect' when 'new' then '2 new' when 'active' then '3 active'
            when 'at_risk' then '4 at risk' else '5 lapsed' end""",
    "orders": "case when orders >= 6 then '6+' else orders::varchar end",
    "net revenue of buyers": """
        case when orders > 0 then case when net_revenue <= 0 then '0' when net_revenue < 25 then '1 below 25'
            when net_revenue < 50 then '2 below 50' when net_revenue < 100 then '3 below 100'
            when net_revenue < 200 then '4 below 200' else '5 200 and more' end end""",
    "sessions in 28 days": "case when sessions_28d >= 8 then '8+' else sessions_28d::varchar end",
    "weeks since last seen": """
        case when night - last_seen_date >= 56 then '8+' else ((night - last_seen_date) // 7)::varchar end""",
    "last touch": "last_touch_channel",
}
_MOST = 9  # bars of a panel


def distributions(connection: duckdb.DuckDBPyConnection, night: str) -> dict[str, str]:
    """Markdown with a picture, by title: bars of people over a few attributes, sites one upon another."""
    own = connection.cursor()  # the connection may have a result that nobody has read to its end
    counts = {
        title: own.sql(
            f"""
            select site_id, {bar} as bar, count(*) as people from profiles.customer_profiles
            where night = cast($night as date) and {bar} is not null group by all order by all""",
            params={"night": night},
        ).to_arrow_table()
        for title, bar in _PANELS.items()
    }
    return {"distributions": distribution_plot(counts)}


def distribution_plot(counts: dict[str, pa.Table]) -> str:
    """One panel per title; ``counts`` holds site_id, bar and people in the order of the bars."""
    from matplotlib.figure import Figure

    sites = sorted({site for rows in counts.values() for site in rows["site_id"].to_pylist()})
    if not sites:
        return "nobody has a profile"
    figure = Figure(figsize=(11, 6), layout="constrained")
    for axes, (title, rows) in zip(figure.subplots(2, 3).flat, counts.items(), strict=True):
        people = {(row["site_id"], row["bar"]): row["people"] for row in rows.to_pylist()}
        totals: dict[str, int] = {}
        for (_, bar), count in people.items():
            totals[bar] = totals.get(bar, 0) + count
        largest = sorted(totals, key=lambda bar: (-totals[bar], bar))[:_MOST]
        bars = sorted(largest)
        before = [0] * len(bars)
        for number, site in enumerate(sites):
            heights = [people.get((site, bar), 0) for bar in bars]
            axes.bar(_labels(bars), heights, bottom=before, label=site, color=f"C{number}")
            before = [low + height for low, height in zip(before, heights, strict=True)]
        axes.set_title(title, fontsize=10)
        axes.tick_params(axis="x", labelsize=8, rotation=30 if max(map(len, bars), default=0) > 4 else 0)
        axes.tick_params(axis="y", labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
    return markdown_picture(png(figure), title="people by what their profiles say")


def _labels(bars: list[str]) -> list[str]:
    """Without the digit that only orders them."""
    return [bar[2:] if bar[:1].isdigit() and bar[1:2] == " " else bar for bar in bars]
