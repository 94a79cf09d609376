import pytest

from perso_pipeline.models.champion import choose_champion
from perso_pipeline.models.evaluation import Measurement


def race(**models):
    """model=(ndcg, gap to popular low, gap to incumbent low, coverage); gaps are 0.02 wide."""
    made = [Measurement("personal", "popular", "ndcg", 10, 0.05, 0.04, 0.06, 100)]
    made.append(Measurement("personal", "popular", "coverage", 10, 0.01, None, None, 100))
    for model, (ndcg, low, over_incumbent, coverage) in models.items():
        made += [
            Measurement("personal", model, "ndcg", 10, ndcg, ndcg - 0.01, ndcg + 0.01, 100),
            Measurement("personal", model, "ndcg_minus_popular", 10, ndcg - 0.05, low, low + 0.02, 100),
            Measurement("personal", model, "coverage", 10, coverage, None, None, 100),
        ]
        if over_incumbent is not None:
            made.append(
                Measurement(
                    "personal",
                    model,
                    "ndcg_minus_incumbent",
                    10,
                    over_incumbent + 0.01,
                    over_incumbent,
                    over_incumbent + 0.02,
                    100,
                )
            )
    return made


def chosen(measurements, incumbent="item_knn"):
    return choose_champion("personal", measurements, incumbent=incumbent, min_coverage=0.1)


def test_popular_serves_where_nothing_is_surely_better():
    decision = chosen(race(als=(0.08, -0.001, -0.01, 0.5), item_knn=(0.06, -0.01, None, 0.5)))
    assert (decision.model, decision.challenger) == ("popular", "als")
    assert "no model is surely better; als differs from popular by +0.0300 [-0.0010, +0.0190]" in decision.reason


def test_the_incumbent_stays_until_it_is_surely_beaten():
    decision = chosen(race(als=(0.09, 0.02, -0.001, 0.5), item_knn=(0.08, 0.01, None, 0.5)))
    assert (decision.model, decision.challenger) == ("item_knn", "als")
    assert decision.reason.startswith("item_knn stays: als differs from it in ndcg@10 by only +0.0090")


def test_a_challenger_that_is_surely_better_takes_over():
    decision = chosen(race(als=(0.09, 0.02, 0.001, 0.5), item_knn=(0.08, 0.01, None, 0.5)))
    assert (decision.model, decision.challenger) == ("als", "item_knn")
    assert decision.reason.startswith("als replaces item_knn")


def test_an_incumbent_that_no_longer_beats_popular_is_replaced():
    decision = chosen(race(als=(0.09, 0.02, -0.001, 0.5), item_knn=(0.08, -0.01, None, 0.5)))
    assert decision.model == "als"


def test_a_model_that_shows_too_few_items_may_not_serve():
    decision = chosen(race(trending=(0.09, 0.02, 0.01, 0.05), item_knn=(0.06, -0.01, None, 0.5)))
    assert decision.model == "popular"
    assert "trending covers only 5.0% of the items" in decision.reason


def test_random_never_serves_however_lucky():
    decision = chosen(race(random=(0.2, 0.1, 0.1, 1.0), item_knn=(0.06, 0.005, None, 0.5)))
    assert (decision.model, decision.challenger) == ("item_knn", "popular")


def test_a_task_that_was_not_measured_is_served_by_popular():
    decision = chosen([])
    assert (decision.model, decision.challenger) == ("popular", None)
    assert "could not be evaluated" in decision.reason


@pytest.mark.parametrize("incumbent", ["item_knn", "als"])
def test_the_choice_does_not_depend_on_the_order_of_measurements(incumbent):
    measurements = race(als=(0.09, 0.02, 0.001, 0.5), item_knn=(0.08, 0.01, 0.0, 0.5))
    assert chosen(measurements, incumbent) == chosen(measurements[::-1], incumbent)
