"""All lists of a part filled side by side: each step looks at one candidate of every list that still has slots.

The order of precedence is here: what takes an item off (filters, include, exclude, repeat, page) > pin > variety >
promote > order of the candidates. Arrays in, arrays out; how the rows are written is ``rows``'s.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from perso_pipeline.recommendations.composition.pairs import NOTHING, Codes, Indices, Pairs
from perso_pipeline.recommendations.composition.ranking import Judged, Offer
from perso_pipeline.recommendations.composition.rules import AnyRule, Mask
from perso_pipeline.recommendations.composition.turns import EMPTY, Turns

PIN_PART = -2  # in place of a part that offers candidates: a pinned item


@dataclass(frozen=True, slots=True)
class Cap:
    """No more than ``at_most`` items of one value; ``value`` is a code per item, -1 where it has none."""

    in_force: Mask
    value: Indices
    at_most: int
    code: int


@dataclass(frozen=True, slots=True)
class Pinned:
    """An item for a slot (from 0)."""

    in_force: Mask
    item: Indices  # per subject: an id stands for one item per site; EMPTY where the site has none
    slot: int


@dataclass(frozen=True, slots=True)
class Promotion:
    """Slots (from 0) by which so many items that are meant must stand, and where more of them come from, in order."""

    rule: AnyRule
    slots: tuple[int, ...]
    offers: tuple[tuple[int, Offer], ...]  # with the number of the part


@dataclass(frozen=True, slots=True)
class Limits:
    """What takes a candidate off a list.

    Attributes:
        judged: By the item and by include and exclude rules.
        excluded: Pairs that filters and repeat rules take off, by code.
        page: Pairs that stand elsewhere on the page: of subject and family, or item, as ``page_key`` says.
        page_key: Of each item what ``page`` holds of it.
        family: Of each item its family where variants are off; None where they are not.
        variants_code: Code of a variant.
        context_families: Subjects x most: families of the subject's own items; -1 beyond.
        caps: Variety.
    """

    judged: Judged
    excluded: Pairs
    page: Pairs
    page_key: Indices
    family: Indices | None
    variants_code: int
    context_families: Indices
    caps: tuple[Cap, ...]


@dataclass(slots=True)
class Lists:
    """Lists being filled: slot by slot the item, the part that offered it and its entry there; what was taken off.

    A pinned item's entry is the number of the pin; at most ``pins`` items are tried before the first place.
    """

    size: int
    subjects: int
    pins: int
    item: Indices = field(init=False)
    part: Indices = field(init=False)
    entry: Indices = field(init=False)
    place: Indices = field(init=False)  # candidates looked at so far
    dropped: Indices = field(init=False)  # items taken off from the first places, beside the slots
    drops: Indices = field(init=False)
    rejected: list[tuple[Indices, Indices, Codes, Mask]] = field(default_factory=list)

    def __post_init__(self) -> None:
        shape = (self.subjects, self.size)
        self.item = np.full(shape, EMPTY, np.int32)
        self.dropped = np.full((self.subjects, self.size + self.pins), EMPTY, np.int32)
        self.part, self.entry = np.full(shape, EMPTY, np.int16), np.full(shape, EMPTY, np.int32)
        self.place, self.drops = (np.zeros(self.subjects, np.int64) for _ in range(2))

    def put(self, who: Indices, slot: Indices, item: Indices, part: Indices | int, entry: Indices | int) -> None:
        self.item[who, slot] = item
        self.part[who, slot] = part
        self.entry[who, slot] = entry

    def holds(self, who: Indices, item: Indices) -> Mask:
        """Whether the item stands in the list or was taken off from its first places."""
        found: Mask = (self.item[who] == item[:, None]).any(axis=1) | (self.dropped[who] == item[:, None]).any(axis=1)
        return found

    def reject(self, who: Indices, item: Indices, code: Codes, is_top: Mask) -> None:
        self.rejected.append((who, item, code, is_top))
        top = who[is_top]
        self.dropped[top, self.drops[top]] = item[is_top]
        self.drops[top] += 1


Asked = tuple[Indices, Sequence[tuple[int, float, Offer]]]  # subjects; number, share and offer of a level's sources


def fill(
    lists: Lists,
    who: Indices,
    levels: Sequence[Callable[[Indices], Iterable[Asked]]],
    limits: Limits,
    pins: Sequence[Pinned],
    promotions: Sequence[Promotion],
) -> None:
    """Fill the lists of the subjects ``who``.

    Args:
        lists: Empty for these subjects.
        who: Subjects.
        levels: Each gives its sources for subjects that have slots left, a piece of them at a time.
        limits: What takes a candidate off.
        pins: In order of precedence.
        promotions: In order of precedence.
    """
    filler = _Filler(lists, limits)
    filler.pin(who, pins)
    filler.reserve(who, promotions)
    for level in levels:
        for some, sources in level(filler.open(who)):
            filler.level(some, sources)
        filler.next_level()


class _Filler:
    def __init__(self, lists: Lists, limits: Limits) -> None:
        self._lists = lists
        self._limits = limits
        self._cursor = np.zeros(lists.subjects, np.int64)  # the slot that is filled next
        self._is_again = False  # whether an item may come up that was looked at before
        self._promotions: Sequence[Promotion] = ()
        self._kept_for = np.zeros((0, 0), np.int16)
        self._due = np.zeros((0, 0), np.int16)
        self._read: list[list[Indices]] = []

    def open(self, who: Indices) -> Indices:
        """Those who have slots left."""
        return who[self._cursor[who] < self._lists.size]

    def next_level(self) -> None:
        self._is_again = True

    def pin(self, who: Indices, pins: Sequence[Pinned]) -> None:
        for number, pin in enumerate(pins):
            some = who[pin.in_force[who] & (pin.item[who] != EMPTY)]
            item = pin.item[some]
            code = self._off(some, item, self._limits.judged.off(some, item), is_capped=False)
            is_off = (code != NOTHING) & ~self._lists.holds(some, item)
            self._lists.reject(some[is_off], item[is_off], code[is_off], np.ones(int(is_off.sum()), bool))
            is_free = (self._lists.item[some, pin.slot] == EMPTY) & (code == NOTHING) & ~self._lists.holds(some, item)
            self._lists.put(some[is_free], np.full(int(is_free.sum()), pin.slot), item[is_free], PIN_PART, number)
            self._is_again = True
        self._skip_pins(who)

    def reserve(self, who: Indices, promotions: Sequence[Promotion]) -> None:
        self._promotions = promotions
        if not promotions:
            return
        self._is_again = True
        shape = (self._lists.subjects, self._lists.size)
        self._kept_for, self._due = np.full(shape, EMPTY, np.int16), np.zeros(shape, np.int16)
        for number, promotion in enumerate(promotions):
            self._read.append([offer.start[:, 0].copy() for _, offer in promotion.offers])
            some = who[promotion.rule.in_force[who]]
            for nth, slot in enumerate(promotion.slots, start=1):
                is_free = (self._kept_for[some, slot] == EMPTY) & (self._lists.item[some, slot] == EMPTY)
                self._kept_for[some[is_free], slot] = number
                self._due[some[is_free], slot] = nth

    def level(self, who: Indices, sources: Sequence[tuple[int, float, Offer]]) -> None:
        lists, size = self._lists, self._lists.size
        turns = Turns(sources, lists.subjects)
        self._is_again |= turns.may_repeat
        active = self.open(who)
        while len(active):
            if self._promotions:
                self._promote(active)
                active = self.open(active)
            source, item, off, at = turns.next(active)
            has = source != EMPTY
            active, source, item, off, at = active[has], source[has], item[has], off[has], at[has]
            is_new = ~lists.holds(active, item) if self._is_again else np.ones(len(active), bool)
            lists.place[active] += is_new
            code = np.full(len(active), NOTHING, np.uint8)
            new = np.flatnonzero(is_new)
            code[new] = self._off(active[new], item[new], off[new])
            gone = is_new & (code != NOTHING)
            if gone.any():
                lists.reject(active[gone], item[gone], code[gone], lists.place[active[gone]] <= size)
            chosen = is_new & (code == NOTHING)
            taken = active[chosen]
            lists.put(taken, self._cursor[taken], item[chosen], turns.number[source[chosen]], at[chosen])
            turns.took(taken, source[chosen])
            self._advance(taken)
            active = self.open(active)

    def _promote(self, active: Indices) -> None:
        """Fill slots kept for promotions where they are next and too few such items stand above them."""
        waiting = active
        while True:
            waiting = self.open(waiting)
            waiting = waiting[self._kept_for[waiting, self._cursor[waiting]] != EMPTY]
            if not len(waiting):
                return
            slot = self._cursor[waiting]
            kept_for, due = self._kept_for[waiting, slot], self._due[waiting, slot]
            self._kept_for[waiting, slot] = EMPTY
            for number, promotion in enumerate(self._promotions):
                mine = np.flatnonzero(kept_for == number)
                short = self._standing(waiting[mine], slot[mine], promotion.rule) < due[mine]
                self._take(waiting[mine[short]], number)

    def _standing(self, who: Indices, slot: Indices, rule: AnyRule) -> Indices:
        """Items that a rule means among the slots before ``slot``."""
        items = self._lists.item[who].astype(np.int64)
        row, column = np.nonzero((np.arange(items.shape[1])[None, :] < slot[:, None]) & (items != EMPTY))
        meant = rule.means(who[row], items[row, column])
        return np.bincount(row[meant], minlength=len(who))

    def _take(self, who: Indices, number: int) -> None:
        """The next item of a promotion that may be shown goes into the slot; if there is none the slot stays free."""
        slot = self._cursor[who]
        for (part, offer), read in zip(self._promotions[number].offers, self._read[number], strict=True):
            asked = who
            while len(asked := asked[read[asked] < offer.end[asked, 0]]):
                at = read[asked]
                read[asked] += 1
                item = offer.item[at]
                is_new = ~(self._lists.item[asked] == item[:, None]).any(axis=1)
                fits = np.zeros(len(asked), bool)
                fits[is_new] = self._off(asked[is_new], item[is_new], offer.off[at[is_new]]) == NOTHING
                taken = asked[fits]
                self._lists.put(taken, self._cursor[taken], item[fits], part, at[fits])
                self._advance(taken)
                asked = asked[~fits]
            is_open = self._lists.item[who, slot] == EMPTY
            who, slot = who[is_open], slot[is_open]

    def _off(self, who: Indices, item: Indices, off: Codes, *, is_capped: bool = True) -> Codes:
        """What takes each candidate off its list, ``NOTHING`` where nothing does."""
        limits = self._limits
        code = np.minimum(off, limits.excluded.codes(who, item)) if len(limits.excluded) else off.copy()
        if len(limits.page):
            code = np.minimum(code, limits.page.codes(who, limits.page_key[item]))
        if limits.family is not None:
            free = np.flatnonzero(code == NOTHING)
            subject, family = who[free], limits.family[item[free]]
            shown = self._lists.item[subject]
            clash = ((limits.family[shown] == family[:, None]) & (shown != EMPTY)).any(axis=1)
            if limits.context_families.shape[1]:
                clash |= (limits.context_families[subject] == family[:, None]).any(axis=1)
            code[free[clash]] = limits.variants_code
        for cap in limits.caps if is_capped else ():
            free = np.flatnonzero((code == NOTHING) & cap.in_force[who] & (cap.value[item] != EMPTY))
            shown = self._lists.item[who[free]]
            alike = (cap.value[shown] == cap.value[item[free]][:, None]) & (shown != EMPTY)
            code[free[alike.sum(axis=1) >= cap.at_most]] = cap.code
        return code

    def _advance(self, who: Indices) -> None:
        self._cursor[who] += 1
        self._skip_pins(who)

    def _skip_pins(self, who: Indices) -> None:
        while True:
            who = self.open(who)
            who = who[self._lists.item[who, self._cursor[who]] != EMPTY]
            if not len(who):
                return
            self._cursor[who] += 1
