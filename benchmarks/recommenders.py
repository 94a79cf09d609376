"""Our models on the Gowalla split of the LightGCN papers, beside the published figures.

All-ranking, top 20, training items left out. Most popular must come out at exactly .0416 / .0317: it proves
matrix, exclusion, lists and metrics. Run: ``python -m benchmarks.recommenders [folder with train.parquet]``.
"""

import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import sparse

from perso_pipeline.models import metrics
from perso_pipeline.models.als import Als
from perso_pipeline.models.config import AlsConfig, ItemKnnConfig, PopularConfig, RandomConfig
from perso_pipeline.models.item_knn import ItemKnn
from perso_pipeline.models.popular import Popular
from perso_pipeline.models.protocol import InteractionMatrix, Recommender
from perso_pipeline.models.random_baseline import RandomBaseline

DATA = Path("/work/shared/data/gowalla_lightgcn")
K = 20
BATCH = 2048
# BARS leaderboard (reczoo/BARS, docs/Matching/leaderboard/gowalla_m1.csv); most popular: the shared data's README.
PUBLISHED = {
    "most popular": (0.0416, 0.0317),
    "ItemCF": (0.1570, 0.1214),
    "MF-BPR": (0.1627, 0.1378),
    "SLIM": (0.1699, 0.1382),
    "EASE": (0.1765, 0.1467),
    "LightGCN": (0.1820, 0.1547),
    "GF-CF": (0.1849, 0.1518),
    "UltraGCN": (0.1862, 0.1580),
}
MODELS: dict[str, Recommender] = {
    "popular": Popular(PopularConfig(half_life_days=1)),
    "random": RandomBaseline(RandomConfig(seed=1)),
    "item_knn bm25 K=500": ItemKnn(ItemKnnConfig(weighting="bm25", neighbours=500, k1=0.2, b=0.2)),
    "item_knn cosine K=500": ItemKnn(ItemKnnConfig(weighting="cosine", neighbours=500)),
    "als 64": Als(AlsConfig(factors=64, regularization=20, alpha=40, iterations=15, seed=1)),
    "als 256": Als(AlsConfig(factors=256, regularization=100, alpha=100, iterations=15, seed=1)),
}


def read(folder: Path) -> tuple[InteractionMatrix, sparse.csr_matrix]:
    """Train as our matrix (every weight 1, every age a day) and test as people x items."""
    train, test = (pq.read_table(folder / f"{part}.parquet") for part in ("train", "test"))
    shape = tuple(
        max(int(pc.max(part.column(name)).as_py()) for part in (train, test)) + 1 for name in ("user_id", "item_id")
    )

    def matrix(part: pa.Table) -> sparse.csr_matrix:
        rows, columns = part.column("user_id").to_numpy(), part.column("item_id").to_numpy()
        made = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
        made.sum_duplicates()
        made.data[:] = 1.0
        return made

    weights = matrix(train)
    data = InteractionMatrix(
        weights=weights,
        people=np.array([f"{n:08d}" for n in range(shape[0])]),
        items=np.array([f"{n:08d}" for n in range(shape[1])]),
        last_age_days=np.ones(weights.nnz, dtype=np.int32),
        daily_people=sparse.csr_matrix((shape[1], 2)),
        as_of=date(2010, 10, 1),
        fingerprint="gowalla",
    )
    return data, matrix(test)


def measure(model: Recommender, data: InteractionMatrix, test: sparse.csr_matrix) -> tuple[float, float, float, float]:
    """Recall@20, NDCG@20, seconds to fit, seconds to answer for everybody with test items."""
    started = time.perf_counter()
    model.fit(data)
    fitted = time.perf_counter()
    people = np.flatnonzero(np.diff(test.indptr))
    recall, ndcg = [], []
    for start in range(0, len(people), BATCH):
        some = people[start : start + BATCH]
        values = metrics.accuracy(model.recommend(some, K, exclude=data.seen[some]), test[some], K)
        recall.append(values["recall"])
        ndcg.append(values["ndcg"])
    answered = time.perf_counter()
    return (
        float(np.concatenate(recall).mean()),
        float(np.concatenate(ndcg).mean()),
        fitted - started,
        answered - fitted,
    )


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    if not (folder / "train.parquet").is_file():
        sys.exit(f"{folder / 'train.parquet'} is missing; give the folder that holds the Gowalla split.")
    data, test = read(folder)
    print(f"Gowalla: {data.weights.shape[0]:,} people, {data.weights.shape[1]:,} items, {data.weights.nnz:,} pairs\n")
    print(f"| {'model':<22} | Recall@20 | NDCG@20 | fit s | answer s |\n|{'-' * 24}|---|---|---|---|")
    for name, (recall, ndcg) in PUBLISHED.items():
        print(f"| {name + ' (published)':<22} | {recall:.4f} | {ndcg:.4f} | | |")
    for name, model in MODELS.items():
        recall, ndcg, fit, answer = measure(model, data, test)
        print(f"| {name:<22} | {recall:.4f} | {ndcg:.4f} | {fit:.1f} | {answer:.1f} |", flush=True)
        if name == "popular" and (round(recall, 4), round(ndcg, 4)) != PUBLISHED["most popular"]:
            sys.exit("Most popular differs from the published figure: the evaluation is wrong, not the models.")


if __name__ == "__main__":
    main()
