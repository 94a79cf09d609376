"""Fewer items are scored, and the lists are those of all of them."""

import numpy as np
import pytest
from scipy import sparse

from perso_pipeline.models.recommenders.reach import by_reach

PEOPLE, ITEMS, K = 2000, 6000, 20


def best(scores: np.ndarray, k: int) -> np.ndarray:
    return np.sort(np.argsort(-scores, axis=1, kind="stable")[:, :k], axis=1)


@pytest.mark.parametrize("are_some_forbidden", [False, True])
def test_the_best_of_the_items_within_reach_are_the_best_of_all(are_some_forbidden: bool) -> None:
    rng = np.random.default_rng(1)
    people = rng.normal(size=(PEOPLE, 16)).astype(np.float32)
    items = (rng.normal(size=(ITEMS, 16)) * rng.pareto(1.5, size=(ITEMS, 1))).astype(np.float32)
    forbidden = None
    scores = people @ items.T
    if are_some_forbidden:
        longest = np.argsort(-np.linalg.norm(items, axis=1))[:100]  # what would lead most lists
        rows, columns = np.repeat(np.arange(PEOPLE), 30), rng.choice(longest, PEOPLE * 30)
        forbidden = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=scores.shape)
        scores[forbidden.nonzero()] = -np.inf
    wanted = best(scores, K)

    seen = []
    for some, within in by_reach(people, items, K, forbidden):
        columns = np.arange(ITEMS) if within is None else within
        assert np.isin(wanted[some], columns).all()
        seen += some.tolist()
    assert sorted(seen) == list(range(PEOPLE))
    first = next(iter(by_reach(people, items, K, forbidden)))[1]
    assert first is not None
    assert len(first) < ITEMS / 2  # it does leave items out


def test_somebody_who_likes_nothing_needs_every_item() -> None:
    rng = np.random.default_rng(2)
    people = np.abs(rng.normal(size=(300, 4))).astype(np.float32)
    items = -np.abs(rng.normal(size=(ITEMS, 4))).astype(np.float32)
    assert [within for _, within in by_reach(people, items, K, None)] == [None]


def test_few_people_or_few_items_are_scored_whole() -> None:
    vectors = np.ones((5000, 4), dtype=np.float32)
    assert [within for _, within in by_reach(vectors[:10], vectors, K, None)] == [None]
    assert [within for _, within in by_reach(vectors, vectors[:100], K, None)] == [None]
