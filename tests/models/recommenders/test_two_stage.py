"""Candidates of several models, a learnt order, and nothing of the future in what it is learnt from."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perso_pipeline.models import plots, race
from perso_pipeline.models.evaluation import Evaluation, evaluate
from perso_pipeline.models.evidence import from_tables, read_evidence, with_evidence
from perso_pipeline.models.past import with_past
from perso_pipeline.models.protocol import Explanation, Insight, NotExplainable
from perso_pipeline.models.recommenders import features, gathering
from perso_pipeline.models.recommenders.config import TwoStageConfig
from perso_pipeline.models.recommenders.lessons import described, lesson, lessons
from perso_pipeline.models.roster import build
from perso_pipeline.models.signals import from_table, matrix_as_of, read_signals, to_day
from perso_pipeline.resources.tracked import ModelRun, NightRun
from perso_pipeline.resources.tracking import Tracking

CUT = date(2026, 1, 18)
AS_OF = CUT + timedelta(days=14)
NIGHT = date(2026, 1, 31)  # of the shop of conftest
CANDIDATES = {"item_knn": 6, "popular": 4, "session": 5, "content": 4}


@pytest.fixture
def small(config):
    two_stage = TwoStageConfig(
        candidates=CANDIDATES, similar_by="item_knn", label_days=14, periods=1, max_people=100, min_people=1,
        trees=8, leaves=4, min_rows=1, learning_rate=0.3, feature_share=1, regularization=1, truncation=10, seed=3,
    )  # fmt: skip
    return config.model_copy(update={"two_stage": two_stage})


def members(config):
    return build(config, threads=1, names=config.two_stage.candidates)


# person, item, days after the cut (negative: before), kind
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 7), st.integers(0, 8), st.integers(-40, 13), st.sampled_from(["product_view", "purchase"])
    ),
    min_size=1,
    max_size=60,
)
# item, days after the cut, price, brand, category, whether it was taken out
OFFERS = st.lists(
    st.tuples(
        st.integers(0, 8), st.integers(-40, 13), st.sampled_from([4.0, 9.0]), st.sampled_from(["Ada", "Bo"]),
        st.sampled_from(["home", "garden"]), st.booleans(),
    ),
    max_size=20,
    unique_by=lambda offer: offer[:2],
)  # fmt: skip
WEIGHT = {"product_view": 1.0, "purchase": 8.0}


def world(events, offers, config, as_of=AS_OF):
    """The training matrix of a site with these events and catalogue records, and with its past."""
    cut = to_day(CUT)
    days = {}
    for person, item, after, kind in events:
        key = (f"p{person}", f"i{item}", cut + after)
        days[key] = days.get(key, 0.0) + WEIGHT[kind]
    signals = from_table(
        pa.table(
            {
                "person_id": pa.array([k[0] for k in days], pa.string()),
                "item_id": pa.array([k[1] for k in days], pa.string()),
                "event_date": pa.array(np.array([k[2] for k in days]).astype("datetime64[D]")),
                "weight": pa.array(list(days.values()), pa.float64()),
                "is_relevant": pa.array([True] * len(days)),
            }
        )
    )
    happened = sorted((f"p{p}", f"i{i}", cut + a, (cut + a) * 86400 + 3600, kind) for p, i, a, kind in events)
    columns = ("person_id", "item_id", "event_day", "event_second", "event_type")
    versions, prices = [], []
    for item, after, price, brand, category, gone in sorted(offers):
        first = min(a for i, a, *_ in offers if i == item)
        versions.append((f"i{item}", cut + after, f"{brand} thing", brand, [category], None, gone, cut + first))
        prices.append((f"i{item}", cut + after, price))
    of_items = [("item_id", pa.string()), ("from_day", pa.int64()), ("words", pa.string()), ("brand", pa.string()),
                ("category_paths", pa.list_(pa.string())), ("attributes", pa.string()), ("is_deleted", pa.bool_()),
                ("added_day", pa.int64())]  # fmt: skip
    of_prices = [("item_id", pa.string()), ("from_day", pa.int64()), ("price", pa.float64())]
    evidence = from_tables(
        pa.table({name: [event[n] for event in happened] for n, name in enumerate(columns)}),
        pa.Table.from_pylist(
            [dict(zip([n for n, _ in of_items], v, strict=True)) for v in versions], pa.schema(of_items)
        ),
        pa.Table.from_pylist(
            [dict(zip([n for n, _ in of_prices], v, strict=True)) for v in prices], pa.schema(of_prices)
        ),
    )
    data = with_evidence(matrix_as_of(signals, as_of, config.signals), evidence)
    return with_past(data, signals, config.signals, evidence)


def described_at(data, cut, config):
    """Every candidate of everybody known at a cut, and its features, by id."""
    before = data.past.matrix(cut)
    models = {name: model.fit(before) for name, model in members(config).items()}
    everybody = np.arange(len(before.people))
    found = gathering.gather(models, config.two_stage.depths, before, everybody, least=1, exclude=before.seen)
    values = features.Moment(before).of(found.person, found.item)
    return (
        before.people[found.person].tolist(), before.items[found.item].tolist(),
        found.sayings.tobytes(), values.tobytes(), values.shape,
    )  # fmt: skip


@settings(
    max_examples=60, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(events=EVENTS, offers=OFFERS, later=EVENTS, later_offers=OFFERS)
def test_features_at_a_cut_are_the_same_bytes_whatever_happens_from_the_cut_on(
    events, offers, later, later_offers, small
):
    past = [event for event in events if event[2] < 0] or [(0, 0, -1, "product_view")]
    offered = [offer for offer in offers if offer[1] < 0]
    alone = described_at(world(past, offered, small), CUT, small)
    for changed in (
        [*past, *(event for event in events if event[2] >= 0)],
        [*past, *(event for event in later if event[2] >= 0)],
    ):
        other = world(changed, [*offered, *(offer for offer in later_offers if offer[1] >= 0)], small)
        assert described_at(other, CUT, small) == alone


def test_features_do_use_what_came_the_day_before_the_cut(small):
    # The test above could not fail if features were blind; the same change one day earlier must show.
    base = [(p, i, -5, "purchase") for p in range(4) for i in range(5) if (p + i) % 2]
    data = world(base, [], small)
    changed = world([*base, (0, 0, -1, "purchase")], [], small)
    assert described_at(changed, CUT, small) != described_at(data, CUT, small)
    priced = world(base, [(2, -1, 9.0, "Ada", "home", False)], small)
    assert described_at(priced, CUT, small) != described_at(data, CUT, small)


BLOCKS = [(p, i, -30 + p % 3, "purchase") for p in range(8) for i in range(9) if (p + i) % 2 and (p + i) % 3]
LATER = [(p, i, 3, "purchase") for p in range(8) for i in range(9) if (p + i) % 2 and not (p + i) % 3]


def test_a_lesson_labels_what_is_new_from_the_cut_on_and_only_that(small):
    repeated = (BLOCKS[0][0], BLOCKS[0][1], 2, "purchase")
    data = world([*BLOCKS, *LATER, repeated, (0, 6, 40, "purchase")], [], small)
    made = lesson(data.past, CUT, AS_OF, members(small), small.two_stage)
    hits = {(p, i) for p, i, hit in zip(made.people, made.items, made.hit, strict=True) if hit}
    assert hits <= {(f"p{p}", f"i{i}") for p, i, *_ in LATER}
    assert len(hits) == made.hit.sum() > 10
    before = {(f"p{p}", f"i{i}") for p, i, *_ in BLOCKS}
    assert not before & set(zip(made.people.tolist(), made.items.tolist(), strict=True))
    assert made.group.sum() == len(made.hit)
    assert made.features.shape[1] == len(gathering.names(members(small))) + len(features.NAMES)
    assert (made.cut, made.end) == (CUT, AS_OF)


def test_label_periods_follow_each_other_back_in_time_and_end_with_the_data(small):
    config = small.two_stage.model_copy(update={"periods": 9, "label_days": 7})
    events = [(p, (p + back // 7) % 9, -back + 13, "purchase") for p in range(8) for back in range(0, 40, 3)]
    taught = list(lessons(world(events, [], small).past, AS_OF, lambda: members(small), config))
    assert [made.end for made in taught] == [AS_OF - timedelta(days=7 * n) for n in range(len(taught))]
    assert all(made.end - made.cut == timedelta(days=7) for made in taught)
    assert 1 < len(taught) < 9


def test_the_past_does_not_show_the_matrix_s_own_day_or_later(small):
    data = world([*BLOCKS, (0, 0, 5, "purchase")], [], small, as_of=CUT)
    with pytest.raises(ValueError, match="may not see"):
        data.past.matrix(CUT + timedelta(days=1))
    with pytest.raises(ValueError, match="may not see"):
        data.past.wanted(CUT - timedelta(days=1), CUT + timedelta(days=1))


def test_a_lesson_whose_label_period_has_no_days_is_refused(small):
    data = world([*BLOCKS, *LATER], [], small)
    with pytest.raises(AssertionError, match="train < cut <= label"):
        lesson(data.past, CUT, CUT, members(small), small.two_stage)


def fitted(data, config, threads=1):
    return build(config, threads=threads, names=["two_stage"])["two_stage"].fit(data)


def test_the_model_is_the_same_bytes_whatever_comes_after_its_day_and_with_any_threads(small):
    first = fitted(world([*BLOCKS, *LATER], [], small), small).arrays()
    for other in (
        fitted(world([*BLOCKS, *LATER, (0, 8, 20, "purchase"), (9, 1, 15, "purchase")], [], small), small),
        fitted(world([*BLOCKS, *LATER], [], small), small, threads=2),
    ):
        again = other.arrays()
        assert first["ranker"].size > 0
        assert {name: array.tobytes() for name, array in again.items()} == {n: a.tobytes() for n, a in first.items()}


def test_the_order_of_candidates_in_the_config_changes_nothing(small):
    data = world([*BLOCKS, *LATER], [], small)
    turned = small.two_stage.model_copy(update={"candidates": dict(reversed(CANDIDATES.items()))})
    one, other = fitted(data, small), fitted(data, small.model_copy(update={"two_stage": turned}))
    assert one.arrays()["ranker"].tobytes() == other.arrays()["ranker"].tobytes()


def test_columns_are_named_after_what_they_hold(small):
    data = world([*BLOCKS, *LATER], [(1, -9, 4.0, "Ada", "home", False)], small)
    model = fitted(data, small)
    items, parts, names = model.contributions(0, np.arange(len(data.items)))
    assert parts.shape == (len(items), len(names))
    found = model._of_one(0, np.array([1]))
    said = dict(zip(gathering.names(model._members), found.sayings[0].tolist(), strict=True))
    expected = model._members["popular"].recommend(np.array([0]), 9).score
    assert said["popular_score"] in expected.astype(np.float32)
    assert said["popular_rank"] == 1
    moment = dict(zip(features.NAMES, features.Moment(data).of(np.array([0]), np.array([1]))[0].tolist(), strict=True))
    assert moment["item_log_price"] == pytest.approx(np.log(4.0))
    assert moment["item_added_days"] == 9 + 14
    assert moment["person_items"] == (data.weights[0] > 0).sum()


def test_too_few_hits_leave_the_ranker_unlearnt_and_the_lists_to_the_sum_of_ranks(small):
    strict = small.model_copy(update={"two_stage": small.two_stage.model_copy(update={"min_people": 9})})
    model = fitted(world([*BLOCKS, *LATER], [], strict), strict)
    assert model.arrays()["ranker"].size == 0
    assert model.insight() is None
    lists = model.recommend(np.array([0]), 3)
    assert len(lists.item) == 3
    assert lists.score[0] <= len(CANDIDATES) / 61


def test_the_ranker_learns_an_order_that_no_candidate_model_has(small):
    # People want what is cheap and new to them; no candidate model reads prices.
    rng = np.random.default_rng(4)
    cheap = {0, 3, 5}
    events = [(p, int(i), -20, "purchase") for p in range(60) for i in rng.permutation(9)[:4]]
    had = {(p, i) for p, i, *_ in events}
    events += [(p, i, 3, "purchase") for p in range(60) for i in cheap if (p, i) not in had]
    events += [(p, 8, 13, "product_view") for p in range(60, 120)]  # newcomers of the last day, to be asked for
    offers = [(i, -40, 4.0 if i in cheap else 9.0, "Ada", "home", False) for i in range(9)]
    learning = small.two_stage.model_copy(update={"trees": 40, "candidates": dict.fromkeys(CANDIDATES, 9)})
    config = small.model_copy(update={"two_stage": learning})
    data = world(events, offers, config)
    model = fitted(data, config)
    newcomers = np.flatnonzero([int(name[1:]) >= 60 for name in data.people])
    first = model.recommend(newcomers, 1, data.seen[newcomers])
    assert {int(data.items[i][1:]) for i in first.item} <= cheap
    gain = dict(zip(model.insight().names, model.insight().gain, strict=True))
    assert max(gain, key=gain.get) in {"item_log_price", "price_against_person", "price_distance_of_person"}


def test_contributions_and_the_mean_add_up_to_the_score(small):
    data = world([*BLOCKS, *LATER], [], small)
    model = fitted(data, small)
    lists = model.recommend(np.array([0]), 5)
    found = model._of_one(0, np.sort(lists.item))
    whole = model._ranker.contributions(described(found, model._moment)).sum(axis=1)
    assert np.allclose(1 / (1 + np.exp(-whole)), model._scored(found))


def test_an_explanation_is_of_the_candidate_model_that_ranks_the_item_best_and_says_so(small):
    data = world([*BLOCKS, *LATER], [], small)
    model = fitted(data, small)
    liked = model._members["item_knn"].recommend(np.arange(len(data.people)), 1)
    person, item = int(liked.subject[0]), int(liked.item[0])
    why = model.explain(person, item)
    assert isinstance(why, Explanation)
    assert why.by in {"item_knn", "session", "content"}
    assert why.origins == model._members[why.by].explain(person, item).origins


def test_an_item_that_only_popularity_speaks_for_has_no_history_behind_it(small):
    only = {"popular": 9, "trending": 9}
    config = small.model_copy(
        update={"two_stage": small.two_stage.model_copy(update={"candidates": only, "similar_by": "popular"})}
    )
    why = fitted(world([*BLOCKS, *LATER], [], config), config).explain(0, 0)
    assert isinstance(why, NotExplainable)
    assert "cannot name items" in why.because


def test_a_matrix_without_its_past_is_refused(small):
    data = replace(world([*BLOCKS, *LATER], [], small), past=None)
    with pytest.raises(ValueError, match="has no past with it"):
        fitted(data, small)


def test_what_the_ranker_goes_by_stands_as_pictures_in_its_mlflow_run(two_tastes, config, tmp_path):
    for event in two_tastes.events:
        event["occurred_at"] = datetime.combine(event["event_date"], time(12))
    warehouse = two_tastes.write()
    signals = read_signals(warehouse, "shop-uk", NIGHT, config.signals)
    evidence = read_evidence(warehouse, "shop-uk", NIGHT, config.signals, events=True, items=False)
    learning = config.two_stage.model_copy(
        update={
            "candidates": {"item_knn": 20, "rp3beta": 20, "popular": 10},
            "min_people": 10,
            "min_rows": 5,
            "trees": 10,
            "label_days": 5,
        }
    )
    evaluation = config.evaluation.model_copy(update={"test_days": [7], "min_people": 20, "bootstrap_samples": 100})
    racing = config.model_copy(
        update={"race": [*config.race, "two_stage"], "two_stage": learning, "evaluation": evaluation}
    )
    outcome = evaluate(signals, racing, threads=1, evidence=evidence)
    assert isinstance(outcome, Evaluation)
    [record] = [r for r in race.run_records(racing, outcome) if r.figures]
    assert record.model == "two_stage"
    assert record.params["two_stage.trees"] == "10"
    assert all(body.startswith(b"\x89PNG") for body in record.figures.values())
    store = Tracking(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts")
    run = ModelRun(record.model, record.params, record.metrics, record.figures)
    recorded = store.record(NightRun("shop-uk", NIGHT, "key", {}, {}, {}, [run]))
    kept = store.model_folder(recorded.models["two_stage"]).parent / "plots"
    assert {path.name for path in kept.iterdir()} == {"feature_importance.png", "shap_summary.png"}


def test_a_picture_names_the_features_that_matter_and_can_hold_what_is_not_known():
    insight = Insight(
        names=("useless", "price"),
        gain=np.array([0.0, 5.0]),
        values=np.array([[1.0, np.nan], [1.0, 2.0], [1.0, 3.0]], dtype=np.float32),
        contributions=np.array([[0.0, -1.0], [0.0, 0.5], [0.0, 1.0]]),
    )
    for picture in (plots.feature_importance(insight, "gain"), plots.shap_summary(insight, "parts")):
        assert picture.startswith(b"\x89PNG")
