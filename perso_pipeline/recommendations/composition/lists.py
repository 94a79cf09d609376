"""One scenario's lists for one part of the subjects: from candidates, rules and what the page shows to slots.

Puts the pieces together; each is told in its own module. Rows are made in ``rows``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.recommendations.composition.arrange import Asked, Lists, Promotion, fill
from perso_pipeline.recommendations.composition.exploring import explored
from perso_pipeline.recommendations.composition.pairs import Codes, Indices
from perso_pipeline.recommendations.composition.part import PartReader
from perso_pipeline.recommendations.composition.ranking import (
    Judged,
    Offer,
    TooManyEntriesError,
    offer,
    only_meant,
)
from perso_pipeline.recommendations.composition.rules import AnyRule, of_kind
from perso_pipeline.recommendations.composition.setting import Page, Setting, setting
from perso_pipeline.recommendations.composition.slots import OfferedPart, Slots
from perso_pipeline.recommendations.composition.turns import EMPTY
from perso_pipeline.recommendations.levels import OWN, PROMOTED, Level, Source, Strategy
from perso_pipeline.recommendations.merchandising import Exclude, Include, Promote
from perso_pipeline.recommendations.scenarios import Scenario

CATALOGUE = Source(strategy=Strategy.CATALOGUE)


@dataclass(frozen=True, slots=True)
class Made:
    """The lists of one scenario and part.

    Attributes:
        who: Subjects that the scenario makes lists for.
        setting: What stood over them.
        slots: Filled slots, in pieces of different subjects.
        drawn: Per piece the items of explored slots, ``EMPTY`` where a slot keeps its item, and the chance of what
            stands in it; None where nothing is explored.
        rejected: Subject, item, code of all that was taken off, and whether from the first places.
    """

    who: Indices
    setting: Setting
    slots: tuple[Slots, ...]
    drawn: tuple[tuple[Indices, NDArray[np.float64]] | None, ...]
    rejected: tuple[tuple[Indices, Indices, Codes, NDArray[np.bool_]], ...]

    def page(self) -> Page:
        """What now stands in the lists."""
        subjects, items = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for slots, drawn in zip(self.slots, self.drawn, strict=True):
            subjects.append(slots.subject)
            items.append(slots.item if drawn is None else np.where(drawn[0] == EMPTY, slots.item, drawn[0]))
        return Page(np.concatenate(subjects), np.concatenate(items))


def make_lists(scenario: Scenario, rules: Sequence[AnyRule], reader: PartReader, page: Page, *, night: date) -> Made:
    """Fill the lists of one scenario for the subjects of one part."""
    stands = setting(scenario, rules, reader, page, night=night)
    sites = np.array([not scenario.sites or s in scenario.sites for s in _site_ids(reader)] or [False], bool)
    who = np.flatnonzero(sites[reader.subjects.site_ids.indices.to_numpy()])
    slots: list[Slots] = []
    rejected: list[tuple[Indices, Indices, Codes, NDArray[np.bool_]]] = []
    for some, levels in _chosen(scenario, who, reader):
        for part_slots, lists in _filled(scenario, levels, stands, some, reader):
            slots.append(part_slots)
            rejected += lists.rejected
    drawn = tuple(explored(scenario, one, stands, reader, page, night=night) for one in slots)
    return Made(who, stands, tuple(slots), drawn, tuple(rejected))


def _site_ids(reader: PartReader) -> list[str]:
    ids: list[str] = reader.subjects.site_ids.dictionary.to_pylist()
    return ids


def _chosen(scenario: Scenario, who: Indices, reader: PartReader) -> Iterator[tuple[Indices, tuple[Level, ...]]]:
    """Subjects and the levels they get: of the first segment that they are in, else the scenario's own."""
    for choice in scenario.by_segment:
        is_in = reader.members(choice.segment)[who]
        yield who[is_in], choice.levels
        who = who[~is_in]
    yield who, scenario.levels


def _filled(
    scenario: Scenario, levels: tuple[Level, ...], stands: Setting, who: Indices, reader: PartReader
) -> Iterator[tuple[Slots, Lists]]:
    """The lists of ``who``; of half of them at a time where promotions would differ too much between them."""
    if not len(who):
        return
    try:
        yield _filled_at_once(scenario, levels, stands, who, reader)
    except TooManyEntriesError:
        for half in np.array_split(who, 2):
            yield from _filled(scenario, levels, stands, half, reader)


