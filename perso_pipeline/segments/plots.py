"""Pictures of segments for the Dagster UI: a PNG inside markdown. Keep numbers that decide anything out."""

from datetime import date

import numpy as np
import pyarrow as pa

from perso_pipeline.resources.display import markdown_picture, png

_COLOURS = 10  # of Matplotlib's cycle; lines after these are dashed
_MOST_TICKS = 15


def sizes_plot(catalogue: pa.Table) -> str:
    """People per segment as horizontal bars; markdown with the picture in it.

    Args:
        catalogue: ``segments.segment_catalogue`` of one night, in file order.
    """
    from matplotlib.figure import Figure

    names, people = catalogue.column("name").to_pylist(), catalogue.column("people").to_pylist()
    figure = Figure(figsize=(7, 0.8 + 0.35 * len(names)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(names[::-1], people[::-1], color="#3b6ea5")
    axes.bar_label(bars, labels=[f"{count:,}" for count in people[::-1]], padding=3)
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("people")
    return markdown_picture(png(figure), title="people per segment")


def history_plot(history: pa.Table, *, most: int = 12) -> str:
    """People per segment, night by night; markdown with the picture in it.

    Args:
        history: night, name, people.
        most: Segments shown: those that are largest on the last night, named from top to bottom as their lines end.
    """
    from matplotlib.figure import Figure

    series: dict[str, dict[date, int]] = {}
    for row in history.to_pylist():
        series.setdefault(row["name"], {})[row["night"]] = row["people"]
    nights = sorted({night for points in series.values() for night in points})
    last = {name: points.get(nights[-1], 0) for name, points in series.items()}
    shown = sorted((name for name in series if last[name] > 0), key=lambda name: (-last[name], name))[:most]
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    for number, name in enumerate(shown):
        points = series[name]
        style = "-" if number < _COLOURS else "--"
        axes.plot(
            np.array(list(points)), list(points.values()), style, marker=".", color=f"C{number % _COLOURS}", label=name
        )
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("people")
    every = nights[:: -(-len(nights) // _MOST_TICKS)]
    axes.set_xticks(np.array(every), [night.isoformat() for night in every], rotation=45, ha="right", fontsize=8)
    if shown:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
    hidden = len(series) - len(shown)
    axes.set_title(f"the {len(shown)} largest; {hidden} others are not shown" if hidden else "", fontsize=9)
    return markdown_picture(png(figure), title="people per segment over time")


def overlap_plot(overlap: pa.Table, *, most: int = 30) -> str:
    """Heat map of the share of each segment (row) that is in each other one (column); markdown.

    Args:
        overlap: ``segments.segment_overlap`` of one night; the largest site is shown.
        most: Segments shown, the largest.
    """
    from matplotlib.figure import Figure

    rows = overlap.to_pylist()
    sizes = [row for row in rows if row["segment_id"] == row["other_segment_id"]]
    if not sizes:
        return "nobody is in any segment"
    per_site: dict[str, int] = {}
    for row in sizes:
        per_site[row["site_id"]] = per_site.get(row["site_id"], 0) + row["people"]
    site = max(sorted(per_site), key=per_site.__getitem__)
    largest = sorted((row for row in sizes if row["site_id"] == site), key=lambda row: -row["people"])[:most]
    ids = [row["segment_id"] for row in largest]
    shares = np.zeros((len(ids), len(ids)))
    for row in rows:
        if row["site_id"] == site and row["segment_id"] in ids and row["other_segment_id"] in ids:
            shares[ids.index(row["segment_id"]), ids.index(row["other_segment_id"])] = row["share"]
    figure = Figure(figsize=(2.5 + 0.3 * len(ids), 2 + 0.3 * len(ids)), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    axes.set_xticks(range(len(ids)), ids, rotation=90, fontsize=8)
    axes.set_yticks(range(len(ids)), ids, fontsize=8)
    axes.set_title(f"share of the row's people who are in the column ({site})", fontsize=9)
    figure.colorbar(image, shrink=0.6)
    return markdown_picture(png(figure), title="overlap of segments")
