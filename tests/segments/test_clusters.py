from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.segments.cluster_features import FEATURES, names, scale
from perso_pipeline.segments.cluster_tables import cluster_people
from perso_pipeline.segments.clusters import cluster, cluster_ids
from perso_pipeline.segments.groups import grade_people, group_segments
from perso_pipeline.segments.options import ClusterOptions, Shares

NIGHT = date(2026, 3, 10)


def blobs(centres, people=300, seed=1):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(centre, 0.3, (people, len(centre))) for centre in np.array(centres, dtype=float)])


def test_the_number_of_clusters_is_the_one_that_was_made():
    found = cluster(blobs([(0, 0), (4, 0), (0, 4), (4, 4)]), ClusterOptions(), previous_count=None)
    assert found.count == 4
    assert [len(set(found.labels[start : start + 300])) for start in range(0, 1200, 300)] == [1, 1, 1, 1]


def test_the_same_people_make_the_same_clusters():
    features = blobs([(0, 0), (2, 0), (0, 2)], seed=4)
    one, other = (cluster(features, ClusterOptions(), previous_count=None) for _ in range(2))
    assert np.array_equal(one.labels, other.labels)


def test_yesterdays_number_stays_while_it_is_nearly_as_good():
    features = np.random.default_rng(2).normal(size=(900, 2))  # no clusters at all: the silhouettes are alike
    best = cluster(features, ClusterOptions(), previous_count=None)
    counts = {before: cluster(features, ClusterOptions(), previous_count=before).count for before in range(3, 9)}
    assert best.count in counts.values()
    assert any(count == before != best.count for before, count in counts.items())


def test_too_few_people_make_no_clusters():
    assert cluster(blobs([(0, 0)], people=50), ClusterOptions(), previous_count=None) is None
    assert cluster(np.zeros((400, 2)), ClusterOptions(), previous_count=None) is None


def people(ids, column, values):
    return pa.table({"site_id": ["uk"] * len(ids), "person_id": ids, column: values})


def test_a_cluster_keeps_its_id_while_most_of_its_people_are_the_same():
    """Label 0 shares c, d with cluster-3; label 1 shares a, b with cluster-1; label 2 is new, above the highest so far."""
    previous = people(
        ["a", "b", "c", "d", "gone"], "cluster_id", ["cluster-1", "cluster-1", "cluster-3", "cluster-3", None]
    )
    today = people(["a", "b", "c", "d", "x", "y"], "label", [1, 1, 0, 0, 2, 2])
    assert cluster_ids(today, previous, highest=5) == {0: "cluster-3", 1: "cluster-1", 2: "cluster-6"}
    nothing = previous.slice(0, 0)
    assert cluster_ids(today, nothing, highest=0) == {0: "cluster-1", 1: "cluster-2", 2: "cluster-3"}


def test_a_cluster_is_called_by_what_sets_it_apart_and_no_two_are_called_alike():
    quiet = np.zeros(len(FEATURES))
    buyers, small = quiet.copy(), quiet.copy()
    buyers[[0, 1, 6]] = [2.0, 1.0, 0.7]
    small[[0, 1, 6]] = [2.0, 1.0, -0.1]
    assert names(np.stack([buyers, small, quiet])) == [
        "frequent buyers, high cart value, mostly mobile", "frequent buyers, high cart value", "like most",
    ]  # fmt: skip
    assert len(set(names(np.stack([quiet, quiet, quiet])))) == 3


def test_features_are_compared_within_a_site_and_the_unknown_is_its_mean():
    raw = np.full((4, len(FEATURES)), np.nan)
    raw[:, 1] = [10, 30, 1000, np.nan]
    scaled = scale(raw, np.array([0, 0, 1, 1]))
    assert scaled[:, 1] == pytest.approx([-1, 1, 0, 0])
    assert not np.any(scaled[:, 0])


@pytest.fixture
def warehouse(tmp_path):
    """Two kinds of people on two nights: buyers on a phone, and people who look in once; 11 buyers have orders."""
    store = DuckDBWarehouse(tmp_path / "shop.duckdb")
    with store.connect() as connection:
        connection.execute("create schema profiles")
        connection.execute("""
            create table profiles.customer_profiles as
            select night, 'uk' as site_id, printf('p%03d', n) as person_id, if(n % 2 = 0, 5 + n % 3, 0) as orders,
                if(n % 2 = 0, 40 + n % 5, null)::double as average_order_value, if(n % 2 = 0, 20 + n % 4, 1) as active_days,
                if(n % 2 = 0, 90 + n % 9, 2) as product_views, night - 1 as last_seen_date, 0.0::double as return_rate,
                if(n % 2 = 0, 'mobile', 'desktop') as main_device, n::decimal(18, 4) as net_revenue
            from range(400) t(n), (values (date '2026-03-09'), (date '2026-03-10')) d(night)
        """)
    return store


def test_a_night_keeps_the_ids_of_the_night_before(warehouse):
    options = ClusterOptions(least=2, most=4)
    before = cluster_people(warehouse, options, NIGHT - timedelta(days=1))
    tiers = grade_people(warehouse, NIGHT - timedelta(days=1), Shares())
    for name, rows in (("clusters", before.clusters), ("person_groups", tiers.append_column("cluster_id", before.ids))):
        warehouse.write_partition(f"segments.{name}", rows, {"night": NIGHT - timedelta(days=1)})
    after = cluster_people(warehouse, options, NIGHT)
    assert after.ids == before.ids
    assert after.clusters["cluster_id"].to_pylist() == before.clusters["cluster_id"].to_pylist()
    assert after.traits.num_rows == after.clusters.num_rows * len(FEATURES)
    assert [name.split(", ")[0] for name in after.clusters["name"].to_pylist()] == ["mostly mobile", "rarely mobile"]


def test_tiers_are_ranks_of_the_buyers_of_a_site(warehouse):
    """200 buyers: the best 10 % by revenue are 20, the next 30 % are 60; equal revenue does not occur."""
    graded = grade_people(warehouse, NIGHT, Shares()).to_pylist()
    sizes = {tier: sum(row["value_tier"] == tier for row in graded) for tier in ("gold", "silver", "bronze", None)}
    assert sizes == {"gold": 20, "silver": 60, "bronze": 120, None: 200}
    assert {row["person_id"] for row in graded if row["value_tier"] == "gold"} == {
        f"p{n}" for n in range(362, 400, 2)
    } | {"p360"}


def test_tiers_clusters_and_bands_that_are_there_become_segments():
    without = group_segments({}, {"cluster-2": "often here"})
    assert [segment.id for segment in without] == ["tier-gold", "tier-silver", "tier-bronze", "cluster-2"]
    columns = {"profiles.predictions": frozenset({"churn_band"})}
    assert [s.id for s in group_segments(columns, {})][3:] == ["band-churn-high", "band-churn-middle", "band-churn-low"]
