"""Lists for everybody from ALS: our class beside implicit called directly, in the same run, in the same batches.

Factors are drawn, not learnt: the time to answer does not depend on what they say. Every person has bought some
items, which no list may hold. Run: ``python -m benchmarks.recommend_all [--people N] [--items N]``.
"""

import argparse
import resource
import time
from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
from scipy import sparse

from perso_pipeline.models.protocol import InteractionMatrix
from perso_pipeline.models.recommenders.als import Als
from perso_pipeline.models.recommenders.config import AlsConfig
from perso_pipeline.models.recommenders.factors import one_blas_thread

K = 50
BATCH = 4096
HAD = 20
FACTORS = 64


def made(people: int, items: int) -> InteractionMatrix:
    """Everybody has ``HAD`` items, drawn with a popularity that falls like 1 / rank."""
    rng = np.random.default_rng(1)
    chances = 1.0 / np.arange(1, items + 1)
    columns = rng.choice(items, size=people * HAD, p=chances / chances.sum())
    rows = np.repeat(np.arange(people), HAD)
    weights = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(people, items))
    weights.sum_duplicates()
    weights.sort_indices()
    return InteractionMatrix(
        weights=weights,
        people=np.array([f"{n:08d}" for n in range(people)]),
        items=np.array([f"{n:08d}" for n in range(items)]),
        last_age_days=np.ones(weights.nnz, dtype=np.int32),
        daily_people=sparse.csr_matrix((items, 2)),
        as_of=date(2026, 1, 1),
        fingerprint="drawn",
    )


def timed(answers: Sequence[Callable[[np.ndarray], object]], people: int) -> list[float]:
    """Seconds of each over all batches; they take turns, so that a busy moment of the machine meets both."""
    seconds = [0.0] * len(answers)
    for start in range(0, people, BATCH):
        some = np.arange(start, min(start + BATCH, people))
        for place, answer in enumerate(answers):
            started = time.perf_counter()
            answer(some)
            seconds[place] += time.perf_counter() - started
    return seconds


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=400_000)
    parser.add_argument("--items", type=int, default=40_000)
    asked = parser.parse_args()
    data = made(asked.people, asked.items)
    rng = np.random.default_rng(2)
    factors = {
        name: rng.normal(size=(count, FACTORS)).astype(np.float32)
        for name, count in (("user_factors", asked.people), ("item_factors", asked.items))
    }
    ours = Als(AlsConfig(factors=FACTORS, regularization=20, alpha=1, iterations=1, seed=1)).restore(factors, data)

    from implicit.cpu.als import AlternatingLeastSquares

    with one_blas_thread():  # without, it warns; with BLAS threads inside its own it is up to ten times slower
        theirs = AlternatingLeastSquares(factors=FACTORS)
    theirs.user_factors, theirs.item_factors = factors["user_factors"], factors["item_factors"]
    had, seen = data.weights.astype(np.float32), data.seen

    def direct(people: np.ndarray) -> None:
        with one_blas_thread():
            theirs.recommend(people, had[people], N=K, filter_already_liked_items=True)

    print(f"{asked.people:,} people x {asked.items:,} items, top {K}, what they had left out, batches of {BATCH:,}")
    before = peak()
    bare, own = timed([direct, lambda people: ours.recommend(people, K, exclude=seen[people])], asked.people)
    print(f"| implicit directly | {bare:.1f} s | |\n| our Als           | {own:.1f} s | {own / bare:.2f} x |")
    print(f"Peak memory {peak():.1f} GB, of which answering took {peak() - before:.2f} GB.")


if __name__ == "__main__":
    main()
