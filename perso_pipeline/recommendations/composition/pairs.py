"""Sets of pairs of subject and item, asked for many pairs at once.

What a subject may not see is a few pairs among billions: sorted keys, and before them a table of bits that answers
most questions with no. Plain arrays; what a pair means is the caller's.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Codes = NDArray[np.uint8]

NOTHING = np.uint8(255)  # code of a pair that is not in the set
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


class Pairs:
    """(subject, item) -> code, the least where a pair was given several."""

    def __init__(self, parts: Sequence[tuple[Indices, Indices, int]], *, items: int) -> None:
        """``parts`` are subjects, items and the code of all these pairs; ``items`` bounds the item numbers."""
        self._items = np.int64(max(items, 1))
        keys = np.concatenate(
            [subject.astype(np.int64) * self._items + item for subject, item, _ in parts] or [np.zeros(0, np.int64)]
        )
        codes = np.concatenate(
            [np.full(len(subject), code, np.uint8) for subject, _, code in parts] or [np.zeros(0, np.uint8)]
        )
        order = np.lexsort((codes, keys))
        keys, codes = keys[order], codes[order]
        is_first = np.r_[True, keys[1:] != keys[:-1]] if len(keys) else np.zeros(0, bool)
        self._keys, self._codes = keys[is_first], codes[is_first]
        bits = int(np.clip(np.ceil(np.log2(len(self._keys) * 16 + 1)), 10, 27))
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, bool)
        self._table[self._place(self._keys)] = True

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def subjects(self) -> Indices:
        """Subject of each pair, ascending."""
        return self._keys // self._items

    @property
    def items(self) -> Indices:
        """Item of each pair, ascending within its subject."""
        return self._keys % self._items

    def codes(self, subject: Indices, item: Indices) -> Codes:
        """Code of each pair asked for, ``NOTHING`` where it is not in the set."""
        found = np.full(len(subject), NOTHING, np.uint8)
        if len(self._keys):
            keys = subject.astype(np.int64) * self._items + item
            maybe = np.flatnonzero(self._table[self._place(keys)])
            at = np.minimum(np.searchsorted(self._keys, keys[maybe]), len(self._keys) - 1)
            hit = self._keys[at] == keys[maybe]
            found[maybe[hit]] = self._codes[at[hit]]
        return found

    def _place(self, keys: Indices) -> Indices:
        return ((keys.astype(np.uint64) * _SPREAD) >> self._shift).astype(np.int64)
