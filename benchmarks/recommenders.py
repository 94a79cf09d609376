"""Our models on the Gowalla split of the LightGCN papers, beside the published figures.

All-ranking, top 20, training items left out. Most popular must come out at exactly .0416 / .0317: it proves
matrix, exclusion, lists and metrics. Settings below were chosen by ``--search`` on a validation part of train
(seeded, see ``gowalla.validation``); test was then read once with them. Validation scores, Recall@20 / NDCG@20:

- item_knn: bm25 k1 .2 b .2 .1775 / .1262, k1 1.2 b .75 .1561 / .1078, cosine .1643 / .1151
- rp3beta: alpha .6 beta .3 .2092 / .1466; alpha .5 .2083 / .1458, .7 .2087 / .1470; beta .2 .2045 / .1449, .4
  .2063 / .1447
- gf_cf, 256 factors: low_pass .2 .2031 / .1423, .3 .2001 / .1412; .3 is kept, as in the paper, to be compared
- bspm: 448 factors, low_pass .2, time 2.5 .2097 / .1496; low_pass .1 .2070 / .1478, .3 .2090 / .1482; time 2
  .2082 / .1485; 256 factors .2069 / .1475. The paper's settings win.
- als: 512 factors, 100, alpha 100 .2027 / .1410; 256 factors .1940 / .1332; 256, 60, alpha 30 .1907 / .1338
- blend of bspm and als 512: weights 1 : 1 .2192 / .1554, 1 : 2 .2214 / .1564, 1 : 3 .2206 / .1560; of bspm and
  als 256 1 : 2 .2195 / .1558

BPR was not searched.

Run: ``python -m benchmarks.recommenders [--search] [--only NAME ...] [--folder FOLDER]``.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import sparse

from benchmarks.gowalla import DATA, read, validation
from perso_pipeline.models import metrics
from perso_pipeline.models.names import LinearName
from perso_pipeline.models.protocol import InteractionMatrix, Recommender, TooLargeError
from perso_pipeline.models.recommenders.als import Als
from perso_pipeline.models.recommenders.blend import Blend
from perso_pipeline.models.recommenders.bpr import Bpr
from perso_pipeline.models.recommenders.bspm import Bspm
from perso_pipeline.models.recommenders.config import (
    AlsConfig,
    BlendConfig,
    BprConfig,
    BspmConfig,
    EaseConfig,
    GraphFilterConfig,
    ItemKnnConfig,
    PopularConfig,
    RandomConfig,
    Rp3betaConfig,
)
from perso_pipeline.models.recommenders.ease import Ease
from perso_pipeline.models.recommenders.gf_cf import GfCf
from perso_pipeline.models.recommenders.graph_filter import GraphFilter
from perso_pipeline.models.recommenders.item_knn import ItemKnn
from perso_pipeline.models.recommenders.popular import Popular
from perso_pipeline.models.recommenders.random_baseline import RandomBaseline
from perso_pipeline.models.recommenders.rp3beta import Rp3beta

K = 20
BATCH = 2048
# BARS leaderboard (reczoo/BARS, docs/Matching/leaderboard/gowalla_m1.csv); most popular: the shared data's README;
# BSPM-EM: Choi et al., SIGIR 2023.
PUBLISHED = {
    "most popular": (0.0416, 0.0317),
    "ItemCF": (0.1570, 0.1214),
    "MF-BPR": (0.1627, 0.1378),
    "SLIM": (0.1699, 0.1382),
    "EASE": (0.1765, 0.1467),
    "LightGCN": (0.1820, 0.1547),
    "GF-CF": (0.1849, 0.1518),
    "UltraGCN": (0.1862, 0.1580),
    "BSPM-EM": (0.1920, 0.1597),
}
ALS_512 = AlsConfig(factors=512, regularization=100, alpha=100, iterations=15, seed=1)
BSPM = BspmConfig(factors=448, low_pass=0.2, sharpening=2.5, seed=1)
Make = Callable[[], Recommender]
MODELS: dict[str, Make] = {
    "popular": lambda: Popular(PopularConfig(half_life_days=1)),
    "random": lambda: RandomBaseline(RandomConfig(seed=1)),
    "item_knn bm25 K=500": lambda: ItemKnn(ItemKnnConfig(weighting="bm25", neighbours=500, k1=0.2, b=0.2)),
    "item_knn cosine K=500": lambda: ItemKnn(ItemKnnConfig(weighting="cosine", neighbours=500)),
    "rp3beta": lambda: Rp3beta(Rp3betaConfig(alpha=0.6, beta=0.3, neighbours=500)),
    "ease": lambda: Ease(EaseConfig(regularization=80, max_gigabytes=5)),
    "gf_cf": lambda: GfCf(GraphFilterConfig(factors=256, low_pass=0.3, seed=1)),
    "bspm": lambda: Bspm(BSPM),
    "als 64": lambda: Als(AlsConfig(factors=64, regularization=20, alpha=40, iterations=15, seed=1)),
    "als 256": lambda: Als(AlsConfig(factors=256, regularization=100, alpha=100, iterations=15, seed=1)),
    "als 512": lambda: Als(ALS_512),
    "bpr 128": lambda: Bpr(BprConfig(factors=128, learning_rate=0.05, regularization=0.01, iterations=150, seed=1)),
}
# Name -> members by name in MODELS, with their name in BlendConfig, and weights.
BLENDS: dict[str, dict[str, tuple[LinearName, float]]] = {
    "blend bspm + 2 als": {"bspm": ("bspm", 1.0), "als 512": ("als", 2.0)},
}


def measure(model: Recommender, data: InteractionMatrix, test: sparse.csr_matrix) -> tuple[float, float]:
    """Recall@20 and NDCG@20 over everybody with test items."""
    people = np.flatnonzero(np.diff(test.indptr))
    recall, ndcg = [], []
    for start in range(0, len(people), BATCH):
        some = people[start : start + BATCH]
        values = metrics.accuracy(model.recommend(some, K, exclude=data.seen[some]), test[some], K)
        recall.append(values["recall"])
        ndcg.append(values["ndcg"])
    return float(np.concatenate(recall).mean()), float(np.concatenate(ndcg).mean())


def candidates(data: InteractionMatrix) -> Iterator[tuple[str, Recommender]]:
    """Fitted models with the settings that are compared; a spectrum is computed once and used by all that need it."""
    for weighting, k1, b in (("bm25", 0.2, 0.2), ("bm25", 1.2, 0.75), ("cosine", 1.2, 0.75)):
        config = ItemKnnConfig.model_validate({"weighting": weighting, "neighbours": 500, "k1": k1, "b": b})
        yield f"item_knn {weighting} k1 {k1} b {b}", ItemKnn(config).fit(data)
    for alpha, beta, neighbours in (
        (0.6, 0.3, 500),
        (0.5, 0.3, 500),
        (0.7, 0.3, 500),
        (0.6, 0.2, 500),
        (0.6, 0.4, 500),
    ):
        walk = Rp3betaConfig(alpha=alpha, beta=beta, neighbours=neighbours)
        yield f"rp3beta {alpha} {beta} {neighbours}", Rp3beta(walk).fit(data)
    spectra = {f: GfCf(GraphFilterConfig(factors=f, low_pass=0.3, seed=1)).fit(data).arrays() for f in (256, 448)}
    for low_pass in (0.2, 0.3):
        gf_cf = GfCf(GraphFilterConfig(factors=256, low_pass=low_pass, seed=1))
        yield f"gf_cf 256 {low_pass}", gf_cf.restore(spectra[256], data)
    for factors, low_pass, time_ in (
        (256, 0.2, 2.5),
        (448, 0.1, 2.5),
        (448, 0.2, 2.0),
        (448, 0.2, 2.5),
        (448, 0.3, 2.5),
    ):
        config = BspmConfig(factors=factors, low_pass=low_pass, sharpening=time_, seed=1)
        yield f"bspm {factors} {low_pass} {time_}", Bspm(config).restore(spectra[factors], data)
    bspm = Bspm(BSPM).restore(spectra[448], data)
    for factors, regularization, alpha in ((256, 100, 100), (256, 60, 30), (512, 100, 100)):
        settings = AlsConfig(factors=factors, regularization=regularization, alpha=alpha, iterations=15, seed=1)
        als = Als(settings).fit(data)
        yield f"als {factors} {regularization} {alpha}", als
        for weight in (1, 2, 3) if factors == 512 else (2,):
            members = {"bspm": bspm, "als": als}
            blend = Blend(BlendConfig(weights={"bspm": 1, "als": weight}), members)
            yield f"blend bspm + {weight} als {factors} {regularization} {alpha}", blend.restore(blend.arrays(), data)


def search(train: InteractionMatrix) -> None:
    data, held = validation(train)
    print("| on validation | Recall@20 | NDCG@20 |\n|---|---|---|")
    for name, model in candidates(data):
        recall, ndcg = measure(model, data, held)
        print(f"| {name} | {recall:.4f} | {ndcg:.4f} |", flush=True)


@dataclass
class Row:
    """A model of the table while it is measured."""

    name: str
    model: Recommender
    fit_seconds: float
    answer_seconds: float = 0.0
    recall: list[np.ndarray] = field(default_factory=list)
    ndcg: list[np.ndarray] = field(default_factory=list)


def remember(model: Recommender) -> None:
    """Let a member's scores of a block of people serve the blend too: a filter's block takes most of the time."""
    computed, blocks = model.scores, {}

    def scores(people: np.ndarray) -> np.ndarray:
        known = blocks.pop(people.tobytes(), None)
        if known is not None:
            return known
        block = computed(people)
        blocks[people.tobytes()] = block.copy()
        return block

    model.scores = scores


def fitted(train: InteractionMatrix, only: list[str]) -> Iterator[Row]:
    """Models one after the other, blends last, of the members that were fitted before."""
    rows: dict[str, Row] = {}
    blends = {name: members for name, members in BLENDS.items() if not only or name in only}
    members = {member for blend in blends.values() for member in blend}
    for name, make in MODELS.items():
        if only and name not in only and name not in members:
            continue
        model = make()
        started = time.perf_counter()
        try:
            model.fit(train)
        except TooLargeError as refusal:
            print(f"{name}: {refusal}\n")
            continue
        rows[name] = Row(name, model, time.perf_counter() - started)
        if name in members and isinstance(model, GraphFilter):
            remember(model)
        yield rows[name]
    for name, parts in blends.items():
        config = BlendConfig(weights=dict(parts.values()))
        blend = Blend(config, {short: rows[member].model for member, (short, _) in parts.items()})
        blend.restore(blend.arrays(), train)
        yield Row(name, blend, sum(rows[member].fit_seconds for member in parts))


def compare(train: InteractionMatrix, test: sparse.csr_matrix, only: list[str]) -> None:
    rows = list(fitted(train, only))
    people = np.flatnonzero(np.diff(test.indptr))
    for start in range(0, len(people), BATCH):
        some = people[start : start + BATCH]
        had = train.seen[some]
        for row in rows:
            started = time.perf_counter()
            values = metrics.accuracy(row.model.recommend(some, K, exclude=had), test[some], K)
            row.answer_seconds += time.perf_counter() - started
            row.recall.append(values["recall"])
            row.ndcg.append(values["ndcg"])
    print(f"| {'model':<22} | Recall@20 | NDCG@20 | fit s | answer s |\n|{'-' * 24}|---|---|---|---|")
    for name, (recall, ndcg) in PUBLISHED.items():
        print(f"| {name + ' (published)':<22} | {recall:.4f} | {ndcg:.4f} | | |")
    for row in rows:
        recall, ndcg = float(np.concatenate(row.recall).mean()), float(np.concatenate(row.ndcg).mean())
        print(f"| {row.name:<22} | {recall:.4f} | {ndcg:.4f} | {row.fit_seconds:.1f} | {row.answer_seconds:.1f} |")
        if row.name == "popular" and (round(recall, 4), round(ndcg, 4)) != PUBLISHED["most popular"]:
            sys.exit("Most popular differs from the published figure: the evaluation is wrong, not the models.")
    print(f"\nPeak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")
    print("A blend is fitted in the time of its members and takes their blocks of scores from them.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=DATA, help="holds train.parquet and test.parquet")
    parser.add_argument("--search", action="store_true", help="compare settings on a validation part of train")
    parser.add_argument("--only", nargs="+", default=[], choices=[*MODELS, *BLENDS], help="models to run")
    asked = parser.parse_args()
    if not (asked.folder / "train.parquet").is_file():
        sys.exit(f"{asked.folder / 'train.parquet'} is missing; give the folder that holds the Gowalla split.")
    train, test = read(asked.folder)
    print(
        f"Gowalla: {train.weights.shape[0]:,} people, {train.weights.shape[1]:,} items, {train.weights.nnz:,} pairs\n"
    )
    if asked.search:
        search(train)
    else:
        compare(train, test, asked.only)


if __name__ == "__main__":
    main()
