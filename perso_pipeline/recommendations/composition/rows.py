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
from perso_pipeline.recommendations.composition.rules import AnyRule
from perso_pipeline.recommendations.composition.slots import Slots
from perso_pipeline.recommendations.composition.turns import EMPTY
from perso_pipeline.recommendations.levels import EXPLORATION, PINNED
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
    count = len(slots.subject)
    strategy, model, version, note = Words(), Words(), Words(), Words()
    score, level = np.zeros(count), np.full(count, len(scenario.levels) + 1, np.int64)
    words = {word: np.zeros(count, np.int64) for word in ("strategy", "model", "version", "note")}
    words["note"][:] = note(None)
    origins = _Origins(count, reader)
    for number, part in enumerate(slots.parts):
        at = np.flatnonzero(slots.part == number)
        if not len(at):
            continue
        source, entry = part.offer.source, slots.entry[at]
        inner = part.offer.entry[entry]
        runs = source.runs
        score[at], level[at] = part.offer.score[entry], part.level
        words["strategy"][at] = strategy(part.strategy)
        maker = runs.maker[inner]
        words["model"][at] = model.numbers([name for name, _ in runs.makers])[maker]
        words["version"][at] = version.numbers([name for _, name in runs.makers])[maker]
        if len(source.notes) > 1 or source.notes[0] is not None:
            words["note"][at] = note.numbers(source.notes)[_notes(slots.subject[at], runs.bounds, inner, source)]
        if source.is_like_the_subject:
            origins.put(at, np.ones(len(at), np.int64), reader.context[slots.subject[at], 0])
        elif runs.origins is not None:
            some = runs.origins.take(pa.array(inner))
            origins.put(at, some.value_lengths().to_numpy().astype(np.int64), some.flatten().to_numpy())
    pinned = np.flatnonzero(slots.part == PIN_PART)
    item = slots.item
    special = [(pinned, PINNED, MERCHANDISING, reader.catalogue.popularity[item[pinned]])]
    if drawn is not None:
        given = np.flatnonzero(drawn[0] != EMPTY)
        ids = reader.catalogue.item_ids.take(pa.array(item[given])).to_pylist()
        words["note"][given] = note.numbers([f"explored:instead_of:{name}" for name in ids])
        item = np.where(drawn[0] == EMPTY, item, drawn[0])
        special.append((given, EXPLORATION, EXPLORATION, _people(item[given], reader)))
        origins.clear(given)
    for at, word, name, value in special:
        score[at], level[at] = value, len(scenario.levels) + 1
        words["strategy"][at], words["model"][at] = strategy(word), model(name)
        words["version"][at] = version(night.isoformat())
    is_special = np.zeros(count, bool)
    for at, *_ in special:
        is_special[at] = True
    is_special |= np.array([part.level > len(scenario.levels) for part in slots.parts] + [False], bool)[
        np.maximum(slots.part, EMPTY)
    ]
    items = coded(item, reader.catalogue.item_ids)
    shared = {
        **key_columns(slots.subject, scenario, reader, night=night),
        "rank": pa.array(slots.rank.astype(np.int32)),
        "item_id": items,
    }
    recommendations = {
        **shared,
        "score": pa.array(score),
        "level": pa.array(level.astype(np.int32)),
        "strategy": strategy.column(words["strategy"]),
        "model": model.column(words["model"]),
        "model_version": version.column(words["version"]),
        "is_fallback": pa.array((level > 1) & ~is_special),
    }
    filters = [str(rule) for rule in scenario.filters]
    said = note.column(words["note"])
    notes = said.dictionary.to_pylist()
    over = pa.array([filters + ([one] if one else []) for one in notes], pa.list_(pa.string()))
    trace = {
        **shared,
        "origin_items": origins.column(),
        "rules": over.take(said.indices),
        "rule_ids": _rule_ids(slots, made.setting.rules, made),
        "propensity": pa.array(drawn[1]) if drawn is not None else pa.nulls(count, pa.float64()),
    }
    return pa.table(recommendations), pa.table(trace)


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


def _rule_ids(slots: Slots, rules: Sequence[AnyRule], made: Made) -> pa.ListArray:
    """Of each slot the rules applied: those that stood over its list, and those that moved or placed its item."""
    count = len(slots.subject)
    if not rules:
        return pa.ListArray.from_arrays(pa.array(np.zeros(count + 1, np.int32)), pa.array([], pa.string()))
    applied = np.zeros((count, len(rules)), bool)
    for column, rule in enumerate(rules):
        if isinstance(rule.rule, Moved):
            applied[:, column] = rule.applies(slots.subject, slots.item) & (slots.part >= 0)
        elif isinstance(rule.rule, Pin):
            which = [n for n, one in enumerate(made.setting.pin_rules) if one is rule]
            applied[:, column] = (slots.part == PIN_PART) & np.isin(slots.entry, which)
        elif isinstance(rule.rule, Promote):
            which = [n for n, part in enumerate(slots.parts) if part.rule is rule]
            applied[:, column] = np.isin(slots.part, which)
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
