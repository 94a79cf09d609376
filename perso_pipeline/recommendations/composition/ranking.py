"""Candidates under the rules: what is off for whom, what scores higher or lower, what moves up or down.

Own lists are judged pair by pair. A shared list is judged once for all subjects about whom the rules know the same,
which are few. What filters, pages and caps take off depends on the list so far and is ``arrange``'s.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.recommendations.composition.candidates import NO_LIST, Candidates, Runs
from perso_pipeline.recommendations.composition.pairs import NOTHING, Codes, Indices
from perso_pipeline.recommendations.composition.rules import AnyRule, of_kind
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
        return _own(source, judged, subjects)
    return _shared(source, judged, who, reach=reach)


def _own(source: Candidates, judged: Judged, subjects: int) -> Offer:
    runs = source.runs
    subject = np.repeat(np.arange(subjects), np.diff(runs.bounds))
    entry, score = _moved(runs, np.arange(len(runs.item)), subject, subject, judged)
    item = runs.item[entry]
    off = judged.off(subject, item)
    return Offer(source, item, score, off, entry, runs.bounds[:-1].reshape(-1, 1), runs.bounds[1:].reshape(-1, 1))


def _shared(source: Candidates, judged: Judged, who: Indices, *, reach: int) -> Offer:
    runs, lists = source.runs, source.lists
    assert lists is not None
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
    begin, length = runs.bounds[used // groups], np.diff(runs.bounds)[used // groups]
    if length.sum() > MOST_ENTRIES and len(who) > 1:
        raise TooManyEntriesError
    run = np.repeat(np.arange(len(used)), length)
    within = np.arange(len(run)) - np.repeat(np.cumsum(length) - length, length)
    entry, score = _moved(runs, begin[run] + within, run, example[run], judged)
    off = judged.off(example[run], runs.item[entry])
    kept = (off == NOTHING) | (within < reach)
    entry, score, off, run = entry[kept], score[kept], off[kept], run[kept]
    bounds = np.searchsorted(run, np.arange(len(used) + 1))
    start, end = (np.zeros(lists.shape, np.int64) for _ in range(2))
    rows = np.zeros(lists.shape, bool)
    rows[who] = has
    start[rows], end[rows] = bounds[position], bounds[position + 1]
    return Offer(source, runs.item[entry], score, off, entry, start, end)


def _moved(
    runs: Runs, entry: Indices, run: Indices, subject: Indices, judged: Judged
) -> tuple[Indices, NDArray[np.float64]]:
    """Entries and scores in the order that boosts and buries give them, run by run.

    Factors first; then an item moves by the sum of its positions. Of two that come to one place the boosted stands
    before, the buried behind the one that was there.
    """
    item, score = runs.item[entry], runs.score[entry]
    moves = [rule for rule in of_kind(judged.rules, Moved) if rule.in_force.any()]
    if not moves:
        return entry, score
    net = np.zeros(len(entry), np.int64)
    score = score.copy()
    for rule in moves:
        some = np.flatnonzero(rule.applies(subject, item))
        sign = 1 if isinstance(rule.rule, Boost) else -1
        if rule.rule.positions is not None:
            net[some] += sign * rule.rule.positions
        if rule.rule.factor is not None:
            # a score below nothing becomes better by being nearer to nothing
            is_multiplied = (score[some] >= 0) == (sign > 0)
            score[some] = np.where(is_multiplied, score[some] * rule.rule.factor, score[some] / rule.rule.factor)
    order = np.lexsort((item, -score, run))
    if net.any():
        place = np.arange(len(order)) - np.searchsorted(run, run)  # order keeps the runs where they are
        moved = net[order]
        order = order[np.lexsort((place, -np.sign(moved), place - moved, run))]
    return entry[order], score[order]


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
