"""Who gets what there is not enough of: places of lists given out under a bound for every item.

Each slot of a list is expected to sell some pieces; what all slots of an item promise together stays within its
capacity. Arrays in, arrays out. Where candidates, expected demand and stock come from is not known here.

The problem is an assignment with side constraints; solved to its end it is a linear program over every list,
candidate and slot. The greedy below takes seconds for a million lists, and says by how much at most it misses the
optimum: the Lagrangian dual at any prices is an upper bound (Fisher 1981, Management Science 27), the prices are
moved by Polyak's subgradient steps.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Numbers = NDArray[np.float64]

UNITS = 1_000_000  # of a piece: whole numbers add up to the same in any order
NEAR = 0.001  # of the value: a bound nearer than that is not worth another step
UNBOUNDED = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """What lists could show; a row per candidate, lists one after another, the best candidate of each first.

    Attributes:
        list_no: List of each row, from 0, ascending.
        item: Item of each row, from 0; no item stands twice in a list.
        value: What it is worth to show it, at least 0 and never rising within a list.
        kind: Per list, its row in ``demand``.
        turn: Per list, who comes first of those who would miss an item alike: the lower number.
        demand: Per kind of list and slot, the pieces that the slot is expected to sell; never rising from slot to slot.
        capacity: Per item, pieces that may be promised; infinite where there is no bound.
    """

    list_no: Indices
    item: Indices
    value: Numbers
    kind: Indices
    turn: NDArray[np.uint64]
    demand: Numbers
    capacity: Numbers


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """Who shows what.

    Attributes:
        rank: Per candidate its slot from 1; 0 where it is not shown.
        is_refused: Per candidate, whether its turn came and its item had nothing left to promise.
        promised: Per item, pieces that its slots are expected to sell.
        wanted: Per item, the same had there been no bound.
        value: Sum over slots of expected pieces x value.
        value_wanted: The same had there been no bound.
        value_at_most: No allocation within the bounds has more.
    """

    rank: Indices
    is_refused: NDArray[np.bool_]
    promised: Numbers
    wanted: Numbers
    value: float
    value_wanted: float
    value_at_most: float

    @property
    def loss(self) -> float:
        """Share of the value that the bounds cost."""
        return 1 - self.value / self.value_wanted if self.value_wanted else 0.0

    @property
    def gap(self) -> float:
        """Share of the best possible value that this allocation misses at most."""
        return max(0.0, 1 - self.value / self.value_at_most) if self.value_at_most else 0.0


def allocate(candidates: Candidates, *, price_steps: int = 10) -> Allocation:
    """Fill slot after slot over all lists at once; an item that runs out goes to those who would miss it most.

    For each slot, every list proposes its best candidate left. Where an item is asked for beyond what it has left, the
    lists that lose most by taking their next candidate instead are served first; the others propose that one.

    Args:
        candidates: Lists and bounds.
        price_steps: Steps towards a tighter ``value_at_most``; each sorts the lists that a bound touches.
    """
    c = candidates
    lists = len(c.kind)
    starts = np.searchsorted(c.list_no, np.arange(lists + 1))
    at, ends = starts[:-1].copy(), starts[1:]
    rank = np.zeros(len(c.item), dtype=np.int64)
    is_refused = np.zeros(len(c.item), dtype=bool)
    units = np.ceil(c.demand * UNITS).astype(np.int64)
    left = np.floor(np.minimum(c.capacity * UNITS, UNBOUNDED)).astype(np.int64)
    has_next = np.r_[c.list_no[1:] == c.list_no[:-1], False] if len(c.item) else np.zeros(0, dtype=bool)
    missed = c.value - np.where(has_next, np.r_[c.value[1:], 0.0][: len(c.item)], 0.0)
    for slot in range(c.demand.shape[1]):
        asking = np.flatnonzero(at < ends)
        while len(asking):
            place = at[asking]
            is_given = _give(c.item[place], units[c.kind[asking], slot], missed[place], c.turn[asking], left)
            rank[place[is_given]] = slot + 1
            is_refused[place[~is_given]] = True
            at[asking] += 1
            asking = asking[~is_given]
            asking = asking[at[asking] < ends[asking]]
    promised = _promised(c, rank, units)
    first = np.minimum(np.arange(len(c.item)) - starts[c.list_no] + 1, c.demand.shape[1] + 1)
    unbounded = np.where(first <= c.demand.shape[1], first, 0)
    wanted = _promised(c, unbounded, units)
    value, value_wanted = _value(c, rank), _value(c, unbounded)
    at_most = _at_most(c, value=value, value_wanted=value_wanted, refused=is_refused, missed=missed, steps=price_steps)
    return Allocation(
        rank=rank, is_refused=is_refused, promised=promised, wanted=wanted, value=value, value_wanted=value_wanted,
        value_at_most=at_most,
    )  # fmt: skip


def _give(
    item: Indices, needed: Indices, missed: Numbers, turn: NDArray[np.uint64], left: Indices
) -> NDArray[np.bool_]:
    """Which of the proposals are met; takes what they need off ``left``."""
    asked = np.zeros(len(left), dtype=np.int64)
    np.add.at(asked, item, needed)
    is_given = (asked <= left)[item]
    np.subtract.at(left, item[is_given], needed[is_given])
    waiting = np.flatnonzero(~is_given)
    waiting = waiting[np.lexsort((turn[waiting], -missed[waiting], item[waiting]))]
    # who needs more than there is must not stand in the way of who needs less: again until nobody waiting fits
    while len(waiting := waiting[needed[waiting] <= left[item[waiting]]]):
        running = np.cumsum(needed[waiting])
        is_first = np.r_[True, item[waiting][1:] != item[waiting][:-1]]
        before = np.maximum.accumulate(np.where(is_first, running - needed[waiting], 0))
        fits = running - before <= left[item[waiting]]
        met, waiting = waiting[fits], waiting[~fits]
        is_given[met] = True
        np.subtract.at(left, item[met], needed[met])
    return is_given


def _promised(c: Candidates, rank: Indices, units: Indices) -> Numbers:
    shown = np.flatnonzero(rank)
    sums = np.zeros(len(c.capacity), dtype=np.int64)
    np.add.at(sums, c.item[shown], units[c.kind[c.list_no[shown]], rank[shown] - 1])
    return sums / UNITS


def _value(c: Candidates, rank: Indices) -> float:
    shown = np.flatnonzero(rank)
    return float(c.demand[c.kind[c.list_no[shown]], rank[shown] - 1] @ c.value[shown])


def _at_most(
    c: Candidates, *, value: float, value_wanted: float, refused: NDArray[np.bool_], missed: Numbers, steps: int
) -> float:
    """The least dual value found: prices of scarce items x their capacity + what lists earn beyond the prices.

    Items that nobody was refused have the price 0, and lists without a scarce item earn what they earn anyway.
    """
    is_scarce = np.zeros(len(c.capacity), dtype=bool)
    is_scarce[c.item[refused]] = True
    if not is_scarce.any():
        return value_wanted
    is_touched = np.zeros(len(c.kind), dtype=bool)
    is_touched[c.list_no[is_scarce[c.item]]] = True
    rows = np.flatnonzero(is_touched[c.list_no])
    list_no, item, worth = c.list_no[rows], c.item[rows], c.value[rows]
    demand, kind, slots = c.demand, c.kind[list_no], c.demand.shape[1]
    starts = np.searchsorted(list_no, list_no)

    def dual(price: Numbers) -> tuple[float, Numbers]:
        """What the touched lists earn beyond the prices, and the pieces of each item that they then take."""
        beyond = worth - price[item]
        # one key, and stable: most lists are in order already, which takes a tenth of sorting by two keys
        widest = 2 * float(np.abs(beyond).max()) + 1e-300
        order = np.argsort(list_no - beyond / widest, kind="stable")
        place = np.arange(len(order)) - starts  # list_no is ascending, so lists keep their places
        taken = (place < slots) & (beyond[order] > 0)
        pieces = demand[kind[order][taken], place[taken]]
        used = np.zeros(len(price))
        np.add.at(used, item[order][taken], pieces)
        return float(pieces @ beyond[order][taken]), used

    price = np.zeros(len(c.capacity))
    untouched = value_wanted - dual(price)[0]
    np.maximum.at(price, c.item[refused], missed[refused])
    bound = np.where(is_scarce, c.capacity, 0.0)
    best = value_wanted
    for _ in range(steps):
        beyond, taken = dual(price)
        total = untouched + beyond + float(price @ bound)
        best = min(best, total)
        excess = np.where(is_scarce, taken - bound, 0.0)
        excess[(price == 0) & (excess < 0)] = 0.0
        length = float(excess @ excess)
        if length == 0 or best - value <= NEAR * best:
            break
        price = np.maximum(0.0, price + (total - value) / length * excess)
    return max(best, value)
