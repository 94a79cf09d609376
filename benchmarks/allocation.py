"""Allocation of scarce items over a million lists: seconds, memory, loss, and how far from the optimum at most.

Run: ``python benchmarks/allocation.py [people]`` (default 1,000,000). Lists of 12 slots with 12 candidates to spare over
40,000 items; popular items stand on many lists, stock is even, so that they run out.
"""

import resource
import sys
import time

import numpy as np

from perso_pipeline.recommendations.allocation import Candidates, allocate

SLOTS, SPARE, ITEMS = 12, 12, 40_000


def problem(people: int) -> Candidates:
    """Candidates drawn by Zipf's law without repeats, scores falling by place, stock of 1 to 60 pieces."""
    rng = np.random.default_rng(1)
    offered = SLOTS + SPARE
    weight = 1 / np.arange(1, ITEMS + 1) ** 0.7
    drawn = np.searchsorted(np.cumsum(weight) / weight.sum(), rng.random((people, offered + 8))).astype(np.int32)
    drawn.sort(axis=1)
    keep = np.r_["1", np.ones((people, 1), bool), drawn[:, 1:] != drawn[:, :-1]]
    keep &= np.cumsum(keep, axis=1) <= offered
    score = np.where(keep, rng.random(drawn.shape, dtype=np.float32), -1)
    order = np.argsort(-score, axis=1)[:, :offered]
    item, score = np.take_along_axis(drawn, order, 1), np.take_along_axis(score, order, 1)
    shown = score >= 0
    list_no = np.broadcast_to(np.arange(people)[:, None], score.shape)[shown]
    return Candidates(
        list_no=list_no.astype(np.int64),
        item=item[shown].astype(np.int64),
        value=score[shown].astype(np.float64),
        kind=np.zeros(people, dtype=np.int64),
        demand=(0.01 / np.log2(np.arange(SLOTS) + 2))[None, :],
        capacity=rng.integers(1, 60, ITEMS).astype(np.float64),
    )


def main(people: int) -> None:
    candidates = problem(people)
    print(f"{people:,} lists, {len(candidates.item):,} candidates, {ITEMS:,} items")
    wall, cpu = time.perf_counter(), time.process_time()
    found = allocate(candidates)
    seconds, spent = time.perf_counter() - wall, time.process_time() - cpu
    over = int((found.wanted > candidates.capacity).sum())
    print(f"{over:,} items wanted beyond their stock, {found.is_refused.sum():,} candidates refused")
    print(f"loss {found.loss:.2%} of the score, at most {found.gap:.2%} from the best possible")
    print(f"most promised of any item: {(found.promised / candidates.capacity).max():.6f} of its stock")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{seconds:.1f} s, {spent:.1f} CPU s, peak {peak:.1f} GB with the problem")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
