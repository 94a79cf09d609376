import numpy as np
import pytest
from scipy import sparse

from perso_pipeline.models import metrics
from perso_pipeline.models.intervals import Resamples
from perso_pipeline.models.ranking import ranked


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


def test_a_constant_difference_has_an_interval_without_width():
    assert Resamples(10, samples=100, confidence=0.95, seed=1).interval(np.full(10, 0.25)) == pytest.approx(
        (0.25, 0.25)
    )
