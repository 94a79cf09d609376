"""Slices of an evaluation: who is in which, and what an interval of many says."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from perso_pipeline.models.evaluation import Evaluation, evaluate
from perso_pipeline.models.groups import Groups, Labels, category_levels, read_groups, top_category
from perso_pipeline.models.signals import read_signals
from perso_pipeline.models.slices import Slice, category_pairs, context_pairs, measure, people_slices
from perso_pipeline.models.split import split

NIGHT = date(2026, 1, 31)


@pytest.fixture
def few(config):
    settings = {"min_people": 2, "enough_people": 2, "test_days": [7], "min_slice_people": 2, "bootstrap_samples": 100}
    return config.evaluation.model_copy(update=settings)


@pytest.fixture
def parts(shop, config, few):
    """c1 and c2 came on two days before the cut, c3 and c4 on one; afterwards each wants the other's items."""
    items = {"c1": "cup", "c2": "plate", "c3": "doll", "c4": "car"}
    for person, item in items.items():
        shop.event(person, item, NIGHT - timedelta(days=20))
        if person in {"c1", "c2"}:
            shop.event(person, item, NIGHT - timedelta(days=15))
        for other in {*items.values()} - {item}:
            shop.event(person, other, NIGHT)
    shop.event("new", "cup", NIGHT)
    shop.event("new", "plate", NIGHT)
    signals = read_signals(shop.write(), "shop-uk", NIGHT, config.signals)
    return signals, split(signals, few, config.signals)


GROUPS = Groups(
    Labels(np.array(["c1", "c2", "c3"]), np.array(["loyal", "loyal", "other"])),
    Labels(np.array(["car", "cup", "doll"]), np.array(["toys/cars", "home/cups", "toys"])),
)


def test_people_who_came_on_several_days_return_and_the_others_are_new(parts):
    signals, made = parts
    found = people_slices(np.array(["c1", "c2", "c3", "c4", "new"]), signals, made, Groups(), 1)
    assert {s.name: s.at.tolist() for s in found} == {"new": [2, 3, 4], "returning": [0, 1]}


def test_a_slice_with_too_few_people_is_left_out_and_nobody_without_a_segment_is_in_one(parts):
    signals, made = parts
    found = people_slices(np.array(["c1", "c2", "c3", "c4"]), signals, made, GROUPS, 2)
    assert [(s.kind, s.name, s.at.tolist()) for s in found if s.kind == "segment"] == [("segment", "loyal", [0, 1])]


def test_a_person_stands_in_every_category_they_came_to_want(parts):
    _, made = parts
    pairs = category_pairs(made, GROUPS)
    wanted = {}
    for place, (person, category) in enumerate(zip(pairs.subject, pairs.category, strict=True)):
        who = str(made.train.people[made.people[person]])
        wanted[who, str(category)] = made.train.items[pairs.relevant[place].indices].tolist()
    # plate has no category; c1 had the cup, c3 the doll, c4 the car before
    assert wanted == {
        ("c1", "toys"): ["car", "doll"], ("c2", "home"): ["cup"], ("c2", "toys"): ["car", "doll"],
        ("c3", "home"): ["cup"], ("c3", "toys"): ["car"], ("c4", "home"): ["cup"], ("c4", "toys"): ["doll"],
    }  # fmt: skip


def test_a_context_stands_in_the_category_of_its_item(parts):
    _, made = parts
    pairs, kept, pair_of = context_pairs(made, GROUPS)
    for context, pair in zip(kept, pair_of, strict=True):
        item = made.train.items[made.contexts[context]]
        assert pairs.category[pair] == top_category(GROUPS.categories.of(np.array([item])))[0]
        assert pairs.subject[pair] == made.context_unit[context]
    assert "plate" not in made.train.items[made.contexts[kept]]


def test_without_categories_there_is_no_category_slice(parts):
    _, made = parts
    assert len(category_pairs(made, Groups()).subject) == len(context_pairs(made, Groups())[0].subject) == 0


