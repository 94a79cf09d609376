"""Connected components of a graph whose links come and go, for every night at once.

Arrays in, arrays out: what is an identifier and what joins two is decided in ``links``.

A component is computed anew on each night on which something in it changes, and on no other. All those
(component, night) slices are laid side by side as one block-diagonal graph, so that one call of
``scipy.sparse.csgraph`` serves them all: no loop over nights or components, and no rounds to convergence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NEVER = np.iinfo(np.int64).max
_COPIES = 4_000_000  # identifiers times slices at a time: about 0.6 GB


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Identifiers are 0, 1, ... in the order in which they take precedence as root; days count from 1970."""

    known_on: Ints  # by identifier: first day it exists
    one: Ints  # by link
    other: Ints
    confidence: Floats  # by link, 0 to 1
    since: Ints  # by link: first day it holds
    until: Ints  # by link: first day it no longer holds, or NEVER


@dataclass(frozen=True, kw_only=True)
class Stretches:
    """Rows by identifier and day: whose component it is in (its root) from ``since`` to before ``until``."""

    identifier: Ints
    root: Ints
    confidence: Floats  # of the weakest link on the surest way to the root; 1 for the root itself
    since: Ints
    until: Ints


def trace(graph: Graph, *, apart: Sequence[tuple[int, int]] = ()) -> Stretches:
    """Follow every identifier's component from the day it is first known on.

    Args:
        graph: identifiers and dated links.
        apart: pairs that may not be in one component; the least trusted, then latest links give way.
    """
    n = len(graph.known_on)
    ever = _labels(n, graph.one, graph.other)
    size = np.bincount(ever, minlength=int(ever.max(initial=-1)) + 1)
    alone = np.flatnonzero(size[ever] == 1)
    parts = [(alone, graph.known_on[alone], alone, np.ones(len(alone)))]
    slices = _Slices(graph, ever, size)
    pairs = [(a, b) for a, b in apart if ever[a] == ever[b]]
    parts += [slices.resolve(rows, pairs) for rows in slices.batches()]
    return _joined(*(np.concatenate([part[i] for part in parts]) for i in range(4)))


class _Slices:
    """Every (component, day) on which something changes, and what stands in it."""

    def __init__(self, graph: Graph, ever: Ints, size: Ints) -> None:
        self._graph, self._ever = graph, ever
        of_link = ever[graph.one]
        self._by_component = np.argsort(ever, kind="stable")  # within a component in order of precedence
        self._place = np.empty(len(ever), dtype=np.int64)  # of an identifier within its component
        starts = np.concatenate([[0], np.cumsum(size)])
        self._place[self._by_component] = np.arange(len(ever)) - np.repeat(starts[:-1], size)
        self._first, self._size = starts[:-1], size
        self._links = np.argsort(of_link, kind="stable")
        self._link_count = np.bincount(of_link, minlength=len(size))
        self._link_first = np.concatenate([[0], np.cumsum(self._link_count)])[:-1]

        joined = size[ever] > 1
        ends = graph.until < NEVER
        component = np.concatenate([ever[joined], of_link, of_link[ends]])
        day = np.concatenate([graph.known_on[joined], graph.since, graph.until[ends]])
        low = int(day.min(initial=0))
        span = int(day.max(initial=0)) - low + 1
        keys = np.unique(component * span + day - low)
        self.component, self.day = keys // span, keys % span + low

    def batches(self) -> Iterator[slice]:
        """Slices in runs that fit in memory."""
        copies = np.cumsum(self._size[self.component] + self._link_count[self.component])
        low = 0
        while low < len(copies):
            done = int(copies[low - 1]) if low else 0
            high = max(low + 1, int(np.searchsorted(copies, done + _COPIES)))
            yield slice(low, high)
            low = high

    def resolve(self, rows: slice, apart: Sequence[tuple[int, int]]) -> tuple[Ints, Ints, Ints, Floats]:
        """Identifier, day, root and confidence of everybody who exists in these slices."""
        graph, component, day = self._graph, self.component[rows], self.day[rows]
        sizes = self._size[component]
        offset = np.concatenate([[0], np.cumsum(sizes)])[:-1]
        node = self._by_component[_ranges(self._first[component], sizes)]
        at = np.repeat(day, sizes)
        counts = self._link_count[component]
        link = self._links[_ranges(self._link_first[component], counts)]
        where = np.repeat(np.arange(len(component)), counts)
        holds = (graph.since[link] <= day[where]) & (graph.until[link] > day[where])
        link, where = link[holds], where[holds]
        one = offset[where] + self._place[graph.one[link]]
        other = offset[where] + self._place[graph.other[link]]
        label = _labels(len(node), one, other)
        if apart:
            kept = self._kept(label, offset, component, link, one, other, apart)
            one, other, link = one[kept], other[kept], link[kept]
            label = _labels(len(node), one, other)
        root = np.empty(int(label.max(initial=-1)) + 1, dtype=np.int64)
        root[label[::-1]] = np.arange(len(node))[::-1]  # of those with one label the first comes last and stays
        confidence = _surest(label, root, one, other, graph.confidence[link])
        exists = graph.known_on[node] <= at
        return node[exists], at[exists], node[root[label[exists]]], confidence[exists]

    def _kept(
        self, label: Ints, offset: Ints, component: Ints, link: Ints, one: Ints, other: Ints,
        apart: Sequence[tuple[int, int]],
    ) -> Bools:  # fmt: skip
        """Links left when the pairs are kept apart; False for those that give way."""
        graph = self._graph
        split: dict[int, list[tuple[int, int]]] = {}
        for a, b in apart:
            for place in offset[component == self._ever[a]]:
                pair = int(place + self._place[a]), int(place + self._place[b])
                if label[pair[0]] == label[pair[1]]:
                    split.setdefault(int(label[pair[0]]), []).append(pair)
        kept = np.ones(len(link), dtype=bool)
        for number, pairs in split.items():
            rows = np.flatnonzero(label[one] == number)
            best = np.lexsort((graph.other[link[rows]], graph.one[link[rows]], graph.since[link[rows]],
                               -graph.confidence[link[rows]]))  # fmt: skip
            rows = rows[best]
            kept[rows] = _apart(one[rows].tolist(), other[rows].tolist(), pairs)
        return kept


