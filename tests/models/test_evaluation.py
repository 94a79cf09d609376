from datetime import date

import numpy as np
import pytest

from perso_pipeline.models.evaluation import Evaluation, _spread, evaluate
from perso_pipeline.models.recommenders.ranking import ranked
from perso_pipeline.models.signals import read_signals

NIGHT = date(2026, 1, 31)


@pytest.fixture
def outcome(two_tastes, config):
    settings = config.evaluation.model_copy(
        update={"test_days": [21], "enough_people": 40, "min_people": 40, "bootstrap_samples": 200}
    )
    made = evaluate(
        read_signals(two_tastes.write(), "shop-uk", NIGHT, config.signals),
        config.model_copy(update={"evaluation": settings}),
        threads=1,
    )
    assert isinstance(made, Evaluation)
    return made


def test_popular_and_random_always_run_and_taste_beats_them(outcome, config):
    ndcg = {m.model: m.value for m in outcome.measurements if (m.task, m.metric, m.k) == ("personal", "ndcg", 10)}
    assert {"popular", "random"} < set(ndcg) == set(config.race)
    assert min(ndcg["item_knn"], ndcg["als"]) > max(ndcg["popular"], ndcg["random"])


def test_a_paired_difference_is_the_difference_of_the_means(outcome):
    found = {(m.task, m.model, m.metric, m.k): m for m in outcome.measurements}
    for task, metric in (("personal", "ndcg"), ("similar", "recall")):
        gap = found[task, "als", f"{metric}_minus_popular", 10]
        expected = found[task, "als", metric, 10].value - found[task, "popular", metric, 10].value
        assert gap.value == pytest.approx(expected)
        assert gap.ci_low <= gap.value <= gap.ci_high
        assert gap.people == found[task, "als", metric, 10].people


def test_an_evaluation_can_be_repeated_to_the_last_digit(outcome, two_tastes, config):
    again = evaluate(
        read_signals(two_tastes.warehouse, "shop-uk", NIGHT, config.signals),
        config.model_copy(
            update={
                "evaluation": config.evaluation.model_copy(
                    update={"test_days": [21], "enough_people": 40, "min_people": 40, "bootstrap_samples": 200}
                )
            }
        ),
        threads=2,
    )
    assert again.measurements == outcome.measurements


def test_contexts_with_the_same_item_share_its_list():
    lists = ranked(
        subject=np.array([0, 0, 2]), item=np.array([4, 5, 6]), score=np.array([2.0, 1.0, 1.0]), subjects=3, items=9, k=2
    )
    shared = _spread(lists, np.array([2, 0, 1, 0]))
    assert [shared.item[shared.subject == s].tolist() for s in range(4)] == [[6], [4, 5], [], [4, 5]]
    assert [shared.rank[shared.subject == s].tolist() for s in range(4)] == [[1], [1, 2], [], [1, 2]]
