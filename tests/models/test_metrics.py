import itertools
import math

import numpy as np
import pytest
from scipy import sparse

from perso_pipeline.models import metrics
from perso_pipeline.models.groups import category_levels
from perso_pipeline.models.intervals import Resamples
from perso_pipeline.models.recommenders.ranking import ranked


def answer(lists, items=6, k=4):
    subject = np.concatenate([np.full(len(one), s) for s, one in enumerate(lists)]).astype(int)
    item = np.array([i for one in lists for i in one], dtype=int)
    score = np.concatenate([-np.arange(len(one), dtype=float) for one in lists])
    return ranked(subject=subject, item=item, score=score, subjects=len(lists), items=items, k=k)


# Subject 0 is shown 0 1 2 3 and wants 1, 3, 5: hits at ranks 2 and 4.
# Subject 1 is shown 4 only and wants 4: hit at rank 1. Subject 2 is shown nothing and wants 0.
LISTS = answer([[0, 1, 2, 3], [4], []])
WANTED = sparse.csr_matrix(np.array([[0, 1, 0, 1, 0, 1], [0, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, 0]], dtype=float))


def test_metrics_at_four_match_the_hand_calculation():
    found = metrics.accuracy(LISTS, WANTED, 4)
    dcg = 1 / np.log2(3) + 1 / np.log2(5)
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert found["recall"] == pytest.approx([2 / 3, 1, 0])
    assert found["precision"] == pytest.approx([2 / 4, 1 / 4, 0])
    assert found["ndcg"] == pytest.approx([dcg / ideal, 1, 0])
    assert found["map"] == pytest.approx([(1 / 2 + 2 / 4) / 3, 1, 0])
    assert found["mrr"] == pytest.approx([1 / 2, 1, 0])
    assert found["hit_rate"] == pytest.approx([1, 1, 0])


def test_a_cutoff_reads_only_the_first_places():
    # At 2: one hit of subject 0, at rank 2; ideal over min(2, 3) = 2 places.
    found = metrics.accuracy(LISTS, WANTED, 2)
    assert found["recall"] == pytest.approx([1 / 3, 1, 0])
    assert found["ndcg"][0] == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))
    assert found["map"][0] == pytest.approx((1 / 2) / 3)


def test_a_subject_that_wants_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one relevant"):
        metrics.accuracy(answer([[0]]), sparse.csr_matrix((1, 6)), 4)


def test_coverage_counts_distinct_items_over_all():
    assert metrics.coverage(LISTS, 6, 4) == pytest.approx(5 / 6)
    assert metrics.coverage(LISTS, 6, 1) == pytest.approx(2 / 6)


def test_novelty_is_the_mean_surprise_of_a_list():
    # 8 people; items had 8, 4, 2, 1, 8, 8 of them: surprise 0, 1, 2, 3, 0, 0 bits.
    found = metrics.novelty(LISTS, np.array([8, 4, 2, 1, 8, 8]), 8, 4)
    assert found[:2] == pytest.approx([(0 + 1 + 2 + 3) / 4, 0])
    assert np.isnan(found[2])


def test_popularity_percentile_puts_ties_at_their_middle():
    # 1 < 5 = 5 < 9: below 0, 1, 1, 3; up to 1, 3, 3, 4.
    assert metrics.popularity_percentile(np.array([5, 1, 9, 5])) == pytest.approx([0.5, 0.125, 0.875, 0.5])


def test_popularity_bias_is_the_list_minus_the_history():
    history = sparse.csr_matrix(np.array([[1, 1, 0, 0]]))
    found = metrics.popularity_bias(answer([[2, 3]], items=4), history, np.array([0.2, 0.4, 0.9, 0.7]), 4)
    assert found == pytest.approx([0.8 - 0.3])


def test_contexts_are_averaged_by_person_first():
    assert metrics.by_unit(np.array([1.0, 0.0, 0.5]), np.array([0, 0, 1])) == pytest.approx([0.5, 0.5])


def test_the_bootstrap_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(3)
    covered = 0
    for seed in range(200):
        low, high = Resamples(80, samples=400, confidence=0.9, seed=seed).interval(rng.exponential(size=80))
        covered += low <= 1.0 <= high
    assert 0.84 <= covered / 200 <= 0.95


def test_intervals_of_many_columns_are_those_of_each_alone():
    columns = [np.random.default_rng(seed).random(50) for seed in range(3)]
    resamples = Resamples(50, samples=100, confidence=0.95, seed=1)
    assert resamples.intervals(columns) == [pytest.approx(resamples.interval(column)) for column in columns]
    assert resamples.intervals([]) == []
    with pytest.raises(ValueError, match="one value for each of 50 units, got 3"):
        resamples.intervals([columns[0], np.zeros(3)])


