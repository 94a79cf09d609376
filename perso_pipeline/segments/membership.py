"""From one answer per person to the membership tables.

Tables come in and go out as Arrow. Keep rules and SQL out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.segments.compiler import Columns, membership_query
from perso_pipeline.segments.contract import ATTRIBUTE_TABLES
from perso_pipeline.segments.overlap import overlaps
from perso_pipeline.segments.rules import EVERYONE_ELSE, Origin, Segment
from perso_pipeline.segments.words import rule_text


@dataclass(frozen=True)
class SegmentTables:
    """The tables of one night.

    Attributes:
        membership: night, site_id, person_id, segment_id; one row per site, person and matching segment; sorted by
            segment (in the order of the catalogue), site, person.
        catalogue: night, segment_id, name, description, rule, origin, position, people (over all sites).
        primary: night, site_id, person_id, segment_id; one row per site and person, sorted by both.
        overlap: night, site_id, segment_id, other_segment_id, people, share, lift; see ``overlap.overlaps``.
    """

    membership: pa.Table
    catalogue: pa.Table
    primary: pa.Table
    overlap: pa.Table


def segment_people(warehouse: Warehouse, segments: Sequence[Segment], night: date) -> SegmentTables:
    """Evaluate all rules in one pass over the profiles of the night.

    Args:
        warehouse: Has the profiles, and the facts that the rules ask.
        segments: In order of precedence; those of the config before those that are made by the pipeline.
        night: Night to answer for.
    """
    query = membership_query(segments, night, columns=attribute_columns(warehouse))
    answers = warehouse.query(query, {"night": night}).combine_chunks()
    sites, people = answers.column("site_id"), answers.column("person_id")
    held = [answers.column(f"s{number}").to_numpy() for number in range(len(segments))]
    rows = [np.flatnonzero(holds) for holds in held]
    chosen = pa.array(np.concatenate(rows).astype(np.int32))
    ids = pa.array([segment.id for segment in segments])
    codes = np.repeat(np.arange(len(segments), dtype=np.int32), [len(found) for found in rows])
    ranked = [number for number, segment in enumerate(segments) if segment.origin is Origin.CONFIG]
    return SegmentTables(
        membership=_dated(
            night,
            sites.combine_chunks().dictionary_encode().take(chosen),
            pa.DictionaryArray.from_arrays(chosen, people.combine_chunks()),
            pa.DictionaryArray.from_arrays(codes, ids),
        ),
        catalogue=_catalogue(segments, night, [len(found) for found in rows]),
        primary=_dated(
            night, sites, people, _primary([held[number] for number in ranked], ids.take(ranked), len(sites))
        ),
        overlap=overlaps(sites, held, ids.to_pylist(), night),
    )


def attribute_columns(warehouse: Warehouse) -> Columns:
    """The columns that the warehouse has of each table of attributes."""
    found: dict[str, frozenset[str]] = {}
    for table in ATTRIBUTE_TABLES:
        schema, name = table.table.split(".")
        rows = warehouse.query(
            "select column_name from information_schema.columns where table_schema = ? and table_name = ?",
            [schema, name],
        )
        found[table.table] = frozenset(rows["column_name"].to_pylist())
    return found


def _primary(held: list[np.ndarray], ids: pa.Array, people: int) -> pa.DictionaryArray:
    first = np.full(people, len(held), dtype=np.int32)
    for number in reversed(range(len(held))):
        first[held[number]] = number
    return pa.DictionaryArray.from_arrays(first, pa.concat_arrays([ids, pa.array([EVERYONE_ELSE])]))


def _catalogue(segments: Sequence[Segment], night: date, people: list[int]) -> pa.Table:
    rows = [
        {
            "night": night,
            "segment_id": segment.id,
            "name": segment.name,
            "description": segment.description,
            "rule": rule_text(segment.rule),
            "origin": segment.origin.value,
            "position": position,
            "people": people[position - 1],
        }
        for position, segment in enumerate(segments, start=1)
    ]
    kinds = {"night": pa.date32(), "position": pa.int32(), "people": pa.int64()}
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds.get(name, pa.string())) for name in rows[0]]))


def _dated(night: date, sites: pa.ChunkedArray, people: pa.ChunkedArray, ids: pa.Array) -> pa.Table:
    nights = pa.repeat(pa.scalar(night, pa.date32()), len(ids))
    return pa.table({"night": nights, "site_id": sites, "person_id": people, "segment_id": ids})