def test_an_interval_of_slices_is_students_widened_for_their_number(few):
    columns = {"als": np.array([0.5, 0.1, 0.3, 0.9]), "popular": np.array([0.1, 0.1, 0.2, 0.2])}
    found = measure(
        "personal", "ndcg", 10, columns, [Slice("history", "new", np.array([0, 1, 3]))],
        rivals={"_minus_popular": "popular"}, looked_at=5, config=few,
    )  # fmt: skip
    gap = next(m for m in found if m.metric == "ndcg_minus_popular")
    own = np.array([0.4, 0.0, 0.7])
    low, high = stats.t.interval(1 - 0.05 / 5, 2, loc=own.mean(), scale=stats.sem(own))
    assert (gap.value, gap.ci_low, gap.ci_high, gap.people) == pytest.approx((own.mean(), low, high, 3))


def test_all_slices_together_hold_as_often_as_they_say(few):
    rng = np.random.default_rng(4)
    slices = [Slice("segment", f"s{n}", np.arange(n * 60, n * 60 + 60)) for n in range(10)]
    wrong = 0
    for _ in range(300):
        columns = {"als": rng.exponential(size=600) - 1, "popular": np.zeros(600)}
        found = measure("personal", "ndcg", 10, columns, slices, rivals={}, looked_at=10, config=few)
        wrong += any(m.ci_low > 0 or m.ci_high < 0 for m in found if m.model == "als")
    # 5 % would be 15; lopsided values of 60 people miss somewhat more often
    assert wrong / 300 < 0.12


def test_the_mean_of_the_history_slices_is_the_mean_of_everybody(two_tastes, config, few):
    racing = config.model_copy(update={"evaluation": few.model_copy(update={"test_days": [21]})})
    groups = Groups(categories=Labels(np.array([f"item-{n:02d}" for n in range(20)]), np.array(["a", "b"] * 10)))
    signals = read_signals(two_tastes.write(), "shop-uk", NIGHT, config.signals)
    outcome = evaluate(signals, racing, threads=1, groups=groups)
    assert isinstance(outcome, Evaluation)
    for task, metric in (("personal", "ndcg"), ("similar", "recall")):
        whole = next(m for m in outcome.measurements if (m.task, m.model, m.metric, m.k) == (task, "als", metric, 10))
        own = [s for s in outcome.slices if (s.task, s.model, s.metric, s.kind) == (task, "als", metric, "history")]
        assert sum(s.people for s in own) == whole.people
        assert sum(s.people * s.value for s in own) / whole.people == pytest.approx(whole.value)
        assert {s.slice for s in outcome.slices if (s.task, s.kind) == (task, "category")} == {"a", "b"}
    assert ("personal", "als", "diversity", 10) in {(m.task, m.model, m.metric, m.k) for m in outcome.measurements}


def test_groups_are_those_of_the_night_and_site(shop):
    warehouse = shop.write()
    assert read_groups(warehouse, "shop-uk", NIGHT).segments.of(np.array(["p1"])).tolist() == [""]
    for night, site, segment in (
        (NIGHT, "shop-uk", "loyal"),
        (NIGHT, "shop-de", "other"),
        (date(2026, 1, 30), "shop-uk", "new"),
    ):
        rows = pa.table({"night": [night], "site_id": [site], "person_id": ["p1"], "segment_id": [segment]})
        warehouse.write_partition("segments.primary_segment", rows, {"night": night, "site_id": site})
    items = pa.table(
        {"night": [NIGHT] * 2, "site_id": ["shop-uk"] * 2, "item_id": ["a", "b"], "category_path": ["x/y", None]}
    )
    warehouse.write_partition("profiles.item_profiles", items, {"night": NIGHT})
    groups = read_groups(warehouse, "shop-uk", NIGHT)
    assert groups.segments.of(np.array(["p0", "p1"])).tolist() == ["", "loyal"]
    assert groups.categories.of(np.array(["a", "b", "c"])).tolist() == ["x/y", "", ""]
    assert groups.fingerprint != read_groups(warehouse, "shop-de", NIGHT).fingerprint


def test_category_levels_number_each_path_down_to_a_level():
    assert category_levels(np.array(["a/b", "a", "", "c/b"])).tolist() == [[0, 1], [0, -1], [-1, -1], [2, 3]]
