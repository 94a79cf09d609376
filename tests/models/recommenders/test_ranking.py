import numpy as np
from scipy import sparse

from perso_pipeline.models.protocol import ShortReason
from perso_pipeline.models.recommenders.ranking import first_allowed, itself, ranked

PADDING = -np.finfo(np.float32).max


def lists(result):
    return [result.item[result.subject == s].tolist() for s in range(result.subjects)]


def test_padding_of_implicit_never_gets_out():
    result = ranked(
        subject=np.array([0, 0, 0, 1, 1, 1]),
        item=np.array([2, 1, -1, 0, 3, 1]),
        score=np.array([0.5, PADDING, PADDING, 1.0, np.nan, -np.inf]),
        subjects=2,
        items=4,
        k=3,
    )
    assert lists(result) == [[2], [0]]
    assert result.rank.tolist() == [1, 1]


def test_a_repeated_item_keeps_its_best_place():
    result = ranked(
        subject=np.array([0, 0, 0]), item=np.array([7, 3, 7]), score=np.array([1.0, 2.0, 3.0]), subjects=1, items=9, k=3
    )
    assert lists(result) == [[7, 3]]
    assert result.score.tolist() == [3.0, 2.0]


def test_equal_scores_stand_in_item_order():
    result = ranked(
        subject=np.zeros(4, dtype=int), item=np.array([3, 1, 2, 0]), score=np.ones(4), subjects=1, items=4, k=3
    )
    assert lists(result) == [[0, 1, 2]]


def test_a_short_list_says_why():
    exclude = sparse.csr_matrix(np.array([[0, 0, 0], [1, 1, 0], [0, 0, 0]]))
    result = ranked(
        subject=np.array([0, 1]),
        item=np.array([0, 2]),
        score=np.array([1.0, 1.0]),
        subjects=3,
        items=3,
        k=2,
        exclude=exclude,
        no_history=np.array([False, False, True]),
    )
    assert {reason: who.tolist() for reason, who in result.short.items()} == {
        ShortReason.TOO_FEW_RELATED: [0],
        ShortReason.TOO_FEW_ITEMS: [1],
        ShortReason.NO_HISTORY: [2],
    }


def test_a_shared_list_skips_what_each_may_not_see():
    # Order 2, 0, 1, 3. Subject 0 may not see 2 and 1; subject 1 nothing forbidden.
    exclude = sparse.csr_matrix(np.array([[0, 1, 1, 0], [0, 0, 0, 0]]))
    result = first_allowed(
        np.array([2, 0, 1, 3]), np.array([4.0, 3.0, 2.0, 1.0]), subjects=2, items=4, k=2, exclude=exclude
    )
    assert lists(result) == [[0, 3], [2, 0]]


def test_an_item_is_excluded_from_its_own_list():
    assert itself(np.array([2, 0]), 3).toarray().tolist() == [[0, 0, 1], [1, 0, 0]]
