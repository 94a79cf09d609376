import pytest

from perso_pipeline.models.champion import choose_champion
from perso_pipeline.models.config import EvaluationConfig
from perso_pipeline.models.evaluation import Measurement
from perso_pipeline.models.slices import SliceMeasurement


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


def chosen(measurements, incumbent="item_knn", slices=()):
    settings = EvaluationConfig(
        test_days=[7], enough_people=2, min_people=2, max_people=9, max_contexts_per_person=1, cutoffs=[10],
        bootstrap_samples=100, confidence=0.95, seed=1, min_coverage=0.1, protected_slices=["history", "segment"],
    )  # fmt: skip
    return choose_champion("personal", measurements, slices, incumbent=incumbent, config=settings)


def slice_of(model, high, against="popular", kind="segment", name="loyal"):
    """A slice of 60 people whose difference has an interval that ends at ``high``."""
    metric = f"ndcg_minus_{against}"
    return SliceMeasurement("personal", kind, name, model, metric, 10, high - 0.02, high - 0.04, high, 60)


def test_popular_serves_where_nothing_is_surely_better():
    decision = chosen(race(als=(0.08, -0.001, -0.01, 0.5), item_knn=(0.06, -0.01, None, 0.5)))
    assert (decision.model, decision.challenger) == ("popular", "als")
    assert decision.reason == (
        "popular: no model may take its place; als cannot be told from popular: .0300 [-.0010, .0190] on ndcg@10 over "
        "100 people; no slice has the 50 people to be judged by."
    )


def test_the_incumbent_stays_until_it_is_surely_beaten():
    decision = chosen(race(als=(0.09, 0.02, -0.001, 0.5), item_knn=(0.08, 0.01, None, 0.5)))
    assert (decision.model, decision.challenger) == ("item_knn", "als")
    assert decision.reason.startswith(
        "item_knn stays: als cannot be told from item_knn: .0090 [-.0010, .0190] on ndcg@10 over 100 people. "
        "item_knn beats popular by .0300 [.0100, .0300] on ndcg@10 over 100 people"
    )


def test_a_challenger_that_is_surely_better_takes_over():
    decision = chosen(race(als=(0.09, 0.02, 0.001, 0.5), item_knn=(0.08, 0.01, None, 0.5)))
    assert (decision.model, decision.challenger) == ("als", "item_knn")
    assert decision.reason.startswith("als replaces item_knn: als beats item_knn by .0110 [.0010, .0210]")


def test_an_incumbent_that_no_longer_beats_popular_is_replaced():
    decision = chosen(race(als=(0.09, 0.02, -0.001, 0.5), item_knn=(0.08, -0.01, None, 0.5)))
    assert decision.model == "als"


def test_a_model_that_shows_too_few_items_may_not_serve():
    decision = chosen(race(trending=(0.09, 0.02, 0.01, 0.05), item_knn=(0.06, -0.01, None, 0.5)))
    assert decision.model == "popular"
    assert "it covers only 5.0% of the items, less than 10.0%" in decision.reason


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


def test_a_model_that_harms_a_slice_may_not_serve():
    better = race(als=(0.09, 0.02, 0.001, 0.5), item_knn=(0.08, 0.01, None, 0.5))
    decision = chosen(better, slices=[slice_of("als", -0.01), slice_of("item_knn", 0.01)])
    assert (decision.model, decision.challenger) == ("item_knn", "als")
    assert decision.reason.endswith("over 100 people; no slice is harmed (1 looked at).")


def test_a_slice_whose_interval_reaches_0_is_not_harmed():
    decision = chosen(race(als=(0.09, 0.02, 0.001, 0.5), item_knn=(0.08, 0.01, None, 0.5)), slices=[slice_of("als", 0)])
    assert decision.model == "als"


def test_where_everybody_harms_a_slice_popular_serves_and_says_whom():
    decision = chosen(race(item_knn=(0.08, 0.01, None, 0.5)), slices=[slice_of("item_knn", -0.01)])
    assert decision.model == "popular"
    assert "it harms segment loyal, where it loses to popular by .0300 [.0100, .0500] over 60 people" in decision.reason


def test_a_slice_that_is_not_protected_binds_nobody():
    decision = chosen(race(item_knn=(0.08, 0.01, None, 0.5)), slices=[slice_of("item_knn", -0.01, kind="category")])
    assert decision.model == "item_knn"
    assert decision.reason.endswith("; worse off, which does not bind: category loyal.")


def test_a_challenger_that_harms_a_slice_of_the_incumbent_does_not_replace_it():
    better = race(als=(0.09, 0.02, 0.001, 0.5), item_knn=(0.08, 0.01, None, 0.5))
    decision = chosen(better, slices=[slice_of("als", 0.01), slice_of("als", -0.01, against="incumbent")])
    assert decision.model == "item_knn"
    assert "item_knn stays: als beats item_knn by" in decision.reason
    assert "but it harms segment loyal, where it loses to item_knn by .0300" in decision.reason


def test_the_next_best_that_harms_nobody_may_replace_the_incumbent():
    better = race(
        als=(0.09, 0.02, 0.001, 0.5), rp3beta=(0.085, 0.02, 0.001, 0.5), item_knn=(0.08, 0.01, None, 0.5)
    )  # fmt: skip
    decision = chosen(better, slices=[slice_of("als", -0.01, against="incumbent")])
    assert decision.model == "rp3beta"
