"""People who behave alike: k-means on what they did, the number of clusters by silhouette, ids kept across nights.

Which people make up a cluster depends on the night alone; which number it bears, and whether yesterday's count of
clusters is kept, on the latest earlier night that was run. Names are made in ``cluster_names.py``.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from perso_pipeline.segments.options import ClusterOptions

_FIT_PEOPLE = 50_000  # centres do not move visibly with more
_SILHOUETTE_PEOPLE = 2_000  # every pair of them is measured
KEEP_COUNT_WITHIN = 0.02
"""Yesterday's number of clusters stays unless another one's silhouette is better by more than this."""
LEAST_SHARED = 0.3
"""A cluster keeps yesterday's id if at least this share of the smaller of the two is in both."""


@dataclass(frozen=True)
class Clustering:
    """Clusters of one night, numbered from 0 by size, the largest first.

    Attributes:
        labels: By person.
        count: Number of clusters.
        silhouette: Mean over a sample: 1 well apart, 0 touching.
    """

    labels: np.ndarray
    count: int
    silhouette: float


def cluster(features: np.ndarray, options: ClusterOptions, *, previous_count: int | None) -> Clustering | None:
    """Cluster the rows of ``features`` (people x standardised features); None where there are too few people.

    The number is the one of the highest mean silhouette among those tried, fewer before more; yesterday's stays
    within ``KEEP_COUNT_WITHIN`` of it. One thread: the order of sums must not depend on the machine.
    """
    if len(features) < options.least_people:
        return None
    rng = np.random.default_rng(options.seed)
    fitted_on = features[_sample(len(features), _FIT_PEOPLE, rng)]
    judged_on = features[_sample(len(features), _SILHOUETTE_PEOPLE, rng)]
    different = len(np.unique(fitted_on, axis=0))
    scores: dict[int, float] = {}
    models: dict[int, KMeans] = {}
    with threadpool_limits(limits=1):
        for count in range(options.least, min(options.most, different - 1) + 1):
            models[count] = KMeans(n_clusters=count, n_init=4, random_state=options.seed).fit(fitted_on)
            labels = models[count].predict(judged_on)
            if len(np.unique(labels)) > 1:
                scores[count] = float(silhouette_score(judged_on, labels))
        if not scores:
            return None
        best = max(scores, key=lambda count: (scores[count], -count))
        if previous_count in scores and scores[previous_count] >= scores[best] - KEEP_COUNT_WITHIN:
            best = previous_count
        labels = models[best].predict(features)
    order = np.argsort(-np.bincount(labels, minlength=best), kind="stable")
    place = np.empty(best, dtype=np.int64)
    place[order] = np.arange(best)
    return Clustering(labels=place[labels], count=best, silhouette=scores[best])


def cluster_ids(labels: pa.Table, previous: pa.Table, *, highest: int) -> dict[int, str]:
    """Id of each label, yesterday's where the people are mostly the same.

    Args:
        labels: site_id, person_id, label of this night.
        previous: site_id, person_id, cluster_id of the latest earlier night; may be empty.
        highest: Highest number any earlier night gave; new clusters are numbered above it.
    """
    found = sorted(set(labels["label"].to_pylist()))
    before = sorted({name for name in previous["cluster_id"].to_pylist() if name is not None})
    ids: dict[int, str] = {}
    if before:
        shared = np.zeros((len(found), len(before)))
        pairs = labels.join(previous, keys=["site_id", "person_id"], join_type="inner")
        pairs = pairs.group_by(["label", "cluster_id"]).aggregate([([], "count_all")])
        for row in pairs.to_pylist():
            if row["cluster_id"] is not None:
                shared[found.index(row["label"]), before.index(row["cluster_id"])] = row["count_all"]
        now, then = shared.sum(axis=1), shared.sum(axis=0)
        for one, other in zip(*linear_sum_assignment(-shared), strict=True):
            if shared[one, other] > 0 and shared[one, other] >= LEAST_SHARED * min(now[one], then[other]):
                ids[found[one]] = before[other]
    for label in found:
        if label not in ids:
            highest += 1
            ids[label] = f"cluster-{highest}"
    return ids


def _sample(people: int, most: int, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.choice(people, most, replace=False)) if people > most else np.arange(people)