def test_a_constant_difference_has_an_interval_without_width():
    assert Resamples(10, samples=100, confidence=0.95, seed=1).interval(np.full(10, 0.25)) == pytest.approx(
        (0.25, 0.25)
    )


# Independent of the code: one subject, one place at a time. benchmarks/metrics_against_ranx.py asks ranx and RecTools
# the same questions in their own environment.
def _by_hand(shown, wanted, k):
    hits = [item in wanted for item in shown[:k]]
    dcg = sum(1 / math.log2(place + 2) for place, hit in enumerate(hits) if hit)
    ideal = sum(1 / math.log2(place + 2) for place in range(min(k, len(wanted))))
    return {
        "recall": sum(hits) / len(wanted),
        "precision": sum(hits) / k,
        "ndcg": dcg / ideal,
        "map": sum(sum(hits[: place + 1]) / (place + 1) for place, hit in enumerate(hits) if hit) / len(wanted),
        "mrr": next((1 / (place + 1) for place, hit in enumerate(hits) if hit), 0.0),
        "hit_rate": float(any(hits)),
    }


@pytest.mark.parametrize("seed", range(25))
def test_metrics_of_random_lists_are_those_of_a_loop_over_places(seed):
    rng = np.random.default_rng(seed)
    people, items = int(rng.integers(1, 15)), int(rng.integers(4, 40))
    shown = [rng.permutation(items)[: rng.integers(0, 13)].tolist() for _ in range(people)]
    wanted = [set(rng.choice(items, size=rng.integers(1, 4), replace=False).tolist()) for _ in range(people)]
    likes = rng.random((people, items)) < 0.3
    paths = [f"a{rng.integers(2)}/b{rng.integers(3)}"[: rng.choice([0, 2, 5])] for _ in range(items)]
    lists = answer(shown, items=items, k=12)
    relevant = sparse.csr_matrix(np.array([[float(i in own) for i in range(items)] for own in wanted]))
    met = likes.sum(axis=0)
    distinct = sorted(set(met[met > 0].tolist()), reverse=True)
    anybody = [(items - distinct.index(n)) / items if n else 0.0 for n in met.tolist()]
    above = [{path[:2], path} - {""} for path in paths]
    for k in (1, 3, 10):
        found = metrics.accuracy(lists, relevant, k)
        serendipity = metrics.serendipity(lists, relevant, metrics.chance_for_anybody(met), k)
        diversity = metrics.intra_list_diversity(lists, category_levels(np.array(paths)), k)
        for person in range(people):
            top, own = shown[person][:k], wanted[person]
            for name, value in _by_hand(shown[person], own, k).items():
                assert found[name][person] == pytest.approx(value, abs=1e-9)
            surprise = [max((items - place) / items - anybody[i], 0) for place, i in enumerate(top) if i in own]
            assert serendipity[person] == pytest.approx(sum(surprise) / k, abs=1e-9)
            pairs = [(above[a], above[b]) for a, b in itertools.combinations(top, 2) if above[a] and above[b]]
            apart = [1 - len(a & b) / len(a | b) for a, b in pairs]
            expected = sum(apart) / len(apart) if apart else math.nan
            assert diversity[person] == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_diversity_is_the_mean_distance_in_the_tree_of_categories():
    # home/cups and home/plates share home, 1 of 3 categories; home/cups and toys share none; a pair with i3 is unknown.
    levels = category_levels(np.array(["home/cups", "home/plates", "toys", "", "home/cups"]))
    lists = answer([[0, 1, 2, 3], [0, 4], [3, 0], [1]], items=5)
    found = metrics.intra_list_diversity(lists, levels, 4)
    assert found[:2] == pytest.approx([(2 / 3 + 1 + 1) / 3, 0])
    assert np.isnan(found[2:]).all()


def test_serendipity_counts_hits_that_popularity_would_have_placed_lower():
    # 4 items; people 9, 9, 2, 0: ranks 1, 1, 2, none, so chances 1, 1, 3/4, 0.
    anybody = metrics.chance_for_anybody(np.array([9, 9, 2, 0]))
    assert anybody == pytest.approx([1, 1, 3 / 4, 0])
    # Shown 2, 3, 0: hits 2 (1 - 3/4) and 3 (3/4 - 0); 0 is no hit.
    found = metrics.serendipity(answer([[2, 3, 0]], items=4), sparse.csr_matrix([[0.0, 0, 1, 1]]), anybody, 3)
    assert found == pytest.approx([(1 / 4 + 3 / 4) / 3])
