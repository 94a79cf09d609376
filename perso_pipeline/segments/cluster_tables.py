"""The cluster tables of a night: who is in which, how they are called, what sets them apart.

Reads the profiles and the clusters of the latest earlier night. Keep the mathematics in ``clusters.py``.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.segments.cluster_features import FEATURES, effects, names, read_features
from perso_pipeline.segments.clusters import cluster, cluster_ids
from perso_pipeline.segments.options import ClusterOptions

CLUSTERS = pa.schema([
    ("night", pa.date32()), ("cluster_id", pa.string()), ("name", pa.string()), ("people", pa.int64()),
    ("share", pa.float64()), ("clusters", pa.int32()), ("silhouette", pa.float64()),
])  # fmt: skip
TRAITS = pa.schema([
    ("night", pa.date32()), ("cluster_id", pa.string()), ("feature", pa.string()), ("mean", pa.float64()),
    ("mean_of_all", pa.float64()), ("effect", pa.float64()),
])  # fmt: skip
_EARLIER = "select max(night) as night from segments.clusters where night < $night"
_HIGHEST = """
    select coalesce(max(try_cast(replace(cluster_id, 'cluster-', '') as integer)), 0) as highest
    from segments.clusters where night < $night
"""


@dataclass(frozen=True)
class ClusterTables:
    """Clusters of one night.

    Attributes:
        ids: Cluster of each person, in the order of the profiles (site, person); NULL where there are none.
        clusters: ``CLUSTERS``, one row per cluster.
        traits: ``TRAITS``, one row per cluster and feature; effect in standard deviations within the site.
    """

    ids: pa.Array
    clusters: pa.Table
    traits: pa.Table


def cluster_people(warehouse: Warehouse, options: ClusterOptions, night: date) -> ClusterTables:
    """Cluster everyone of the night."""
    features = read_features(warehouse, night)
    previous, before, highest = _previous(warehouse, night)
    found = cluster(features.scaled, options, previous_count=before)
    if found is None:
        return ClusterTables(
            pa.nulls(features.people.num_rows, pa.string()), CLUSTERS.empty_table(), TRAITS.empty_table()
        )
    ids = cluster_ids(features.people.append_column("label", pa.array(found.labels)), previous, highest=highest)
    strength = effects(features.scaled, found.labels, found.count)
    called = names(strength)
    sizes = np.bincount(found.labels, minlength=found.count)
    clusters = [
        {
            "night": night, "cluster_id": ids[label], "name": called[label], "people": int(sizes[label]),
            "share": sizes[label] / len(found.labels), "clusters": found.count, "silhouette": found.silhouette,
        }
        for label in range(found.count)
    ]  # fmt: skip
    traits = [
        {
            "night": night, "cluster_id": ids[label], "feature": feature.name,
            "mean": _mean(features.raw[found.labels == label, index]), "mean_of_all": _mean(features.raw[:, index]),
            "effect": float(strength[label, index]),
        }
        for label in range(found.count) for index, feature in enumerate(FEATURES)
    ]  # fmt: skip
    words = pa.array([ids[label] for label in range(found.count)])
    return ClusterTables(
        words.take(pa.array(found.labels)),
        pa.Table.from_pylist(clusters, schema=CLUSTERS),
        pa.Table.from_pylist(traits, schema=TRAITS),
    )


def _previous(warehouse: Warehouse, night: date) -> tuple[pa.Table, int | None, int]:
    """People and clusters of the latest earlier night, how many clusters it had, and the highest number so far."""
    empty = pa.schema([("site_id", pa.string()), ("person_id", pa.string()), ("cluster_id", pa.string())]).empty_table()
    if not (warehouse.exists("segments.clusters") and warehouse.exists("segments.person_groups")):
        return empty, None, 0
    earlier = warehouse.query(_EARLIER, {"night": night})["night"][0].as_py()
    if earlier is None:
        return empty, None, 0
    people = warehouse.query(
        "select site_id, person_id, cluster_id from segments.person_groups where night = $night", {"night": earlier}
    )
    count = warehouse.query("select count(*) as n from segments.clusters where night = $night", {"night": earlier})
    highest = warehouse.query(_HIGHEST, {"night": night})["highest"][0].as_py()
    return people, count["n"][0].as_py(), highest


def _mean(values: np.ndarray) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
