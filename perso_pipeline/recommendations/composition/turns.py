"""Whose turn it is: the next candidate of each list from the sources of a level.

Sources take turns by their shares; of a source with several lists the best head is next. Whether a candidate may stand
in the list is ``arrange``'s.
"""

from collections.abc import Sequence

import numpy as np

from perso_pipeline.recommendations.composition.pairs import NOTHING, Codes, Indices
from perso_pipeline.recommendations.composition.ranking import Offer

EMPTY = -1


class Turns:
    """The sources of a level, which take turns by their shares; of a source with several lists the best head."""

    def __init__(self, sources: Sequence[tuple[int, float, Offer]], subjects: int) -> None:
        self.number = np.array([number for number, _, _ in sources], np.int16)
        self._offers = [offer for _, _, offer in sources]
        self._share = np.array([share for _, share, _ in sources], np.float64)
        self._at = [offer.start.copy() for offer in self._offers]
        self._taken = np.zeros((subjects, len(sources)), np.int64)

    @property
    def may_repeat(self) -> bool:
        """Whether one item may come up twice within the level."""
        return len(self._offers) > 1 or any(at.shape[1] > 1 for at in self._at)

    def next(self, who: Indices) -> tuple[Indices, Indices, Codes, Indices]:
        """Source, item, off and entry of each subject's next candidate; source EMPTY where there is none."""
        source = self._whose_turn(who)
        item, entry = np.zeros(len(who), np.int64), np.zeros(len(who), np.int64)
        off = np.full(len(who), NOTHING, np.uint8)
        for number, offer in enumerate(self._offers):
            mine = np.flatnonzero(source == number)
            at = self._head(number, who[mine])
            item[mine], off[mine], entry[mine] = offer.item[at], offer.off[at], at
            self._pass(number, who[mine], item[mine])
        return source, item, off, entry

    def took(self, who: Indices, source: Indices) -> None:
        if len(self._offers) > 1:
            self._taken[who, source] += 1

    def _whose_turn(self, who: Indices) -> Indices:
        """The source that lags behind its share most, of those that have something left."""
        left = np.column_stack(
            [(at[who] < offer.end[who]).any(axis=1) for at, offer in zip(self._at, self._offers, strict=True)]
        )
        if left.shape[1] == 1:
            return np.where(left[:, 0], 0, EMPTY)
        taken = self._taken[who]
        share = self._share / self._share.sum()
        lag = np.where(left, share[None, :] * (taken.sum(axis=1) + 1)[:, None] - taken, -np.inf)
        return np.where(left.any(axis=1), lag.argmax(axis=1), EMPTY)

    def _head(self, number: int, who: Indices) -> Indices:
        """Entry of the best head among the lists that a subject reads: the greatest score, then the first item."""
        at, offer = self._at[number], self._offers[number]
        if at.shape[1] == 1:
            return at[who, 0]
        heads = at[who]
        is_left = heads < offer.end[who]
        safe = np.where(is_left, heads, 0)
        score = np.where(is_left, offer.score[safe], -np.inf)
        best = score == score.max(axis=1, keepdims=True)
        item = np.where(is_left & best, offer.item[safe], np.iinfo(np.int64).max)
        return heads[np.arange(len(who)), item.argmin(axis=1)]

    def _pass(self, number: int, who: Indices, item: Indices) -> None:
        at, offer = self._at[number], self._offers[number]
        if at.shape[1] == 1:
            at[who, 0] += 1
            return
        heads = at[who]
        is_left = heads < offer.end[who]
        same = is_left & (offer.item[np.where(is_left, heads, 0)] == item[:, None])
        at[who] = heads + same
