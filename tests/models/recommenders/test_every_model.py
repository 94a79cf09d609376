"""What must hold for each model in the race, whatever the data."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from perso_pipeline.models.config import SiteModels
from perso_pipeline.models.protocol import Explanation, NotExplainable, ShortReason
from perso_pipeline.models.recommenders.config import (
    AlsConfig,
    BlendConfig,
    BprConfig,
    BspmConfig,
    EaseConfig,
    EditorialConfig,
    GraphFilterConfig,
    ItemKnnConfig,
)
from perso_pipeline.models.recommenders.item_knn import _bm25
from perso_pipeline.models.roster import ALL, build

LINEAR = ["item_knn", "rp3beta", "ease", "gf_cf", "bspm", "als", "blend"]
PERSONAL = [*LINEAR, "bpr", "two_stage"]
PAIRS = ["co_visitation", "bought_together", "viewed_then_bought", "content"]
SAME_FOR_ALL = ["popular", "trending", "recently_added", "conversion", "editorial"]
few_examples = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@pytest.fixture
def small(config) -> SiteModels:
    return config.model_copy(
        update={
            "als": AlsConfig(factors=8, regularization=0.5, alpha=5, iterations=8, seed=3),
            "bpr": BprConfig(factors=8, learning_rate=0.1, regularization=0.01, iterations=60, seed=3),
            "ease": EaseConfig(regularization=5, max_gigabytes=1),
            "gf_cf": GraphFilterConfig(factors=2, low_pass=0.3, seed=3),
            "bspm": BspmConfig(factors=2, low_pass=0.3, sharpening=0.3, seed=3),
            "blend": BlendConfig(weights={"gf_cf": 1, "als": 1, "ease": 0.5}),
            "two_stage": config.two_stage.model_copy(
                update={
                    "candidates": {"item_knn": 5, "als": 5, "popular": 3, "session": 4},
                    "similar_by": "item_knn",
                    "min_people": 1,
                    "min_rows": 1,
                    "trees": 5,
                    "leaves": 4,
                }
            ),
            "editorial": EditorialConfig(items=["i003", "i000", "nowhere", "i005"]),
        }
    )


def one(name, config, threads=1):
    return build(config, threads=threads, names=[name])[name]


@st.composite
def worlds(draw):
    people, items = draw(st.integers(1, 12)), draw(st.integers(1, 9))
    cells = st.sampled_from([0.0, 0.0, 0.3, 1.0, 40.0])
    dense = draw(st.lists(st.lists(cells, min_size=items, max_size=items), min_size=people, max_size=people))
    dense[0][0] = 1.0
    ages = draw(
        st.lists(st.lists(st.integers(1, 30), min_size=items, max_size=items), min_size=people, max_size=people)
    )
    asked = draw(st.lists(st.integers(0, people - 1), min_size=1, max_size=8))
    forbidden = draw(
        st.lists(st.lists(st.booleans(), min_size=items, max_size=items), min_size=len(asked), max_size=len(asked))
    )
    return dense, ages, np.array(asked), sparse.csr_matrix(np.array(forbidden, dtype=float)), draw(st.integers(1, 12))


def check(result, items, k):
    for subject in range(result.subjects):
        mine = result.subject == subject
        assert len(set(result.item[mine])) == mine.sum() <= k
        assert result.rank[mine].tolist() == list(range(1, mine.sum() + 1))
        assert (np.diff(result.score[mine]) <= 0).all()
    assert ((result.item >= 0) & (result.item < items)).all()
    assert np.isfinite(result.score).all()
    assert (result.score > -1e38).all()
    found = np.bincount(result.subject, minlength=result.subjects)
    explained = np.concatenate([np.zeros(0, dtype=int), *result.short.values()])
    assert sorted(explained) == np.flatnonzero(found < k).tolist()


@pytest.mark.parametrize("name", ALL)
@few_examples
@given(world=worlds())
def test_lists_are_never_padded_repeated_forbidden_or_unsorted(name, world, make_matrix, small):
    dense, ages, asked, forbidden, k = world
    data = make_matrix(dense, ages)
    model = one(name, small).fit(data)
    for exclude in (None, forbidden):
        result = model.recommend(asked, k, exclude=exclude)
        check(result, len(data.items), k)
        if exclude is not None:
            assert not exclude.toarray()[result.subject, result.item].any()
    items = np.arange(len(data.items))
    alike = model.similar(items, k)
    check(alike, len(data.items), k)
    assert not (items[alike.subject] == alike.item).any()


@pytest.mark.parametrize("name", ALL)
@few_examples
@given(world=worlds())
def test_the_same_seed_gives_the_same_lists_alone_or_in_company_and_after_storing(name, world, make_matrix, small):
    dense, ages, asked, forbidden, k = world
    data = make_matrix(dense, ages)
    first = one(name, small).fit(data)
    second = one(name, small, threads=2).fit(data)
    stored = one(name, small).restore(first.arrays(), data)
    whole = first.recommend(asked, k, exclude=forbidden)
    for other in (second, stored):
        again = other.recommend(asked, k, exclude=forbidden)
        assert again.item.tolist() == whole.item.tolist()
        assert again.score.tolist() == whole.score.tolist()
    alone = first.recommend(asked[:1], k, exclude=forbidden[:1])
    assert alone.item.tolist() == whole.item[whole.subject == 0].tolist()


CHECKERBOARD = [[float((row + column) % 2 == 0) for column in range(12)] for row in range(40)]


@pytest.mark.parametrize("name", PERSONAL)
def test_a_personal_model_finds_the_missing_field_of_a_checkerboard(name, make_matrix, small):
    # Even people like even items, odd people odd ones. Each one's own item (row mod 12) is taken out.
    board = np.array(CHECKERBOARD)
    for row in range(40):
        board[row, row % 12] = 0
    data = make_matrix(board)
    model = one(name, small).fit(data)
    people = np.arange(40)
    result = model.recommend(people, 1, exclude=data.seen)
    assert result.item.tolist() == [row % 12 for row in range(40)]


@pytest.mark.parametrize("name", PERSONAL)
def test_similar_items_share_their_people(name, make_matrix, small):
    model = one(name, small).fit(make_matrix(CHECKERBOARD))
    alike = model.similar(np.arange(12), 5)
    assert ((alike.item - alike.subject) % 2 == 0).all()
    assert len(alike.item) == 60


@pytest.mark.parametrize("name", LINEAR)
def test_an_explanation_names_the_history_and_its_shares_add_up(name, make_matrix, small):
    board = np.array(CHECKERBOARD)
    board[0] = [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    model = one(name, small).fit(make_matrix(board))
    why = model.explain(0, 4)
    assert isinstance(why, Explanation)
    assert {origin.item for origin in why.origins} == {0, 2}
    assert sum(origin.share for origin in why.origins) == pytest.approx(1)
    shares = [origin.share for origin in why.origins]
    assert shares == sorted(shares, reverse=True)


def test_bm25_weights_are_those_of_implicit(make_matrix):
    from implicit.nearest_neighbours import bm25_weight

    data = make_matrix(np.random.default_rng(1).poisson(0.6, size=(30, 12)))
    damped = data.weights.log1p()
    ours = _bm25(damped, ItemKnnConfig(weighting="bm25", neighbours=5, k1=1.2, b=0.75))
    assert np.allclose(ours.toarray(), bm25_weight(damped.T, 1.2, 0.75).T.toarray())


def test_somebody_who_has_everything_makes_nothing_alike(make_matrix, small):
    model = one("item_knn", small).fit(make_matrix([[1, 1, 1, 1], [1, 0, 0, 0]]))
    assert len(model.similar(np.arange(4), 3).item) == 0


EXPLAINING = [*LINEAR, *PAIRS, "session"]


@pytest.mark.parametrize("name", EXPLAINING)
@few_examples
@given(world=worlds())
def test_the_parts_of_an_explanation_add_up_to_the_score_of_the_list(name, world, make_matrix, small):
    dense, ages, asked, _, k = world
    model = one(name, small).fit(make_matrix(dense, ages))
    lists = model.recommend(asked, k)
    for subject, item, score in zip(lists.subject[:20], lists.item[:20], lists.score[:20], strict=True):
        why = model.explain(int(asked[subject]), int(item))
        if isinstance(why, NotExplainable):  # a factor model may score above 0 by what speaks least against
            assert name in {"als", "blend"}
            continue
        assert why.score == pytest.approx(score, rel=1e-3, abs=1e-4)
        assert sum(origin.part for origin in why.origins) + why.against == pytest.approx(why.score, rel=1e-4, abs=1e-6)
        assert sum(origin.share for origin in why.origins) == pytest.approx(1)
        assert len({origin.item for origin in why.origins}) == len(why.origins)
        assert all(dense[asked[subject]][origin.item] > 0 for origin in why.origins)


@pytest.mark.parametrize("name", [*SAME_FOR_ALL, "random", "bpr"])
def test_a_model_without_reasons_says_so(name, make_matrix, small):
    why = one(name, small).fit(make_matrix(CHECKERBOARD)).explain(0, 4)
    assert isinstance(why, NotExplainable)
    assert why.because.startswith(name)


@pytest.mark.parametrize("name", PERSONAL)
def test_a_person_without_history_gets_no_list_and_the_reason(name, make_matrix, small):
    model = one(name, small).fit(make_matrix([*CHECKERBOARD, [0] * 12]))
    result = model.recommend(np.array([40, 0]), 2)
    assert result.short[ShortReason.NO_HISTORY].tolist() == [0]
    assert set(result.subject) == {1}


def test_popular_counts_people_and_recent_ones_more(make_matrix, config):
    half_life = int(config.popular.half_life_days)
    # Item 0: one person of weight 40 today. Item 1: two people today. Item 2: three people, a half-life ago.
    dense = [[40, 1, 1], [0, 1, 1], [0, 0, 1]]
    ages = [[1, 1, half_life + 1]] * 3
    model = one("popular", config).fit(make_matrix(dense, ages))
    result = model.recommend(np.array([0]), 3)
    assert result.item.tolist() == [1, 2, 0]
    assert result.score[1] / result.score[0] == pytest.approx(3 * 0.5 / 2)


def test_trending_prefers_what_rises_over_what_is_big(make_matrix, config):
    # Item 0: 12 people, evenly over 24 days. Item 1: 5 people, all in the last 3 days. Item 2: only long ago.
    short = config.trending.short_days
    dense = np.zeros((20, 3))
    ages = np.full((20, 3), 1)
    dense[:12, 0], ages[:12, 0] = 1, np.arange(1, 25, 2)
    dense[12:17, 1], ages[12:17, 1] = 1, short
    dense[17:, 2], ages[17:, 2] = 1, 20
    result = one("trending", config).fit(make_matrix(dense, ages)).recommend(np.array([0]), 3)
    assert result.item.tolist() == [1, 0]
    assert result.short[ShortReason.TOO_FEW_RELATED].tolist() == [0]
    assert result.score[0] == pytest.approx(5 / np.sqrt(config.trending.smoothing))


def test_old_interest_is_no_dislike_to_als(make_matrix, small):
    # Decayed to 0.001, the pairs must still attract: a weight below 1 given bare to implicit would repel.
    model = one("als", small).fit(make_matrix(np.array(CHECKERBOARD) * 0.001))
    result = model.recommend(np.array([0]), 6)
    assert (result.item % 2 == 0).all()
