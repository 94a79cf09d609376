"""Candidates under the rules: what is off for whom, what scores higher or lower, what moves up or down.

Own lists are judged pair by pair. A shared list is judged once for all subjects about whom the rules know the same,
which are few. What filters, pages and caps take off depends on the list so far and is ``arrange``'s.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.recommendations.composition.candidates import NO_LIST, Candidates, Runs
from perso_pipeline.recommendations.composition.pairs import NOTHING, Codes, Indices
from perso_pipeline.recommendations.composition.rules import ActiveRule, AnyRule, of_kind
from perso_pipeline.recommendations.merchandising import Boost, Exclude, Include, Moved

MOST_ENTRIES = 20_000_000  # of shared lists under rules, about 1 GB; more are made for half of the subjects at a time


class TooManyEntriesError(Exception):
    """Shared lists differ too much between subjects to be made for all of them at once."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Rules with the code under which each stands in the rejections.

    Attributes:
        item_code: Of each item the code of what takes it off every list, ``NOTHING`` where nothing does.
        rules: Include, exclude, boost and bury rules.
        codes: Code of each of ``rules``.
        only: A rule: what it does not mean is off, and so is everything where it is not in force.
    """

    item_code: Codes
    rules: tuple[AnyRule, ...]
    codes: tuple[int, ...]
    only: AnyRule | None = None

    @property
    def all_rules(self) -> tuple[AnyRule, ...]:
        """Every rule that may tell one subject's list from another's."""
        return self.rules if self.only is None else (*self.rules, self.only)

    def off(self, subject: Indices, item: Indices) -> Codes:
        """What takes an item off by itself or by an include or exclude rule, for each pair."""
        off = self.item_code[item]
        for rule, code in zip(self.rules, self.codes, strict=True):
            if isinstance(rule.rule, Exclude):
                off = np.where(rule.applies(subject, item), np.minimum(off, np.uint8(code)), off)
            elif isinstance(rule.rule, Include):
                is_off = rule.in_force[subject] & ~rule.means(subject, item)
                off = np.where(is_off, np.minimum(off, np.uint8(code)), off)
        if self.only is not None:
            off = np.where(self.only.applies(subject, item), off, np.uint8(0))
        return off


@dataclass(frozen=True, slots=True)
class Offer:
    """What one source offers, in the order in which it is tried.

    Attributes:
        source: Where scores, makers and origins stand.
        item, score, off: Of each entry; ``off`` is a code, or ``NOTHING``.
        entry: Of each entry its position in the runs of ``source``.
        start, end: Subjects x lists read together: the entries of each.
    """

    source: Candidates
    item: Indices
    score: NDArray[np.float64]
    off: Codes
    entry: Indices
    start: Indices
    end: Indices


def offer(source: Candidates, judged: Judged, who: Indices, *, reach: int, subjects: int) -> Offer:
    """The source's candidates under the rules, for the subjects ``who``.

    What is off for good is told of the first ``reach`` entries of a shared list only: what lies below would never have
    stood in the list.

    Raises:
        TooManyEntriesError: shared lists would have more than ``MOST_ENTRIES``.
    """
    if source.lists is None:
        return _own(source, judged, who, subjects=subjects)
    return _shared(source, judged, who, reach=reach)


def _own(source: Candidates, judged: Judged, who: Indices, *, subjects: int) -> Offer:
    runs = source.runs
    length = np.zeros(subjects, np.int64)
    length[who] = np.diff(runs.bounds)[who]
    bounds = np.r_[0, np.cumsum(length)]
    subject = np.repeat(np.arange(subjects), length)
    entry = runs.bounds[subject] + np.arange(len(subject)) - bounds[subject]
    entry, score = _moved(runs, entry, subject, subject, judged)
    item = runs.item[entry]
    off = judged.off(subject, item)
    return Offer(source, item, score, off, entry, bounds[:-1].reshape(-1, 1), bounds[1:].reshape(-1, 1))


def _shared(source: Candidates, judged: Judged, who: Indices, *, reach: int) -> Offer:
    runs, lists = source.runs, source.lists
    assert lists is not None
    base, base_bounds = _worth_reading(runs, judged, reach)
    group = np.zeros(len(lists), np.int64)
    if any(rule.in_force[who].any() for rule in judged.all_rules):
        keys = np.column_stack([rule.key for rule in judged.all_rules])[who]
        group[who] = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
    groups = int(group.max(initial=0)) + 1
    mine = lists[who]
    has = mine != NO_LIST
    asked = (mine * groups + group[who][:, None])[has]
    used, first, position = np.unique(asked, return_index=True, return_inverse=True)
    example = np.broadcast_to(who[:, None], mine.shape)[has][first]  # one of the subjects that read it
    begin, length = base_bounds[used // groups], np.diff(base_bounds)[used // groups]
    if length.sum() > MOST_ENTRIES and len(who) > 1:
        raise TooManyEntriesError
    run = np.repeat(np.arange(len(used)), length)
    within = np.arange(len(run)) - np.repeat(np.cumsum(length) - length, length)
    entry, score = _moved(runs, base[begin[run] + within], run, example[run], judged)
    off = judged.off(example[run], runs.item[entry])
    kept = (off == NOTHING) | (within < reach)
    entry, score, off, run = entry[kept], score[kept], off[kept], run[kept]
    bounds = np.searchsorted(run, np.arange(len(used) + 1))
    start, end = (np.zeros(lists.shape, np.int64) for _ in range(2))
    rows = np.zeros(lists.shape, bool)
    rows[who] = has
    start[rows], end[rows] = bounds[position], bounds[position + 1]
    return Offer(source, runs.item[entry], score, off, entry, start, end)


def _worth_reading(runs: Runs, judged: Judged, reach: int) -> tuple[Indices, Indices]:
    """Entries of shared runs that any subject may come to, and the bounds of what is left of each run.

    Where something moves all may matter: what is off can move up, and counts as a place.
    """
    kept = np.ones(len(runs.item), bool)
    if not _moving(judged):
        within = np.arange(len(runs.item)) - np.repeat(runs.bounds[:-1], np.diff(runs.bounds))
        kept = (judged.item_code[runs.item] == NOTHING) | (within < reach)
    if judged.only is not None:
        kept &= judged.only.fixed[runs.item]
    return np.flatnonzero(kept), np.r_[0, np.cumsum(kept)][runs.bounds]


def _moving(judged: Judged) -> list[ActiveRule[Moved]]:
    return [rule for rule in of_kind(judged.rules, Moved) if rule.in_force.any()]


def _moved(
    runs: Runs, entry: Indices, run: Indices, subject: Indices, judged: Judged
) -> tuple[Indices, NDArray[np.float64]]:
    """Entries and scores in the order that boosts and buries give them, run by run.

    Factors first; then an item moves by the sum of its positions. Of two that come to one place the boosted stands
    before, the buried behind the one that was there.
    """
    moves = _moving(judged)
    if not moves:
        return entry, runs.score[entry]
    item, score = runs.item[entry], runs.score[entry]
    net, is_changed = np.zeros(len(entry), np.int64), np.zeros(len(entry), bool)
    for rule in moves:
        some = np.flatnonzero(rule.applies(subject, item))
        sign = 1 if isinstance(rule.rule, Boost) else -1
        if rule.rule.positions is not None:
            net[some] += sign * rule.rule.positions
        if rule.rule.factor is not None:
            # a score below nothing becomes better by being nearer to nothing
            is_multiplied = (score[some] >= 0) == (sign > 0)
            score[some] = np.where(is_multiplied, score[some] * rule.rule.factor, score[some] / rule.rule.factor)
            is_changed[some] = True
    order = _merged(run, score, item, is_changed)
    if net.any():
        moved = net[order]  # order keeps the runs where they are
        wide = 2 * int(np.abs(net).max()) + 1
        aim = np.arange(len(order)) + run * wide - moved  # runs do not reach into one another
        order = order[np.argsort(aim * 3 - np.sign(moved), kind="stable")]
    return entry[order], score[order]


def _merged(run: Indices, score: NDArray[np.float64], item: Indices, is_changed: NDArray[np.bool_]) -> Indices:
    """The order by run, score (greatest first) and item, where all but the changed entries are in order already.

    The few changed are sorted by themselves and put in by bisection: a third of the time of sorting all.
    """
    changed, rest = np.flatnonzero(is_changed), np.flatnonzero(~is_changed)
    if not len(changed):
        return rest
    changed = changed[np.lexsort((item[changed], -score[changed], run[changed]))]
    begins = np.searchsorted(run[rest], run[changed])
    low, high = begins, np.searchsorted(run[rest], run[changed], side="right")
    while (open_ := low < high).any():
        middle = (low + high) // 2
        other = rest[np.minimum(middle, len(rest) - 1)]
        mine = score[changed]
        is_before = (score[other] > mine) | ((score[other] == mine) & (item[other] < item[changed]))
        low = np.where(open_ & is_before, middle + 1, low)
        high = np.where(open_ & ~is_before, middle, high)
    order, is_free = np.empty(len(run), np.int64), np.ones(len(run), bool)
    places = low + np.arange(len(changed))
    order[places], is_free[places] = changed, False
    order[is_free] = rest
    return order


def only_meant(offer: Offer, rule: AnyRule, *, subjects: int) -> Offer:
    """The entries of own lists that a rule means and that nothing takes off by themselves, where it is in force."""
    length = (offer.end - offer.start)[:, 0]
    subject = np.repeat(np.arange(subjects), length)
    within = np.arange(len(subject)) - np.repeat(np.cumsum(length) - length, length)
    at = offer.start[subject, 0] + within
    kept = rule.applies(subject, offer.item[at]) & (offer.off[at] == NOTHING)
    at, subject = at[kept], subject[kept]
    bounds = np.searchsorted(subject, np.arange(subjects + 1))
    return Offer(
        offer.source,
        offer.item[at],
        offer.score[at],
        offer.off[at],
        offer.entry[at],
        bounds[:-1].reshape(-1, 1),
        bounds[1:].reshape(-1, 1),
    )
