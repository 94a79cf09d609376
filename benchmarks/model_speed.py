"""Fit, answers and memory of every model, beside implicit called directly on the same matrix in the same run.

People and items are drawn: popularity falls like 1 / rank, and half of a person's items come from one of 50
groups, so that there is something to learn. Everybody is asked for the 50 best, without what they had. Each line is a
process of its own, one after the other; memory is its peak, with the matrix in it.

    python -m benchmarks.model_speed [--interactions 1000000 10000000] [--models als bpr ...]
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.installation import print_table
from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.models.config import ModelsConfig
from perso_pipeline.models.protocol import KINDS, InteractionMatrix, Journal, TooLargeError
from perso_pipeline.models.recommenders.factors import one_blas_thread
from perso_pipeline.models.recommenders.neighbours import damped
from perso_pipeline.models.roster import READS_CATALOGUE, READS_EVENTS, build
from perso_pipeline.settings import PROJECT_ROOT

K = 50
BATCH = 4096
PER_PERSON = 25
AS_OF = date(2026, 11, 1)
GROUPS = 50
DAYS = 60
THREADS = 2
DIRECT = {"als": "implicit als", "bpr": "implicit bpr", "item_knn": "implicit bm25"}
MODELS = (
    "popular", "trending", "item_knn", "rp3beta", "als", "bpr", "ease", "gf_cf", "bspm",
    "co_visitation", "bought_together", "viewed_then_bought", "session",
)  # fmt: skip


def drawn(interactions: int) -> InteractionMatrix:
    """About ``interactions`` distinct pairs, with a journal of one event per pair."""
    people, items = interactions // PER_PERSON, 10_000 if interactions <= 1_000_000 else 40_000
    rng = np.random.default_rng(1)
    chances = 1.0 / np.arange(1, items + 1)
    person = np.repeat(np.arange(people), PER_PERSON)
    item = rng.choice(items, size=len(person), p=chances / chances.sum())
    own = rng.random(len(person)) < 0.5
    item[own] = (item[own] // GROUPS * GROUPS + person[own] % GROUPS).clip(max=items - 1)
    pairs = np.unique(person * items + item)
    person, item = pairs // items, pairs % items
    weights = sparse.csr_matrix((rng.integers(1, 9, len(pairs)).astype(np.float64), (person, item)), (people, items))
    age = rng.integers(1, DAYS + 1, len(pairs))
    day = (AS_OF - date(1970, 1, 1)).days - age
    second = day * 86400 + rng.integers(0, 4, len(pairs)) * 21600  # four visits a day, so that some share one
    order = np.lexsort((item, second, person))
    kind = rng.choice(len(KINDS), size=len(pairs), p=[0.8, 0.1, 0.1]).astype(np.int8)
    return InteractionMatrix(
        weights=weights,
        people=np.array([f"{n:08d}" for n in range(people)]),
        items=np.array([f"{n:08d}" for n in range(items)]),
        last_age_days=age.astype(np.int32),
        daily_people=sparse.csr_matrix((np.ones(len(pairs)), (item, age)), shape=(items, DAYS + 1)),
        as_of=AS_OF,
        fingerprint="drawn",
        journal=Journal(person[order], item[order], day[order], second[order], kind[order]),
    )


def ours(name: str, data: InteractionMatrix) -> tuple[Callable[[], object], Callable[[np.ndarray], object]]:
    config = read_config(PROJECT_ROOT / "config" / "models.yml", ModelsConfig)
    model = build(config, threads=THREADS, names=[name])[name]
    seen = data.seen
    return lambda: model.fit(data), lambda people: model.recommend(people, K, seen[people])


def direct(name: str, data: InteractionMatrix) -> tuple[Callable[[], object], Callable[[np.ndarray], object]]:
    """Implicit as its own documentation calls it, with the settings of config/models.yml."""
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.cpu.bpr import BayesianPersonalizedRanking
    from implicit.nearest_neighbours import BM25Recommender

    config = read_config(PROJECT_ROOT / "config" / "models.yml", ModelsConfig)
    with one_blas_thread():
        model: Any = {
            "als": lambda: AlternatingLeastSquares(
                factors=config.als.factors, regularization=config.als.regularization, alpha=config.als.alpha,
                iterations=config.als.iterations, num_threads=THREADS, random_state=1,
            ),
            "bpr": lambda: BayesianPersonalizedRanking(
                factors=config.bpr.factors, learning_rate=config.bpr.learning_rate,
                regularization=config.bpr.regularization, iterations=config.bpr.iterations, num_threads=1, random_state=1,
            ),
            "item_knn": lambda: BM25Recommender(
                K=config.item_knn.neighbours + 1, K1=config.item_knn.k1, B=config.item_knn.b, num_threads=THREADS
            ),
        }[name]()  # fmt: skip
    history = damped(data).astype(np.float32) if name == "item_knn" else data.weights.astype(np.float32)

    def fit() -> None:
        with one_blas_thread():
            model.fit(history, show_progress=False)

    def answer(people: np.ndarray) -> None:
        with one_blas_thread():
            model.recommend(people, history[people], N=K, filter_already_liked_items=True)

    return fit, answer


def child(name: str, interactions: int, *, is_direct: bool) -> dict[str, float | str]:
    data = drawn(interactions)
    before = _peak()
    fit, answer = (direct if is_direct else ours)(name, data)
    started = time.perf_counter()
    try:
        fit()
    except TooLargeError as refusal:
        return {"refusal": str(refusal)}
    fitted = time.perf_counter()
    people = len(data.people)
    for start in range(0, people, BATCH):
        answer(np.arange(start, min(start + BATCH, people)))
    ended = time.perf_counter()
    return {"fit": fitted - started, "answer": ended - fitted, "peak": _peak(), "data": before}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interactions", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--child", choices=("ours", "direct"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(child(asked.models[0], asked.interactions[0], is_direct=asked.child == "direct")))
        return
    for interactions in asked.interactions:
        rows = []
        for model in asked.models:
            own = _measured(model, interactions, "ours")
            bare = _measured(model, interactions, "direct") if model in DIRECT else None
            rows.append(_row(model, own, bare))
            if bare:
                rows.append(_row(DIRECT[model], bare, None))
        items = 10_000 if interactions <= 1_000_000 else 40_000
        print(f"\n{interactions:,} interactions drawn, {interactions // PER_PERSON:,} people, {items:,} items, top {K}")
        header = ("model", "fit s", "x direct", "answers s", "x direct", "people/s", "peak GB", "of it data")
        print_table(header, [row if len(row) > 2 else (*row, "", "", "", "", "", "") for row in rows])
    print(f"\nReads events: {', '.join(sorted(READS_EVENTS & set(MODELS)))}. Not here, for want of a catalogue: "
          f"{', '.join(sorted(READS_CATALOGUE))}.")  # fmt: skip


def _measured(model: str, interactions: int, which: str) -> dict[str, Any]:
    command = [
        sys.executable, "-W", "ignore", "-m", "benchmarks.model_speed",
        "--child", which, "--models", model, "--interactions", str(interactions),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT_ROOT)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    return {"people": interactions // PER_PERSON} | json.loads(done.stdout.splitlines()[-1])


def _row(name: str, measured: dict[str, Any], bare: dict[str, Any] | None) -> tuple[str, ...]:
    if "refusal" in measured:
        return (name, "refused")
    return (
        name,
        f"{measured['fit']:.1f}",
        f"{measured['fit'] / bare['fit']:.2f}" if bare else "",
        f"{measured['answer']:.1f}",
        f"{measured['answer'] / bare['answer']:.2f}" if bare else "",
        f"{measured['people'] / measured['answer']:,.0f}",
        f"{measured['peak']:.1f}",
        f"{measured['data']:.1f}",
    )


if __name__ == "__main__":
    main()