def _apart(one: Sequence[int], other: Sequence[int], pairs: Sequence[tuple[int, int]]) -> list[bool]:
    """Take links in order; refuse each that would bring a pair together (Kruskal's algorithm with a veto)."""
    parent: dict[int, int] = {}

    def find(x: int) -> int:
        while parent.setdefault(x, x) != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    taken = []
    for a, b in zip(one, other, strict=True):
        ends = {find(a), find(b)}
        is_vetoed = len(ends) > 1 and any({find(c), find(d)} == ends for c, d in pairs)
        if not is_vetoed:
            parent[find(a)] = find(b)
        taken.append(not is_vetoed)
    return taken


def _surest(label: Ints, root: Ints, one: Ints, other: Ints, confidence: Floats) -> Floats:
    """The weakest link on the surest way to the root: the highest level whose links alone lead there."""
    found = np.ones(len(label))
    way = root[label]
    open_ = np.flatnonzero(way != np.arange(len(label)))
    for level in np.unique(confidence)[::-1]:
        if len(open_) == 0:
            break
        sure = confidence >= level
        at_level = label if sure.all() else _labels(len(label), one[sure], other[sure])
        reached = at_level[open_] == at_level[way[open_]]
        found[open_[reached]] = level
        open_ = open_[~reached]
    return found


def _labels(n: int, one: Ints, other: Ints) -> Ints:
    """Component number of each of ``n`` nodes."""
    ones = np.ones(len(one), dtype=np.int8)
    _, labels = connected_components(coo_array((ones, (one, other)), shape=(n, n)), directed=False)
    return labels.astype(np.int64)


def _ranges(starts: Ints, counts: Ints) -> Ints:
    """``starts[i], starts[i] + 1, ...``, ``counts[i]`` of them, one after another."""
    ends = np.cumsum(counts)
    return np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(starts - ends + counts, counts)


def _joined(identifier: Ints, day: Ints, root: Ints, confidence: Floats) -> Stretches:
    """Days on which nothing changed for an identifier, put together."""
    order = np.lexsort((day, identifier))
    identifier, day, root, confidence = identifier[order], day[order], root[order], confidence[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = identifier[1:] != identifier[:-1]
    changed = new.copy()
    changed[1:] |= (root[1:] != root[:-1]) | (confidence[1:] != confidence[:-1])
    rows = np.flatnonzero(changed)
    until = np.full(len(rows), NEVER)
    until[:-1] = np.where(new[rows[1:]], NEVER, day[rows[1:]])
    return Stretches(
        identifier=identifier[rows], root=root[rows], confidence=confidence[rows], since=day[rows], until=until
    )
