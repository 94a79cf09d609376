"""What slices go by: the primary segment of each person, the category of each item, as of a night.

Segments are those of the night, after the test window: a slice says whom a model serves well, it teaches no model.
Keep measuring (``slices``) out.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.models.ids import places
from perso_pipeline.models.protocol import Indices

_SEGMENTS = """
select person_id as id, segment_id as label
from segments.primary_segment
where night = $night and site_id = $site_id
order by id
"""
_CATEGORIES = """
select item_id as id, coalesce(category_path, '') as label
from profiles.item_profiles
where night = $night and site_id = $site_id
order by id
"""
_NOBODY: NDArray[np.str_] = np.zeros(0, dtype=np.str_)


@dataclass(frozen=True, slots=True)
class Labels:
    """One label for each id; ids ascending."""

    ids: NDArray[np.str_] = field(default_factory=lambda: _NOBODY)
    labels: NDArray[np.str_] = field(default_factory=lambda: _NOBODY)

    def of(self, ids: NDArray[np.str_]) -> NDArray[np.str_]:
        """The label of each of ``ids``, empty where there is none."""
        place = places(ids, self.ids)
        found = np.full(len(ids), "", dtype=self.labels.dtype)
        found[place >= 0] = self.labels[place[place >= 0]]
        return found


@dataclass(frozen=True, slots=True)
class Groups:
    """Segments of people and category paths of items.

    Attributes:
        segments: primary segment by person.
        categories: path such as ``home/kitchen/mugs`` by item.
        fingerprint: SHA-256 over both.
    """

    segments: Labels = field(default_factory=Labels)
    categories: Labels = field(default_factory=Labels)
    fingerprint: str = "none"


def read_groups(warehouse: Warehouse, site_id: str, night: date) -> Groups:
    """The night's segments and categories; a warehouse without the tables has none."""
    digest = hashlib.sha256()
    found = []
    for table, sql in (("segments.primary_segment", _SEGMENTS), ("profiles.item_profiles", _CATEGORIES)):
        if not warehouse.exists(table):
            digest.update(b"none")
            found.append(Labels())
            continue
        rows = warehouse.query(sql, {"night": night, "site_id": site_id})
        ids, labels = _texts(rows, "id"), _texts(rows, "label")
        for column in (ids, labels):
            digest.update("\x1f".join(column.tolist()).encode() + b"\x1e")
        found.append(Labels(ids, labels))
    return Groups(found[0], found[1], digest.hexdigest())


def category_levels(paths: NDArray[np.str_]) -> Indices:
    """len(paths) x depth: a number for each path down to a level, -1 below a path's own depth."""
    parts = [path.split("/") if path else [] for path in paths.tolist()]
    deepest = max(map(len, parts), default=0)
    numbers: dict[str, int] = {}
    levels = np.full((len(parts), deepest), -1, dtype=np.int64)
    for row, own in enumerate(parts):
        for depth in range(len(own)):
            levels[row, depth] = numbers.setdefault("/".join(own[: depth + 1]), len(numbers))
    return levels


def top_category(paths: NDArray[np.str_]) -> NDArray[np.str_]:
    """The first level of each path, empty where there is none."""
    return np.array([path.split("/", 1)[0] for path in paths.tolist()], dtype=np.str_)


def _texts(rows: pa.Table, name: str) -> NDArray[np.str_]:
    return np.array(rows.column(name).to_pylist(), dtype=np.str_)
