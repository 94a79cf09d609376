"""A site's data cut into the groups of its submodels: by what items are, who people are, when events happened.

What is cut stands in ``config/models.yml`` (``submodels_config``); what is made of a group is ``submodel_lists``'
business. Everything is cut from data that the night has read already.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.config import SiteModels
from perso_pipeline.models.evidence import Evidence, offered
from perso_pipeline.models.ids import places
from perso_pipeline.models.protocol import Indices, InteractionMatrix
from perso_pipeline.models.signals import Signals, to_day
from perso_pipeline.models.submodel_intersections import intersection
from perso_pipeline.models.submodel_parts import ByItem, Cut, Members, Part, of_signals, part_of
from perso_pipeline.models.submodels_config import (
    AttributeSubmodel,
    IntersectionSubmodel,
    SegmentSubmodel,
    Submodel,
    TimeSlot,
    TimeSlotSubmodel,
)


def reads_catalogue(config: SiteModels) -> bool:
    return config.cold_start.is_on or any(isinstance(s, AttributeSubmodel) for s in config.submodels)


def segments_read(config: SiteModels) -> tuple[str, ...]:
    """Every segment that a submodel names."""
    named = [s.segments for s in config.submodels if isinstance(s, SegmentSubmodel)]
    return tuple(sorted({segment for segments in named for segment in segments}))


def slots_read(config: SiteModels) -> dict[str, TimeSlot]:
    """Every time slot by the name under which ``Signals.slot_weights`` holds it."""
    return {
        _slot_name(submodel, slot): slot
        for submodel in config.submodels
        if isinstance(submodel, TimeSlotSubmodel)
        for slot in submodel.slots
    }


def cuts(config: SiteModels, data: InteractionMatrix, signals: Signals, evidence: Evidence) -> Iterator[Cut]:
    """The groups of every submodel of a site, in the order of its config.

    Args:
        config: The site's settings.
        data: The matrix that serves on the night.
        signals: What it was made from.
        evidence: The night's catalogue and segments.
    """
    wanted_again = {name for s in config.submodels if isinstance(s, IntersectionSubmodel) for name in s.of}
    met: dict[str, Cut] = {}
    for submodel in config.submodels:
        if isinstance(submodel, AttributeSubmodel):
            cut = _by_attribute(submodel, data, evidence)
        elif isinstance(submodel, SegmentSubmodel):
            cut = _by_segment(submodel, config, data, signals, evidence)
        elif isinstance(submodel, IntersectionSubmodel):
            cut = intersection(submodel, [met[name] for name in submodel.of], config, data, signals)
        else:
            weights = {slot.id: signals.slot_weights[_slot_name(submodel, slot)] for slot in submodel.slots}
            parts = tuple(_of_weights(submodel, name, config, data, signals, w) for name, w in weights.items())
            cut = Cut(submodel, parts, ())
        if submodel.id in wanted_again:
            met[submodel.id] = cut
        yield cut


def _slot_name(submodel: TimeSlotSubmodel, slot: TimeSlot) -> str:
    return f"{submodel.id}/{slot.id}"


def _of_weights(
    submodel: Submodel,
    group: str,
    config: SiteModels,
    data: InteractionMatrix,
    signals: Signals,
    weights: NDArray[np.float64],
) -> Part:
    return part_of(submodel, group, of_signals(config, data, signals, weights), weights=weights)


def _by_segment(
    submodel: SegmentSubmodel, config: SiteModels, data: InteractionMatrix, signals: Signals, evidence: Evidence
) -> Cut:
    held = evidence.segments
    people = np.array([] if held is None else held.column("person_id").to_pylist(), dtype=np.str_)
    segment = np.array([] if held is None else held.column("segment_id").to_pylist(), dtype=np.str_)
    here, there = _found(people, signals.people)
    parts = []
    for name in submodel.segments:
        belongs = np.zeros(len(signals.people), dtype=bool)
        belongs[there[segment[here] == name]] = True
        weights = np.where(belongs[signals.person], signals.weight, 0.0)
        parts.append(_of_weights(submodel, name, config, data, signals, weights))
    place = {name: position for position, name in enumerate(submodel.segments)}
    rank = np.array([place.get(name, len(place)) for name in segment.tolist()], dtype=np.int64)
    order = np.lexsort((rank, people))
    order = order[rank[order] < len(place)]
    ids, first = np.unique(people[order], return_index=True)
    return Cut(submodel, tuple(parts), (Members("person", ids, segment[order][first]),))


def _by_attribute(submodel: AttributeSubmodel, data: InteractionMatrix, evidence: Evidence) -> Cut:
    items = offered(evidence, to_day(data.as_of))
    ids = np.array(items.column("item_id").to_pylist(), dtype=np.str_)
    named = [_groups_of(values, submodel) for values in _values(items, submodel)]
    groups = sorted({group for of_item in named for group in of_item})
    row = np.repeat(np.arange(len(ids)), [len(of_item) for of_item in named])
    place = {group: position for position, group in enumerate(groups)}
    column = np.array([place[group] for of_item in named for group in of_item], dtype=np.int64)
    met, known = _found(ids, data.items)
    belongs = sparse.csr_matrix((np.ones(len(row)), (row, column)), shape=(len(ids), len(groups)))
    of_columns = sparse.csr_matrix((len(data.items), len(groups)))
    if groups:
        spread = sparse.csr_matrix((np.ones(len(met)), (known, met)), shape=(len(data.items), len(ids)))
        of_columns = sparse.csr_matrix(spread @ belongs)
    parts = list(_item_parts(submodel, groups, of_columns, data))
    if submodel.groups is None and submodel.ranges is None:
        parts = sorted(parts, key=lambda part: (-part.people, part.group))[: submodel.max_values]
        parts = [_used(submodel, part) for part in sorted(parts, key=lambda part: part.group)]
    else:  # a group of the file that no item falls into is listed too
        names = submodel.groups if submodel.groups is not None else [one.id for one in submodel.ranges or ()]
        parts += [part_of(submodel, name, None) for name in names if name not in place]
        order = {name: position for position, name in enumerate(names)}
        parts.sort(key=lambda part: order[part.group])
    standing = {part.group for part in parts}
    primary = [next((group for group in of_item if group in standing), "") for of_item in named]
    of_items = np.array(primary, dtype=np.str_)
    grouped = of_items != ""
    return Cut(
        submodel,
        tuple(parts),
        (
            Members("item", ids[grouped], of_items[grouped]),
            _favourites(data, of_columns, np.array(groups, dtype=np.str_), standing),
        ),
    )


def _values(items: pa.Table, submodel: AttributeSubmodel) -> Iterator[list[object]]:
    """Per item the values of the attribute, the first one the item's own page is filed under."""
    if submodel.attribute == "category":
        for paths in items.column("category_paths").to_pylist():
            levels = [path.split("/") for path in paths or ()]
            deep = submodel.category_level
            yield list(dict.fromkeys("/".join(level[:deep]) for level in levels if len(level) >= deep))
    elif submodel.attribute in ("brand", "price"):
        for value in items.column(submodel.attribute).to_pylist():
            yield [] if value in (None, "") else [value]
    else:
        for text in items.column("attributes").to_pylist():
            named = json.loads(text) if text else None
            value = named.get(submodel.attribute) if isinstance(named, dict) else None
            several = value if isinstance(value, list) else [value]
            yield [one for one in several if one not in (None, "") and not isinstance(one, dict | list)]


