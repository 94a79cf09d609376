"""The four tables of a scenario's lists: ids and words in place of numbers.

Words stay coded (dictionary arrays): a row of twenty words costs twenty small numbers.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from perso_pipeline.recommendations.composition.arrange import PIN_PART
from perso_pipeline.recommendations.composition.candidates import Candidates
from perso_pipeline.recommendations.composition.lists import Made
from perso_pipeline.recommendations.composition.pairs import Indices
from perso_pipeline.recommendations.composition.part import PartReader
from perso_pipeline.recommendations.composition.slots import OfferedPart, Slots
from perso_pipeline.recommendations.composition.turns import EMPTY
from perso_pipeline.recommendations.levels import ALLOCATION, EXPLORATION, PINNED, PROMOTED
from perso_pipeline.recommendations.merchandising import Moved, Pin, Promote
from perso_pipeline.recommendations.scenarios import Scenario

MERCHANDISING = "merchandising"  # model of a pinned item

_KEY = [
    ("night", pa.date32()),
    ("site_id", pa.string()),
    ("scenario_id", pa.string()),
    ("subject_type", pa.string()),
    ("subject_id", pa.string()),
]
RECOMMENDATIONS = pa.schema(
    [
        *_KEY,
        ("rank", pa.int32()),
        ("item_id", pa.string()),
        ("score", pa.float64()),
        ("level", pa.int32()),
        ("strategy", pa.string()),
        ("model", pa.string()),
        ("model_version", pa.string()),
        ("is_fallback", pa.bool_()),
    ]
)
TRACE = pa.schema(
    [
        *_KEY,
        ("rank", pa.int32()),
        ("item_id", pa.string()),
        ("origin_items", pa.list_(pa.string())),
        ("rules", pa.list_(pa.string())),
        ("rule_ids", pa.list_(pa.string())),  # of merchandising.yml
        ("propensity", pa.float64()),  # null where the scenario explores nothing
    ]
)
REJECTIONS = pa.schema(
    [*_KEY[:3], ("rule", pa.string()), ("rule_id", pa.string()), *_KEY[3:], ("item_id", pa.string())],
)
SHORT_LISTS = pa.schema([*_KEY, ("size", pa.int32()), ("filled", pa.int32()), ("reason", pa.string())])


class Words:
    """A column of words as they come: each is given a number once."""

    def __init__(self) -> None:
        self._numbers: dict[str | None, int] = {}

    def __call__(self, word: str | None) -> int:
        return self._numbers.setdefault(word, len(self._numbers))

    def numbers(self, words: Sequence[str | None]) -> Indices:
        return np.array([self(word) for word in words], np.int64)

    def column(self, numbers: Indices) -> pa.Array:
        return coded(numbers, pa.array(list(self._numbers), pa.string()))


def coded(numbers: Indices, words: pa.Array) -> pa.DictionaryArray:
    """Words by number."""
    return pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int32)), words)


def slot_tables(made: Made, scenario: Scenario, reader: PartReader, *, night: date) -> tuple[pa.Table, pa.Table]:
    """``RECOMMENDATIONS`` and ``TRACE`` of lists, by subject and rank."""
    pieces = [
        _piece(slots, drawn, made, scenario, reader, night=night)
        for slots, drawn in zip(made.slots, made.drawn, strict=True)
    ]
    order = None
    if len(pieces) > 1:
        subject = np.concatenate([slots.subject for slots in made.slots])
        order = pa.array(np.argsort(subject, kind="stable"))
    tables = []
    for number, schema in enumerate((RECOMMENDATIONS, TRACE)):
        parts = [piece[number] for piece in pieces] or [schema.empty_table()]
        table = pa.concat_tables([part.unify_dictionaries() for part in parts]) if len(parts) > 1 else parts[0]
        tables.append(table.take(order) if order is not None else table)
    return tables[0], tables[1]


def _piece(
    slots: Slots,
    drawn: tuple[Indices, NDArray[np.float64]] | None,
    made: Made,
    scenario: Scenario,
    reader: PartReader,
    *,
    night: date,
) -> tuple[pa.Table, pa.Table]:
    """Both tables of slots that share their parts."""
    rows = _Rows(slots, len(scenario.levels) + 1, reader)
    item, is_explored = slots.item, np.zeros(len(slots.subject), bool)
    if drawn is not None:
        is_explored = drawn[0] != EMPTY
        item = np.where(is_explored, drawn[0], slots.item)
        rows.explored(np.flatnonzero(is_explored), drawn[0][is_explored], night)
    rows.pinned(np.flatnonzero((slots.part == PIN_PART) & ~is_explored), night)
    shared = {
        **key_columns(slots.subject, scenario, reader, night=night),
        "rank": pa.array(slots.rank.astype(np.int32)),
        "item_id": coded(item, reader.catalogue.item_ids),
    }
    trace = {
        **shared,
        "origin_items": rows.origins.column(),
        "rules": rows.rules([*map(str, scenario.filters), *([ALLOCATION] if scenario.allocation else [])]),
        "rule_ids": _rule_ids(slots, made, is_explored),
        "propensity": pa.array(drawn[1]) if drawn is not None else pa.nulls(len(item), pa.float64()),
    }
    return pa.table({**shared, **rows.columns()}), pa.table(trace)


class _Rows:
    """What is told of each slot beside its item: where the item comes from, and how."""

    def __init__(self, slots: Slots, beyond: int, reader: PartReader) -> None:
        """``beyond`` is the level of what no level offered."""
        count = len(slots.subject)
        self.origins = _Origins(count, reader)
        self._slots = slots
        self._reader = reader
        self._beyond = beyond
        self._score, self._level = np.zeros(count), np.full(count, beyond, np.int64)
        self._of_a_level = np.zeros(count, bool)
        self._words = {name: Words() for name in ("strategy", "model", "model_version", "note")}
        self._numbers = {name: np.zeros(count, np.int64) for name in self._words}
        self._numbers["note"][:] = self._words["note"](None)
        for number, part in enumerate(slots.parts):
            at = np.flatnonzero(slots.part == number)
            if len(at):
                self._offered(at, part)

    def _offered(self, at: Indices, part: OfferedPart) -> None:
        slots, source = self._slots, part.offer.source
        entry, runs = slots.entry[at], source.runs
        inner = part.offer.entry[entry]
        self._score[at], self._level[at] = part.offer.score[entry], part.level
        self._of_a_level[at] = part.strategy != PROMOTED
        self._numbers["strategy"][at] = self._words["strategy"](part.strategy)
        maker = runs.maker[inner]
        for place, name in enumerate(("model", "model_version")):
            self._numbers[name][at] = self._words[name].numbers([one[place] for one in runs.makers])[maker]
        if source.notes != (None,):
            said = self._words["note"].numbers(source.notes)
            self._numbers["note"][at] = said[_notes(slots.subject[at], runs.bounds, inner, source)]
        if source.is_like_the_subject:
            self.origins.put(at, np.ones(len(at), np.int64), self._reader.context[slots.subject[at], 0])
        elif runs.origins is not None:
            some = runs.origins.take(pa.array(inner))
            self.origins.put(at, some.value_lengths().to_numpy().astype(np.int64), some.flatten().to_numpy())

    def pinned(self, at: Indices, night: date) -> None:
        self._special(at, PINNED, MERCHANDISING, night)
        self._score[at] = self._reader.catalogue.popularity[self._slots.item[at]]

    def explored(self, at: Indices, item: Indices, night: date) -> None:
        self._special(at, EXPLORATION, EXPLORATION, night)
        self._score[at] = _people(item, self._reader)
        before = self._reader.catalogue.item_ids.take(pa.array(self._slots.item[at])).to_pylist()
        said = [f"explored:instead_of:{name}" for name in before]
        self._numbers["note"][at] = self._words["note"].numbers(said)
        self.origins.clear(at)

    def columns(self) -> dict[str, pa.Array]:
        words = {name: self._words[name].column(numbers) for name, numbers in self._numbers.items() if name != "note"}
        return {
            "score": pa.array(self._score),
            "level": pa.array(self._level.astype(np.int32)),
            **words,
            "is_fallback": pa.array((self._level > 1) & self._of_a_level),
        }

    def rules(self, filters: list[str]) -> pa.ListArray:
        """Filters over the list, and the note."""
        said = self._words["note"].column(self._numbers["note"])
        lists = [filters + ([one] if one else []) for one in said.dictionary.to_pylist()]
        return pa.array(lists, pa.list_(pa.string())).take(said.indices)

    def _special(self, at: Indices, strategy: str, model: str, night: date) -> None:
        self._of_a_level[at] = False
        self._level[at] = self._beyond
        self._numbers["strategy"][at] = self._words["strategy"](strategy)
        self._numbers["model"][at] = self._words["model"](model)
        self._numbers["model_version"][at] = self._words["model_version"](night.isoformat())


def _notes(subject: Indices, bounds: Indices, inner: Indices, source: Candidates) -> Indices:
    """Position of each row's note: of an own list by subject, of shared ones by which of the subject's it is in."""
    lists, note = source.lists, source.note
    if lists is None:
        return note[subject]
    if lists.shape[1] == 1:
        return note[subject, 0]
    run = np.searchsorted(bounds, inner, side="right") - 1
    return note[subject, (lists[subject] == run[:, None]).argmax(axis=1)]


class _Origins:
    """The lists of items that led to each row, put in piece by piece."""

    def __init__(self, rows: int, reader: PartReader) -> None:
        self._length = np.zeros(rows, np.int64)
        self._pieces: list[tuple[Indices, Indices, Indices]] = []
        self._ids = reader.catalogue.item_ids

    def put(self, at: Indices, length: Indices, items: Indices) -> None:
        self._length[at] = length
        self._pieces.append((at, length, items))

    def clear(self, at: Indices) -> None:
        self._length[at] = 0

    def column(self) -> pa.ListArray:
        offsets = np.r_[0, np.cumsum(self._length)]
        values = np.zeros(int(offsets[-1]), np.int64)
        for at, length, items in self._pieces:
            kept = np.repeat(self._length[at] > 0, length)
            within = np.arange(len(items)) - np.repeat(np.cumsum(length) - length, length)
            target = np.repeat(offsets[at], length) + within
            values[target[kept]] = items[kept]
        return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), self._ids.take(pa.array(values)))


def _people(items: Indices, reader: PartReader) -> NDArray[np.float64]:
    """People who met each item, for the score of an explored slot."""
    rows = reader.query(
        """select i.catalogue_no, c.people from models.cold_items as c
        join numbered_items as i on i.site_id = c.site_id and i.item_id = c.item_id
        where c.night = $night""",
        {},
    )
    people = np.zeros(len(reader.catalogue))
    people[reader.catalogue.number_of[rows["catalogue_no"].to_numpy()]] = rows["people"].to_numpy()
    return people[items]


def _rule_ids(slots: Slots, made: Made, is_explored: NDArray[np.bool_]) -> pa.ListArray:
    """Of each slot the rules applied: those that stood over its list, and those that moved or placed its item."""
    count, rules = len(slots.subject), made.setting.rules
    if not rules:
        return pa.ListArray.from_arrays(pa.array(np.zeros(count + 1, np.int32)), pa.array([], pa.string()))
    applied = np.zeros((count, len(rules)), bool)
    is_ordered = np.isin(slots.part, [n for n, part in enumerate(slots.parts) if part.strategy != PROMOTED])
    for column, rule in enumerate(rules):
        if isinstance(rule.rule, Moved):
            applied[:, column] = rule.applies(slots.subject, slots.item) & is_ordered & ~is_explored
        elif isinstance(rule.rule, Pin):
            which = [n for n, one in enumerate(made.setting.pin_rules) if one is rule]
            applied[:, column] = (slots.part == PIN_PART) & np.isin(slots.entry, which)
        elif isinstance(rule.rule, Promote):
            which = [n for n, part in enumerate(slots.parts) if part.rule is rule]
            applied[:, column] = np.isin(slots.part, which) & ~is_explored
        else:
            applied[:, column] = rule.in_force[slots.subject]
    packed = np.packbits(applied, axis=1)
    whole = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).reshape(-1)
    _, first, which_of = np.unique(whole, return_index=True, return_inverse=True)
    ids = [rule.rule.id for rule in rules]
    lists = [[ids[n] for n in np.flatnonzero(applied[row])] for row in first.tolist()]
    return pa.array(lists, pa.list_(pa.string())).take(pa.array(which_of.reshape(-1)))


def key_columns(subject: Indices, scenario: Scenario, reader: PartReader, *, night: date) -> dict[str, pa.Array]:
    subjects = reader.subjects
    same = np.zeros(len(subject), np.int64)
    return {
        "night": pa.array(np.full(len(subject), np.datetime64(night, "D"))),
        "site_id": coded(subjects.site_ids.indices.to_numpy()[subject], subjects.site_ids.dictionary),
        "scenario_id": coded(same, pa.array([scenario.id])),
        "subject_type": coded(subjects.types.indices.to_numpy()[subject], subjects.types.dictionary),
        "subject_id": coded(subject, subjects.ids),
    }
