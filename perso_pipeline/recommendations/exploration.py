"""The exploring share of a scenario: some slots go to items still to be learnt about, with known chances.

An explored slot loses its item to one drawn evenly from the pool; nothing else moves, so that every chance is
exact: of the kept item 1 - p, of each item of the pool p / pool, where p is the slot's chance to be explored. Drawn
by night, scenario and subject alone, so that a night run twice, or in parts, gives the same lists. The pool and what
a subject may not see are the composer's to say; nothing here knows rules.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.recommendations.scenarios import Exploration

Indices = NDArray[np.int64]
_TRIES = 32


@dataclass(frozen=True, slots=True)
class Explored:
    """What became of every slot; aligned with the slots handed in.

    Attributes:
        drawn: position in the pool, -1 where the slot keeps its item.
        propensity: chance of what now stands in the slot to stand there.
    """

    drawn: Indices
    propensity: NDArray[np.float64]


def explore(
    config: Exploration,
    *,
    night: date,
    scenario_id: str,
    subjects: Sequence[str],
    subject: Indices,
    rank: Indices,
    pool: Sequence[str],
    forbidden: tuple[Indices, Indices],
) -> Explored:
    """Give a share of the slots of every list to items of one pool.

    A list of n slots below ``first_slots_kept`` gives away floor(share x n) of them, and one more with the chance of
    the rest; never more than the pool has for its subject. Which ones is drawn evenly.

    Args:
        config: The share and what stays.
        night: Part of the seed.
        scenario_id: Part of the seed.
        subjects: Id of each subject, part of the seed: its draw does not depend on who else is there.
        subject: Per slot, position in ``subjects``.
        rank: Per slot, from 1.
        pool: Item ids.
        forbidden: Positions in ``subjects`` and ``pool``: pairs that may not be drawn.
    """
    count, offered = len(subjects), len(pool)
    seeds = seeds_of(night, scenario_id, subjects)
    allowed = offered - np.bincount(forbidden[0], minlength=count)
    open_slots = rank > config.first_slots_kept
    slots = np.bincount(subject[open_slots], minlength=count)
    # never more than there is to draw, and so that the mean over draws is known
    whole = np.floor(config.share * slots).astype(np.int64)
    rest = config.share * slots - whole
    given = np.minimum(whole + (_uniform(seeds, 0) < rest), allowed)
    mean = rest * np.minimum(whole + 1, allowed) + (1 - rest) * np.minimum(whole, allowed)

    drawn = np.full(len(subject), -1, dtype=np.int64)
    places = np.flatnonzero(open_slots)
    key = _uniform(seeds[subject[places]] + rank[places].astype(np.uint64), 1)
    order = places[np.lexsort((key, subject[places]))]
    nth = _rank_within(subject[order])
    chosen = order[nth < given[subject[order]]]  # by subject
    taken = np.sort(forbidden[0] * max(offered, 1) + forbidden[1])
    for turn in range(int(given.max(initial=0))):
        slot = chosen[_rank_within(subject[chosen]) == turn]
        picked = _pick(seeds, subject[slot], offered, taken, turn)
        drawn[slot] = picked
        taken = np.sort(np.concatenate([taken, subject[slot] * offered + picked]))

    with np.errstate(divide="ignore", invalid="ignore"):
        chance = np.where(slots > 0, mean / slots, 0.0)[subject]
        propensity = np.where(drawn >= 0, chance / allowed[subject], 1.0 - chance)
    return Explored(drawn, np.where(open_slots, propensity, 1.0))


def _pick(seeds: NDArray[np.uint64], who: Indices, offered: int, taken: Indices, turn: int) -> Indices:
    """For each subject in ``who`` an item of the pool that is not taken, drawn evenly: drawn again while it is.

    Who finds nearly all taken draws from what is left, which comes to the same chances.
    """
    picked = np.full(len(who), -1, dtype=np.int64)
    waiting = np.arange(len(who))
    attempt = 0
    while len(waiting) and attempt < _TRIES:
        uniform = _uniform(seeds[who[waiting]] + np.uint64(turn << 32), 2 + attempt)
        item = np.minimum((uniform * offered).astype(np.int64), offered - 1)
        key = who[waiting] * offered + item
        at = np.searchsorted(taken, key)
        is_free = (at == len(taken)) | (taken[np.minimum(at, len(taken) - 1)] != key) if len(taken) else at == 0
        picked[waiting[is_free]] = item[is_free]
        waiting = waiting[~is_free]
        attempt += 1
    for place in waiting.tolist():
        own = taken[np.searchsorted(taken, who[place] * offered) : np.searchsorted(taken, (who[place] + 1) * offered)]
        left = np.setdiff1d(np.arange(offered), own - who[place] * offered)
        uniform = _uniform(seeds[[who[place]]] + np.uint64(turn << 32), 2 + attempt)[0]
        picked[place] = left[min(int(uniform * len(left)), len(left) - 1)]
    return picked


def seeds_of(night: date, scenario_id: str, subjects: Sequence[str]) -> NDArray[np.uint64]:
    """A number for each subject that depends on nothing but night, scenario and subject."""
    salt = f"{night.isoformat()}|{scenario_id}|".encode()
    marks = b"".join(hashlib.blake2b(salt + name.encode(), digest_size=8).digest() for name in subjects)
    return np.frombuffer(marks, dtype="<u8").astype(np.uint64)


def _uniform(seeds: NDArray[np.uint64], stream: int) -> NDArray[np.float64]:
    """splitmix64 of seed and stream as even numbers in [0, 1)."""
    mixed = seeds + np.uint64((stream + 1) * 0x9E3779B97F4A7C15 % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _rank_within(subject: Indices) -> Indices:
    """Place of each row among those of its subject, from 0; rows of a subject stand together."""
    place = np.arange(len(subject), dtype=np.int64)
    first = np.r_[True, subject[1:] != subject[:-1]] if len(subject) else np.zeros(0, dtype=bool)
    return place - np.maximum.accumulate(np.where(first, place, 0)) if len(subject) else place