def _filled_at_once(
    scenario: Scenario, levels: tuple[Level, ...], stands: Setting, who: Indices, reader: PartReader
) -> tuple[Slots, Lists]:
    """The lists of ``who`` from these levels."""
    count = len(reader.subjects)
    promoting = [rule for rule in of_kind(stands.rules, Promote) if rule.in_force[who].any()]
    # an item that a rule has put in takes no place of its own
    reach = scenario.size * (1 + len(promoting)) + len(stands.pins)
    asking = _Asking(stands.limits.judged, reader, who, reach)
    promotions = []
    for rule in promoting:
        first = [source for source in levels[0].parts if source.strategy in OWN]
        offers = [
            asking.numbered(1, str(source.strategy), only_meant(asking.own(source), rule, subjects=count), rule)
            for source in first
        ]
        tail = offer(reader.candidates(CATALOGUE), _only(rule, asking.judged), who, reach=0, subjects=count)
        offers.append(asking.numbered(len(scenario.levels) + 1, PROMOTED, tail, rule))
        slots = tuple(slot - 1 for slot in rule.rule.positions(scenario.size))
        promotions.append(Promotion(rule, slots, tuple(offers)))
    lists = Lists(scenario.size, count, pins=len(stands.pins))
    asked = [partial(asking.level, number, level) for number, level in enumerate(levels, start=1)]
    fill(lists, who, asked, stands.limits, stands.pins, promotions)
    row, slot = np.nonzero(lists.item[who] != EMPTY)
    subject = who[row]
    rank = np.arange(len(row)) - np.searchsorted(row, row) + 1
    item, part, entry = (array[subject, slot].astype(np.int64) for array in (lists.item, lists.part, lists.entry))
    return Slots(subject, rank, item, part, entry, tuple(asking.parts)), lists


class _Asking:
    """Asks sources for the subjects that still have slots, and numbers what they offer."""

    def __init__(self, judged: Judged, reader: PartReader, who: Indices, reach: int) -> None:
        self.judged = judged
        self.parts: list[OfferedPart] = []
        self._reader = reader
        self._who = who
        self._reach = reach
        self._own: dict[Source, Offer] = {}

    def level(self, number: int, level: Level, who: Indices) -> Iterator[Asked]:
        """The sources of a level; for half of ``who`` at a time where shared lists would differ too much."""
        if not len(who):
            return
        try:
            asked = [(source, self._offer(source, who)) for source in level.parts]
        except TooManyEntriesError:
            for half in np.array_split(who, 2):
                yield from self.level(number, level, half)
            return
        numbered = [(source.share, self.numbered(number, str(source.strategy), made)) for source, made in asked]
        yield who, [(part, share, made) for share, (part, made) in numbered]

    def own(self, source: Source) -> Offer:
        """An own source for everybody, made once: promotions and the first level read it."""
        if source not in self._own:
            self._own[source] = self._made(source, self._who)
        return self._own[source]

    def numbered(self, level: int, strategy: str, made: Offer, rule: AnyRule | None = None) -> tuple[int, Offer]:
        """The offer with its number among the parts."""
        self.parts.append(OfferedPart(level, strategy, made, rule))
        return len(self.parts) - 1, made

    def _offer(self, source: Source, who: Indices) -> Offer:
        return self._own[source] if source in self._own else self._made(source, who)

    def _made(self, source: Source, who: Indices) -> Offer:
        candidates = self._reader.candidates(source)
        return offer(candidates, self.judged, who, reach=self._reach, subjects=len(self._reader.subjects))


def _only(rule: AnyRule, judged: Judged) -> Judged:
    """What stands over the items of a promotion that no level offered: nothing moves, only what it means is left."""
    kept = [
        (r, code) for r, code in zip(judged.rules, judged.codes, strict=True) if isinstance(r.rule, Include | Exclude)
    ]
    return Judged(judged.item_code, tuple(r for r, _ in kept), tuple(code for _, code in kept), only=rule)
