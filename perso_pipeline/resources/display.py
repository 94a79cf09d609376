"""What assets show a person: tables in Markdown and pictures, safe inside a cell.

Keep what is shown with its stage.
"""

import base64
import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CELL_LENGTH = 80


def markdown_table(rows: pa.Table, *, limit: int = 10, longest: int | None = _CELL_LENGTH) -> str:
    """The first ``limit`` rows; text cannot break out of its cell and ends in "…" after ``longest`` letters, if any."""
    names = rows.column_names
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += [
        "| " + " | ".join(cell(value, longest) for value in row.values()) + " |"
        for row in rows.slice(0, limit).to_pylist()
    ]
    return "\n".join(lines)


def cell(value: Any, longest: int | None = _CELL_LENGTH) -> str:
    """One value as text of a Markdown table."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(cell(one, longest) for one in value)
    text = str(value)
    text = text if longest is None or len(text) <= longest else f"{text[: longest - 1]}…"
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def png(figure: "Figure") -> bytes:
    """A figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def markdown_picture(image: bytes, *, title: str) -> str:
    """A PNG file inside Markdown."""
    return f"![{title}](data:image/png;base64,{base64.b64encode(image).decode()})"
