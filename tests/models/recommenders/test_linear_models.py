"""Linear models against their formulas, written out densely."""

import dataclasses

import numpy as np
import pytest

from perso_pipeline.models.protocol import TooLargeError
from perso_pipeline.models.recommenders.blend import Blend
from perso_pipeline.models.recommenders.bspm import Bspm
from perso_pipeline.models.recommenders.config import (
    BlendConfig,
    BspmConfig,
    EaseConfig,
    GraphFilterConfig,
    Rp3betaConfig,
)
from perso_pipeline.models.recommenders.dense import best_of_all, steadied
from perso_pipeline.models.recommenders.ease import Ease
from perso_pipeline.models.recommenders.gf_cf import GfCf
from perso_pipeline.models.recommenders.rp3beta import Rp3beta

WORLD = np.random.default_rng(3).poisson(0.7, size=(25, 8)).astype(float)
WORLD[0] = [1, 1, 0, 0, 2, 0, 0, 1]
PEOPLE = np.arange(25)


@pytest.fixture
def data(make_matrix):
    return make_matrix(WORLD)


def graph():
    history = np.log1p(WORLD)
    people = np.where(history.sum(1) > 0, history.sum(1), 1)
    items = history.sum(0)
    return history, history / np.sqrt(people)[:, None] / np.sqrt(items)[None, :], np.sqrt(items)


def test_rp3beta_is_the_pruned_walk(data):
    history = np.log1p(WORLD)
    to_item = history / np.where(history.sum(1) > 0, history.sum(1), 1)[:, None]
    to_person = history.T / history.sum(0)[:, None]
    walks = to_person**0.7 @ (to_item**0.7 / history.sum(0)[None, :] ** 0.4)
    np.fill_diagonal(walks, 0)
    walks /= walks.sum(1, keepdims=True)
    model = Rp3beta(Rp3betaConfig(alpha=0.7, beta=0.4, neighbours=8)).fit(data)
    assert np.allclose(model.scores(PEOPLE), history @ walks, atol=1e-6)


def test_rp3beta_keeps_the_nearest_of_each_item(data):
    model = Rp3beta(Rp3betaConfig(alpha=0.7, beta=0.4, neighbours=3)).fit(data)
    assert np.bincount(model.similar(np.arange(8), 8).subject).max() == 3


def test_ease_solves_the_ridge_regression_of_each_item_on_the_others(data):
    history = np.log1p(WORLD)
    weights = np.zeros((8, 8))
    for item in range(8):
        others = np.delete(np.arange(8), item)
        left = history[:, others]
        weights[others, item] = np.linalg.solve(left.T @ left + 2.0 * np.eye(7), left.T @ history[:, item])
    model = Ease(EaseConfig(regularization=2.0, max_gigabytes=1)).fit(data)
    assert np.allclose(model.scores(PEOPLE), history @ weights, atol=1e-5)


def test_ease_says_how_much_memory_it_would_need(data):
    # 8 x 8 cells of 12 bytes are 768 bytes.
    with pytest.raises(TooLargeError, match=r"ease on 8 items needs 0\.0 GB, more than ease.max_gigabytes .*5e-07"):
        Ease(EaseConfig(regularization=2.0, max_gigabytes=5e-7)).fit(data)


def test_gf_cf_is_the_linear_filter_plus_the_ideal_low_pass(data):
    history, filtered, scale = graph()
    vectors = np.linalg.svd(filtered)[2][:3].T
    low = np.diag(1 / scale) @ vectors @ vectors.T @ np.diag(scale)
    model = GfCf(GraphFilterConfig(factors=3, low_pass=0.3, seed=1)).fit(data)
    assert np.allclose(model.scores(PEOPLE), history @ (filtered.T @ filtered + 0.3 * low), atol=1e-4)


def test_bspm_sharpens_by_nearly_the_exponential(data):
    history, filtered, scale = graph()
    vectors = np.linalg.svd(filtered)[2][:3].T
    blur = filtered.T @ filtered
    low = np.diag(1 / scale) @ vectors @ vectors.T @ np.diag(scale)
    values, basis = np.linalg.eigh(blur)
    sharpen = basis @ np.diag(np.exp(-0.4 * values)) @ basis.T
    model = Bspm(BspmConfig(factors=3, low_pass=0.2, sharpening=0.4, seed=1)).fit(data)
    # The step of order 4 is off by at most 0.4^5 / 5! = 0.00009 of a unit history.
    assert np.allclose(model.scores(PEOPLE), history @ (blur + 0.2 * low) @ sharpen, atol=1e-3)


def test_a_blend_adds_scores_of_equal_size(data):
    members = {
        "gf_cf": GfCf(GraphFilterConfig(factors=3, low_pass=0.3, seed=1)),
        "ease": Ease(EaseConfig(regularization=2.0, max_gigabytes=1)),
    }
    blend = Blend(BlendConfig(weights={"gf_cf": 1, "ease": 2}), members).fit(data)
    expected = np.zeros((25, 8))
    for name, weight in (("gf_cf", 1), ("ease", 2)):
        block = members[name].scores(PEOPLE).astype(float)
        size = np.sqrt(np.where(WORLD > 0, 0, block**2).mean(1))
        expected += weight * np.divide(block, size[:, None], out=np.zeros_like(block), where=size[:, None] > 0)
    assert np.allclose(blend.scores(PEOPLE), expected, rtol=1e-4, atol=1e-4)


def test_noise_of_single_precision_is_no_score_and_splits_no_tie():
    block = steadied(np.array([[1.0, 1.0 - 1e-7, 1e-9, 0.0], [-1.0, -2.0, 0.0, -3.0]], dtype=np.float32))
    assert block.tolist() == [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]


def test_blocks_bound_memory_and_change_nothing(data, monkeypatch):
    model = Ease(EaseConfig(regularization=2.0, max_gigabytes=1)).fit(data)
    whole = model.recommend(PEOPLE, 4, exclude=data.seen)
    sizes = []

    def scores(people):
        sizes.append(len(people))
        return model.scores(people)

    monkeypatch.setattr("perso_pipeline.models.recommenders.dense._CELLS", 24)
    unknown = np.diff(data.weights.indptr) == 0
    parts = best_of_all(scores, PEOPLE, 4, items=8, exclude=data.seen, no_history=unknown)
    assert max(sizes) == 3
    assert parts.item.tolist() == whole.item.tolist()
    assert parts.subject.tolist() == whole.subject.tolist()


def test_als_people_stand_where_their_items_put_them(make_matrix, config):
    from perso_pipeline.models.recommenders.als import Als

    als = config.als.model_copy(update={"factors": 4, "regularization": 0.5, "alpha": 5})
    data = dataclasses.replace(make_matrix(WORLD))
    model = Als(als, threads=1).fit(data)
    for person in (0, 3, 9):
        lists = model.recommend(np.array([person]), 2)
        for item, score in zip(lists.item, lists.score, strict=True):
            assert model.explain(person, int(item)).score == pytest.approx(score, abs=1e-4)
