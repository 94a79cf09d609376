"""Lists of submodels and of cold items as rows for the warehouse, beside those of the champions.

Fitted on the spot and not stored: they are cut from the night's matrix, so the same night gives the same lists.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.models.candidates import CandidateRows
from perso_pipeline.models.cold_start import COLD_START, cold_items
from perso_pipeline.models.config import CandidatesConfig
from perso_pipeline.models.evidence import Evidence, with_groups
from perso_pipeline.models.protocol import InteractionMatrix, TooLargeError
from perso_pipeline.models.recommenders.recently_added import RecentlyAdded
from perso_pipeline.models.roster import build
from perso_pipeline.models.site_night import SiteNight
from perso_pipeline.models.submodel_parts import Cut, Part, answers_with
from perso_pipeline.models.submodels import cuts, reads_catalogue, segments_read
from perso_pipeline.models.tables import SUBMODEL_MEMBERS


@dataclass(slots=True)
class SiteLists:
    """What one site adds to the night's tables."""

    candidates: list[pa.RecordBatch] = field(default_factory=list)
    submodels: list[dict[str, Any]] = field(default_factory=list)
    members: list[pa.Table] = field(default_factory=list)
    cold_items: list[dict[str, Any]] = field(default_factory=list)

    @property
    def placed_by_content(self) -> list[str]:
        """Items whose lists are by content: the champion makes none for them."""
        return [row["item_id"] for row in self.cold_items if row["similar_items"]]


def read_groups(warehouse: Warehouse, site: SiteNight) -> Evidence:
    """What the site's submodels and cold items are told by: catalogue and segments as of the night."""
    return with_groups(
        site.evidence,
        warehouse,
        site.site_id,
        site.night,
        items=reads_catalogue(site.config),
        segments=segments_read(site.config),
    )


def further_lists(site: SiteNight, data: InteractionMatrix, evidence: Evidence, *, threads: int) -> SiteLists:
    """Everything that the site's settings ask for beside the champions' lists; ``evidence`` is of ``read_groups``."""
    made = SiteLists()
    for cut in cuts(site.config, data, site.signals, evidence):
        made.members += [_member_rows(site, cut)]
        for part in cut.parts:
            answered, batches = _answered(site, cut, part, threads=threads)
            made.candidates += batches
            rows = sum(batch.num_rows for batch in batches)
            made.submodels.append(_submodel_row(site, cut, answered, rows) | {"fingerprint": evidence.fingerprint})
    if site.config.cold_start.is_on:
        _add_cold_start(site, data, evidence, made, threads=threads)
    return made


def _answered(site: SiteNight, cut: Cut, part: Part, *, threads: int) -> tuple[Part, list[pa.RecordBatch]]:
    """A group's lists, if it is trained; one that does not fit into memory is not, and says so."""
    if part.status != "active" or part.data is None:
        return part, []
    try:
        return part, list(_lists(site, cut, part, part.data, threads=threads))
    except TooLargeError as refusal:
        return replace(part, status="too_large", reason=str(refusal)), []


def _lists(site: SiteNight, cut: Cut, part: Part, data: InteractionMatrix, *, threads: int) -> Iterator[pa.RecordBatch]:
    submodel = cut.submodel
    depth = CandidatesConfig(
        per_person=submodel.depth,
        per_item=submodel.depth,
        anyone=submodel.depth,
        subjects_per_batch=site.config.candidates.subjects_per_batch,
    )
    rows = CandidateRows(
        site.night, site.site_id, data, depth, blocked=site.config.blocked, submodel=submodel.id, group=part.group
    )
    asked = [*submodel.lists, *(name for name in (submodel.personal, submodel.similar) if name)]
    models = {name: model.fit(data) for name, model in build(site.config, threads=threads, names=asked).items()}
    for name in submodel.lists:
        yield from rows.for_anyone(models[name], site.version)
    if submodel.personal:
        yield from rows.for_people(models[submodel.personal], site.version)
    if submodel.similar:
        yield from rows.for_items(models[submodel.similar], site.version)


def _submodel_row(site: SiteNight, cut: Cut, part: Part, rows: int) -> dict[str, Any]:
    return {
        "night": site.night,
        "site_id": site.site_id,
        "submodel": cut.submodel.id,
        "submodel_group": part.group,
        "kind": cut.submodel.by,
        "status": part.status,
        "answers_with": answers_with(cut.submodel, part),
        "people": part.people,
        "items": 0 if part.data is None else len(part.data.items),
        "candidates": rows,
        "version": site.version,
        "reason": part.reason,
    }


def _member_rows(site: SiteNight, cut: Cut) -> pa.Table:
    """night, site_id, submodel, subject_type, subject_id, submodel_group of all members of a cut."""
    tables = [
        pa.table(
            {
                "night": pa.repeat(pa.scalar(site.night, pa.date32()), len(members.ids)),
                "site_id": pa.repeat(site.site_id, len(members.ids)),
                "submodel": pa.repeat(cut.submodel.id, len(members.ids)),
                "subject_type": pa.repeat(members.member_type, len(members.ids)),
                "subject_id": pa.array(members.ids, pa.string()),
                "submodel_group": pa.array(members.groups, pa.string()),
            }
        )
        for members in cut.members
    ]
    return pa.concat_tables([SUBMODEL_MEMBERS.empty_table(), *tables])


def _add_cold_start(
    site: SiteNight, data: InteractionMatrix, evidence: Evidence, made: SiteLists, *, threads: int
) -> None:
    cold = cold_items(site.config, data, evidence, threads=threads)
    lists = CandidateRows(site.night, site.site_id, cold.data, site.config.candidates, blocked=site.config.blocked)
    made.candidates += lists.for_anyone(RecentlyAdded(site.config.recently_added).fit(cold.data), site.version)
    alike = CandidateRows(
        site.night,
        site.site_id,
        cold.data,
        site.config.candidates.model_copy(update={"per_item": site.config.cold_start.per_item}),
        blocked=site.config.blocked,
        submodel=COLD_START,
    )
    batches = list(alike.for_items(cold.content, site.version, some=cold.columns[cold.is_cold]))
    made.candidates += batches
    found = _lengths(batches)
    for column, people, is_cold, is_new, offered in zip(
        cold.columns, cold.people, cold.is_cold, cold.is_new, cold.offered, strict=True
    ):
        item_id = str(cold.data.items[column])
        made.cold_items.append(
            {
                "night": site.night,
                "site_id": site.site_id,
                "item_id": item_id,
                "people": int(people),
                "first_offered_date": offered,
                "is_cold": bool(is_cold),
                "is_new": bool(is_new),
                "similar_items": found.get(item_id, 0),
            }
        )


def _lengths(batches: list[pa.RecordBatch]) -> dict[str, int]:
    """Rows per subject."""
    lengths: dict[str, int] = {}
    for batch in batches:
        for row in batch.column("subject_id").value_counts().to_pylist():
            lengths[row["values"]] = lengths.get(row["values"], 0) + row["counts"]
    return lengths
