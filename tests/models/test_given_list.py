"""Personalised ranking of a given list: every known item once, in the order of the person's interest."""

import numpy as np
import pytest

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.models.given_list import rank
from perso_pipeline.models.roster import ALL, build

# Even people like even items, odd people odd ones; nobody has the last two of their own kind.
BOARD = np.array([[float((row + column) % 2 == 0 and column < 8) for column in range(12)] for row in range(30)])
BOARD[20:, 8:] = [[float((row + column) % 2 == 0) for column in range(4)] for row in range(20, 30)]


def fitted(name, make_matrix, config):
    data = make_matrix(BOARD)
    return build(config, threads=1, names=[name])[name].fit(data), data


@pytest.mark.parametrize("name", ALL)
def test_every_model_puts_each_known_item_of_a_list_in_one_place(name, make_matrix, config):
    if name == "als":
        config = config.model_copy(update={"als": config.als.model_copy(update={"factors": 8})})
    model, data = fitted(name, make_matrix, config)
    given = ["i009", "i002", "nowhere", "i008", "i002", "i011"]
    found = rank(model, data, "p000", given)
    assert sorted(placed.item_id for placed in found.placed) == ["i002", "i008", "i009", "i011"]
    assert [placed.rank for placed in found.placed] == [1, 2, 3, 4]
    assert found.unknown == ("nowhere",)
    scores = [placed.score for placed in found.placed if placed.score is not None]
    assert scores == sorted(scores, reverse=True)
    silent = [placed.item_id for placed in found.placed if placed.score is None]
    assert silent == [item for item in ["i009", "i002", "i008", "i011"] if item in silent]
    assert all(bool(placed.origins) != bool(placed.because) for placed in found.placed)


def test_what_the_person_likes_comes_first_with_the_items_that_speak_for_it(make_matrix, config):
    model, data = fitted("rp3beta", make_matrix, config)
    first, *others = rank(model, data, "p000", ["i009", "i011", "i008"]).placed
    assert first.item_id == "i008"
    assert {item for item, _ in first.origins} == {"i000", "i002", "i004", "i006"}
    assert first.by == "rp3beta"
    assert [placed.score for placed in others] == [None, None]
    assert "nothing to say" in others[0].because


def test_a_learnt_ranker_gives_the_features_that_count_most(make_matrix, config):
    ages = np.where(np.add.outer(np.arange(30), np.arange(12)) // 2 % 2, 20, 3)  # half of each item's people are new
    learning = config.two_stage.model_copy(update={"min_people": 1, "min_rows": 1, "trees": 10})
    config = config.model_copy(update={"two_stage": learning})
    data = make_matrix(BOARD, ages)
    model = build(config, threads=1, names=["two_stage"])["two_stage"].fit(data)
    found = rank(model, data, "p000", ["i008", "i002"], features=2)
    for placed in found.placed:
        parts = [abs(part) for _, part in placed.features]
        assert len(parts) == 2
        assert parts == sorted(parts, reverse=True)
        assert placed.by != "two_stage"


@pytest.mark.parametrize(
    ("person", "items", "sentence"),
    [("nobody", ["i001"], "knows nobody called 'nobody'"), ("p000", ["x", "y"], "none of the items x, y")],
    ids=["person", "items"],
)
def test_what_is_unknown_is_said_in_a_sentence(person, items, sentence, make_matrix, config):
    model, data = fitted("popular", make_matrix, config)
    with pytest.raises(PersoError, match=sentence):
        rank(model, data, person, items)
