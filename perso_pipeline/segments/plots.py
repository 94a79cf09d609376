"""Pictures of segments for the Dagster UI: a PNG inside markdown. Keep numbers that decide anything out."""

import pyarrow as pa

from perso_pipeline.resources.display import markdown_picture, png


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
