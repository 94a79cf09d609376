"""Reading what a part of the subjects needs, each thing once for all scenarios.

Queries and their arrays. What is done with them is ``ranking``'s and ``arrange``'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from perso_pipeline.contracts.warehouse import Value
from perso_pipeline.recommendations.candidates import CATEGORIES_OF, HISTORY_DAYS, own_sql
from perso_pipeline.recommendations.composition.candidates import (
    NO_LIST,
    Candidates,
    Shared,
    own_runs,
)
from perso_pipeline.recommendations.composition.pairs import Indices
from perso_pipeline.recommendations.composition.reader import Reader
from perso_pipeline.recommendations.levels import OWN, Filter, Source, Strategy, Subject
from perso_pipeline.recommendations.scenarios import Scenario
from perso_pipeline.recommendations.subjects import ANYONE, OWN_RULES, SUBJECT_IDENTIFIERS, Part
from perso_pipeline.recommendations.submodels import groups_sql

_DAYS = {Filter.BOUGHT: "bought_days", Filter.VIEWED: "viewed_days"}
_FAVOURITE = {
    "category": """
    select s.subject_no, p.preferred_category as value
    from subjects as s
    join profiles.customer_profiles as p on p.night = $night and p.site_id = s.site_id and p.person_id = s.person_id
    where s.may_personalize and p.preferred_category is not null""",
    "other": """
    select s.subject_no, a.value
    from subjects as s
    join profiles.affinities as a
        on a.night = $night and a.site_id = s.site_id and a.person_id = s.person_id and a.kind = $kind and a.place = 1
    where s.may_personalize""",
}
_MEMBERS = """
    select s.subject_no
    from subjects as s
    join segments.segment_membership as m on m.night = $night and m.site_id = s.site_id and m.person_id = s.person_id
    where m.segment_id = $segment and s.may_personalize"""


@dataclass(frozen=True, slots=True)
class Subjects:
    """The subjects of a part by number, which follows site, type and id.

    Attributes:
        site: Position in ``catalogue.sites``; -1 for a site without items.
        site_ids: Site of each, coded.
        types: Type of each, coded.
        ids: Id of each.
        is_anyone: Whether the list is for everybody unknown.
        may_personalize: Whether what is known of the subject may be used.
    """

    site: Indices
    site_ids: pa.DictionaryArray
    types: pa.DictionaryArray
    ids: pa.StringArray
    is_anyone: NDArray[np.bool_]
    may_personalize: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)


class PartReader:
    """What scenarios ask about the subjects of one part; everything read is kept for the next scenario."""

    def __init__(self, reader: Reader, part: Part) -> None:
        self._reader = reader
        self._part = part
        self.catalogue = reader.catalogue
        self._own: dict[Source, Candidates] = {}
        self._pairs: dict[tuple[Filter, int], tuple[Indices, Indices]] = {}
        self._members: dict[str, NDArray[np.bool_]] = {}
        self._favourites: dict[str, list[str | None]] = {}
        self._bound: dict[str, Value] = {"first_id": part.first, "until_id": part.until}
        self._tables = reader.open_carts(part)
        rows = self._tables["subjects"] = self._query(part.subjects_sql)
        self._tables["context_items"] = self._query(part.context_sql)
        self._tables["subject_identifiers"] = self._query(SUBJECT_IDENTIFIERS)
        site_ids = _coded(rows["site_id"])
        types = _coded(rows["subject_type"])
        place = {site: n for n, site in enumerate(self.catalogue.sites)}
        places = np.array([place.get(site, -1) for site in site_ids.dictionary.to_pylist()], np.int64)
        self.subjects = Subjects(
            site=places[site_ids.indices.to_numpy()] if len(places) else np.zeros(0, np.int64),
            site_ids=site_ids,
            types=types,
            ids=_whole(rows["subject_id"]),
            is_anyone=np.array([name == ANYONE for name in types.dictionary.to_pylist()], bool)[
                types.indices.to_numpy()
            ]
            if len(types)
            else np.zeros(0, bool),
            may_personalize=rows["may_personalize"].to_numpy().astype(bool),
        )
        self.context = self._context()

    @property
    def kind(self) -> Subject:
        return self._part.subject

    def candidates(self, source: Source) -> Candidates:
        """What a source offers each subject."""
        bare = Source(strategy=source.strategy, submodel=source.submodel, group=source.group)
        if bare in self._own:
            return self._own[bare]
        found = self._own_lists(bare) if bare.strategy in OWN else self._read_lists(bare)
        self._own[bare] = found
        return found

    def excluded(self, rule: Filter, scenario: Scenario) -> tuple[Indices, Indices]:
        """Pairs of subject and item that a filter takes off."""
        days = getattr(scenario, _DAYS[rule]) if rule in _DAYS else 0
        if (rule, days) not in self._pairs:
            rows = self._query(
                f"""select distinct x.subject_no, i.catalogue_no
                from ({OWN_RULES[rule]}) as x
                join numbered_items as i on i.site_id = x.site_id and i.item_id = x.item_id""",
                days=days,
            )
            items = self.catalogue.number_of[rows["catalogue_no"].to_numpy()]
            self._pairs[rule, days] = (rows["subject_no"].to_numpy().astype(np.int64), items)
        return self._pairs[rule, days]

    def members(self, segment: str) -> NDArray[np.bool_]:
        """Whose list is for a person of the segment, or for the segment itself."""
        if segment not in self._members:
            found = np.zeros(len(self.subjects), bool)
            if self.kind is Subject.SEGMENT:
                found = np.array([name == segment for name in self.subjects.ids.to_pylist()], bool)
            elif self.kind in (Subject.PERSON, Subject.CART):
                found[self._query(_MEMBERS, segment=segment)["subject_no"].to_numpy()] = True
            self._members[segment] = found
        return self._members[segment]

    def favourites(self, attribute: str) -> list[str | None]:
        """What each subject's person likes best of an attribute; None where that is not known."""
        if attribute not in self._favourites:
            found: list[str | None] = [None] * len(self.subjects)
            if self.kind in (Subject.PERSON, Subject.CART):
                select = _FAVOURITE.get(attribute, _FAVOURITE["other"])
                for row in self._query(select, kind=attribute).to_pylist():
                    found[row["subject_no"]] = row["value"]
            self._favourites[attribute] = found
        return self._favourites[attribute]

    def exists(self, table: str) -> bool:
        """Whether the warehouse has ``schema.name``."""
        return self._reader.exists(table)

    def query(self, statement: str, parameters: Mapping[str, Value]) -> pa.Table:
        """A statement over ``subjects``, ``context_items``, ``subject_identifiers`` and ``numbered_items``."""
        return self._reader.query(statement, {**self._bound, **parameters}, self._tables)

    def _query(self, statement: str, ctes: Sequence[str] = (), **parameters: Value) -> pa.Table:
        return self.query((f"with {','.join(ctes)}" if ctes else "") + statement, parameters)

    def _context(self) -> Indices:
        """Items of each subject's page or cart, subjects x most of one, in order of the item; -1 beyond."""
        if self.kind not in (Subject.ITEM, Subject.CART):
            return np.full((len(self.subjects), 0), -1, np.int64)
        rows = self._query(
            """select c.subject_no, i.catalogue_no
            from context_items as c
            join numbered_items as i on i.site_id = c.site_id and i.item_id = c.item_id
            order by c.subject_no, i.catalogue_no""",
        )
        subject = rows["subject_no"].to_numpy().astype(np.int64)
        return matrix(subject, self.catalogue.number_of[rows["catalogue_no"].to_numpy()], len(self.subjects))

    def _own_lists(self, source: Source) -> Candidates:
        ctes, select = own_sql(source, self.kind, in_range=self._part.in_range)
        groups = [groups_sql(source, self.kind)] if source.submodel is not None else []
        rows = self._query(
            select,
            [*ctes, *groups],
            submodel=source.submodel,
            submodel_group=source.group,
            history_days=HISTORY_DAYS,
        )
        runs = own_runs(rows, self.catalogue, subjects=len(self.subjects), makers=self._reader.makers)
        note = np.zeros(len(self.subjects), np.int64)
        notes: tuple[str | None, ...] = (None,)
        if source.submodel is not None:
            _, note, notes = self._groups(source)
        like = self.kind is Subject.ITEM
        return Candidates(runs, None, note, notes, is_like_the_subject=like)

    def _read_lists(self, source: Source) -> Candidates:
        shared = self._reader.shared(Source(strategy=source.strategy, submodel=source.submodel))
        notes: tuple[str | None, ...] = (None,)
        everyone = np.arange(len(self.subjects))
        if source.submodel is not None:
            keys, note, notes = self._groups(source)
            return Candidates(
                shared.runs, self._lists(shared, everyone, keys).reshape(-1, 1), note.reshape(-1, 1), notes
            )
        if source.strategy is not Strategy.POPULAR_IN_CATEGORY:
            whole = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(everyone), np.int32)), pa.array([""]))
            lists = self._lists(shared, everyone, whole).reshape(-1, 1)
            return Candidates(shared.runs, lists, np.zeros_like(lists), notes)
        rows = self._query(f"select * from ({CATEGORIES_OF[self.kind]}) order by subject_no, category")
        subject = rows["subject_no"].to_numpy().astype(np.int64)
        category = _coded(rows["category"])
        found = self._lists(shared, subject, category)
        code = category.indices.to_numpy().astype(np.int64)
        lists, note = (matrix(subject, values, len(self.subjects)) for values in (found, code))
        if not lists.shape[1]:
            lists = note = np.full((len(self.subjects), 1), NO_LIST, np.int64)
        words = tuple(f"category:{word}" for word in category.dictionary.to_pylist())
        return Candidates(shared.runs, lists, np.maximum(note, 0), words or notes)

    def _lists(self, shared: Shared, subject: Indices, key: pa.DictionaryArray) -> Indices:
        """The list of each subject's site and key; a key that is null has none."""
        sites, words = self.subjects.site_ids.dictionary.to_pylist(), key.dictionary.to_pylist()
        table = np.array([[shared.keys.get((s, w), NO_LIST) for w in (*words, None)] for s in sites], np.int64)
        if not len(subject):
            return np.zeros(0, np.int64)
        code = key.indices.fill_null(len(words)).to_numpy().astype(np.int64)
        return table[self.subjects.site_ids.indices.to_numpy()[subject], code]

    def _groups(self, source: Source) -> tuple[pa.DictionaryArray, Indices, tuple[str | None, ...]]:
        """Key of the group that answers each subject, and its note as a position in the notes."""
        rows = self._query(
            """
            select g.key, g.note from subjects as s
            left join groups as g on g.subject_no = s.subject_no
            order by s.subject_no""",
            [groups_sql(source, self.kind)],
            submodel=source.submodel,
            submodel_group=source.group,
        )
        note = _coded(rows["note"])
        return (
            _coded(rows["key"]),
            note.indices.fill_null(-1).to_numpy().astype(np.int64) + 1,
            (None, *note.dictionary.to_pylist()),
        )


def matrix(row: Indices, value: Indices, rows: int) -> Indices:
    """Values by row, which must ascend, as a matrix with -1 where a row has fewer than the most."""
    bounds = np.searchsorted(row, np.arange(rows + 1))
    place = np.arange(len(row)) - bounds[row]
    out = np.full((rows, int(place.max(initial=-1)) + 1), -1, np.int64)
    out[row, place] = value
    return out


def _coded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    coded = column.combine_chunks().dictionary_encode()
    return coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()