def _groups_of(values: list[object], submodel: AttributeSubmodel) -> list[str]:
    if submodel.ranges is not None:
        numbers = [number for value in values if (number := _number(value)) is not None]
        return list(dict.fromkeys(group for number in numbers if (group := _range_of(number, submodel))))
    if submodel.groups is not None:
        by_value = {value: group for group, of_group in submodel.groups.items() for value in of_group}
        return list(dict.fromkeys(by_value[str(value)] for value in values if str(value) in by_value))
    return list(dict.fromkeys(str(value) for value in values))


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _range_of(number: float, submodel: AttributeSubmodel) -> str | None:
    """From inclusive; to exclusive but for the last range."""
    ranges = submodel.ranges or ()
    for one in ranges:
        starts = one.at_least is None or number >= one.at_least
        ends = one.below is None or number < one.below or (one is ranges[-1] and number == one.below)
        if starts and ends:
            return one.id
    return None


def _item_parts(
    submodel: AttributeSubmodel, groups: list[str], of_columns: sparse.csr_matrix, data: InteractionMatrix
) -> Iterator[Part]:
    by_item, by_group = ByItem(data), of_columns.tocsc()
    for number, group in enumerate(groups):
        columns = np.sort(by_group.indices[by_group.indptr[number] : by_group.indptr[number + 1]])
        yield part_of(submodel, group, by_item.cut(columns), items=data.items[columns])


def _used(submodel: AttributeSubmodel, part: Part) -> Part:
    if part.data is None or part.data.last_age_days.min() <= submodel.unused_days:
        return part
    since = part.data.as_of - timedelta(days=int(part.data.last_age_days.min()))
    reason = f"nobody has touched it since {since}"
    return replace(part, status="unused", reason=reason)


def _favourites(
    data: InteractionMatrix, of_columns: sparse.csr_matrix, groups: NDArray[np.str_], standing: set[str]
) -> Members:
    """Of each person the group with most of their interest; ties go to the first by name."""
    interest = (data.weights @ of_columns).tocoo()
    counted = np.isin(groups, list(standing))[interest.col] if len(groups) else np.zeros(0, dtype=bool)
    row, column, weight = interest.row[counted], interest.col[counted], interest.data[counted]
    order = np.lexsort((column, -weight, row))
    who, first = np.unique(row[order], return_index=True)
    return Members("person", data.people[who], groups[column[order][first]] if len(who) else groups[:0])


def _found(ids: NDArray[np.str_], kept: NDArray[np.str_]) -> tuple[Indices, Indices]:
    """Of the ids that stand in ``kept`` (ascending) their positions in ``ids`` and in ``kept``."""
    at = places(ids, kept)
    here = np.flatnonzero(at >= 0)
    return here, at[here]
