"""From one answer per person to the three segment tables.

Tables come in and go out as Arrow. Keep rules and SQL out.
"""

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.segments.compiler import membership_query, rule_text
from perso_pipeline.segments.rules import Segments


@dataclass(frozen=True)
class SegmentTables:
    """The tables of one night, each sorted by its key.

    Attributes:
        membership: night, site_id, person_id, segment_id; one row per site, person and matching segment.
        catalogue: night, segment_id, name, description, rule, position, people (over all sites).
        primary: night, site_id, person_id, segment_id; one row per site and person.
    """

    membership: pa.Table
    catalogue: pa.Table
    primary: pa.Table


def segment_people(warehouse: Warehouse, segments: Segments, night: date) -> SegmentTables:
    """Evaluate all rules in one pass over the profiles of the night."""
    answers = warehouse.query(membership_query(segments.segments), {"night": night})
    lists = answers.column("segment_ids").combine_chunks()
    parents, ids = pc.list_parent_indices(lists), pc.list_flatten(lists)
    holds = pc.is_valid(ids)
    people, ids = answers.take(parents.filter(holds)), ids.filter(holds)
    return SegmentTables(
        membership=_dated(night, people.column("site_id"), people.column("person_id"), ids),
        catalogue=_catalogue(segments, night, ids),
        primary=_dated(
            night, answers.column("site_id"), answers.column("person_id"), answers.column("primary_segment_id")
        ),
    )


def _catalogue(segments: Segments, night: date, ids: pa.Array) -> pa.Table:
    people = {row["values"]: row["counts"] for row in pc.value_counts(ids).to_pylist()}
    rows = [
        {
            "night": night,
            "segment_id": segment.id,
            "name": segment.name,
            "description": segment.description,
            "rule": rule_text(segment.rule),
            "position": position,
            "people": people.get(segment.id, 0),
        }
        for position, segment in enumerate(segments.segments, start=1)
    ]
    kinds = {"night": pa.date32(), "position": pa.int32(), "people": pa.int64()}
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds.get(name, pa.string())) for name in rows[0]]))


def _dated(night: date, sites: pa.ChunkedArray, people: pa.ChunkedArray, ids: pa.Array) -> pa.Table:
    nights = pa.repeat(pa.scalar(night, pa.date32()), len(ids))
    return pa.table({"night": nights, "site_id": sites, "person_id": people, "segment_id": ids})
