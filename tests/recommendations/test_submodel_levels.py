"""Levels that name a submodel: who is answered by a group, who by the main model, who by nothing."""

from datetime import date
from typing import Any

import pytest

from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.recommendations.composer import compose
from perso_pipeline.recommendations.scenarios import Scenario, Scenarios, read_scenarios
from perso_pipeline.settings import PROJECT_ROOT

NIGHT = date(2026, 3, 10)


def scenarios(levels: list[dict[str, Any]], **scenario: Any) -> Scenarios:
    whole = {"id": "home", "name": "Home", "subject": "person", "size": 2, "levels": levels, **scenario}
    return Scenarios.model_validate({"scenarios": [whole]})


def lists(shop, config: Scenarios) -> dict[str, list[tuple[str, int]]]:
    rows = compose(shop, config, night=NIGHT).recommendations.to_pylist()
    out: dict[str, list[tuple[str, int]]] = {}
    for row in sorted(rows, key=lambda row: row["rank"]):
        out.setdefault(row["subject_id"], []).append((row["item_id"], row["level"]))
    return out


def ranked(items: str, **more: Any) -> list[dict[str, Any]]:
    row = {"task": "personal", "model": "popular", "subject_type": "anyone", "subject_id": "anyone", **more}
    return [{**row, "item_id": item, "score": 10.0 - place} for place, item in enumerate(items)]


def of_group(group: str, submodel: str = "segment") -> dict[str, str]:
    return {"submodel": submodel, "submodel_group": group}


@pytest.fixture
def groups(copy_of):
    """Site-wide popular: a, b. Of loyal people: c, d. Ann is loyal, Bob idle (not trained), Cid in no group."""
    return copy_of("groups", _fill)


def _fill(shop) -> None:
    shop.add("profiles.customer_profiles", *({"person_id": person} for person in ("ann", "bob", "cid", "dan")))
    shop.add("profiles.item_profiles", *({"item_id": item} for item in "abcdef"))
    shop.add("models.candidates", *ranked("ab"), *ranked("cd", **of_group("loyal")))
    shop.add(
        "models.submodels",
        of_group("loyal"),
        {**of_group("idle"), "answers_with": "main_model"},
        {**of_group("silent"), "answers_with": "nothing"},
    )
    shop.add(
        "models.submodel_members",
        *(
            {"submodel": "segment", "subject_type": "person", "subject_id": who, "submodel_group": group}
            for who, group in (("ann", "loyal"), ("bob", "idle"), ("dan", "silent"))
        ),
    )


def test_a_person_gets_the_list_of_their_group_and_who_is_in_none_the_main_models(groups) -> None:
    made = lists(groups, scenarios([{"strategy": "popular", "submodel": "segment"}]))
    assert made["ann"] == [("c", 1), ("d", 1)]
    assert made["cid"] == made["*"] == [("a", 1), ("b", 1)]


def test_a_group_that_is_not_trained_is_answered_by_the_main_model_or_by_nothing(groups) -> None:
    made = lists(groups, scenarios([{"strategy": "popular", "submodel": "segment"}, {"strategy": "catalogue"}]))
    assert made["bob"] == [("a", 1), ("b", 1)]
    assert made["dan"] == [("a", 2), ("b", 2)]  # the level gave nothing, the next one answers


def test_a_group_that_runs_dry_is_filled_up_by_the_next_level(groups) -> None:
    levels = [{"strategy": "popular", "submodel": "segment"}, {"strategy": "popular"}]
    made = lists(groups, scenarios(levels, size=3))
    assert made["ann"] == [("c", 1), ("d", 1), ("a", 2)]


def test_who_wants_no_personalization_is_in_no_group(groups) -> None:
    groups.run("update profiles.customer_profiles set has_personalization_consent = false")
    made = lists(groups, scenarios([{"strategy": "popular", "submodel": "segment"}]))
    assert made["ann"] == made["*"]


def test_a_new_person_gets_the_segments_list_then_the_sites_and_never_an_empty_one(groups) -> None:
    groups.add("models.champions", {"task": "personal", "model": "als"})
    levels = [{"strategy": "personal"}, {"strategy": "popular", "submodel": "segment"}, {"strategy": "popular"}]
    made = lists(groups, scenarios(levels, size=3))
    assert made["ann"] == [("c", 2), ("d", 2), ("a", 3)]  # nothing is known of Ann but her segment
    assert made["cid"] == [("a", 2), ("b", 2)]


def test_a_level_can_fix_the_group_for_everybody(groups) -> None:
    made = lists(groups, scenarios([{"strategy": "popular", "submodel": "segment", "group": "loyal"}]))
    assert made["cid"] == made["*"] == [("c", 1), ("d", 1)]


def test_the_trace_names_the_submodel_that_answered(groups) -> None:
    made = compose(groups, scenarios([{"strategy": "popular", "submodel": "segment"}]), night=NIGHT)
    rules = {row["subject_id"]: row["rules"] for row in made.trace.to_pylist()}
    assert (rules["ann"], rules["cid"]) == (["submodel:segment=loyal"], [])


def test_a_page_gets_the_list_of_its_items_group_and_a_cart_that_of_most_of_its_items(groups) -> None:
    groups.add(
        "models.candidates", *ranked("ef", **of_group("red", "colour")), *ranked("ab", **of_group("blue", "colour"))
    )
    groups.add("models.submodels", of_group("red", "colour"), of_group("blue", "colour"))
    groups.add(
        "models.submodel_members",
        *(
            {"submodel": "colour", "subject_type": "item", "subject_id": item, "submodel_group": group}
            for item, group in (("c", "red"), ("d", "red"), ("f", "blue"))
        ),
    )
    level = [{"strategy": "popular", "submodel": "colour"}]
    made = lists(groups, scenarios(level, subject="item"))
    assert made["c"] == [("e", 1), ("f", 1)]
    assert made["a"] == [("a", 1), ("b", 1)]  # no colour: the main model
    groups.add(
        "interactions.session_events",
        *({"event_id": item, "cart_id": "c1", "item_id": item} for item in "cdf"),
    )
    assert lists(groups, scenarios(level, subject="cart"))["c1"] == [("e", 1), ("f", 1)]


def test_lists_for_people_and_items_come_from_the_group_too(groups) -> None:
    groups.add("models.champions", {"task": "personal", "model": "als"}, {"task": "similar", "model": "knn"})
    person = {"model": "als", "subject_type": "person"}
    similar = {"model": "knn", "subject_type": "item", "task": "similar"}
    groups.add(
        "models.candidates",
        *ranked("ab", **person, subject_id="ann"),
        *ranked("ef", **{**person, "model": "item_knn"}, subject_id="ann", **of_group("loyal")),
        *ranked("ab", **person, subject_id="cid"),
        *ranked("b", **similar, subject_id="a"),
        *ranked("f", **similar, subject_id="a", **of_group("red", "colour")),
    )
    made = lists(groups, scenarios([{"strategy": "personal", "submodel": "segment"}]))
    assert made["ann"] == [("e", 1), ("f", 1)]
    assert made["cid"] == [("a", 1), ("b", 1)]
    groups.add("models.submodels", of_group("red", "colour"))
    fixed = [{"strategy": "similar", "submodel": "colour", "group": "red"}]
    assert lists(groups, scenarios(fixed, subject="item"))["a"] == [("f", 1)]


@pytest.mark.parametrize(
    ("level", "message"),
    [
        ({"submodel": "segmant"}, "names submodel 'segmant', not in models.yml .did you mean 'segment'"),
        ({"submodel": "segment", "group": "loyle"}, "has no group 'loyle' .did you mean 'loyal'"),
    ],
)
def test_a_submodel_or_group_that_is_not_there_is_named(groups, level, message) -> None:
    with pytest.raises(ConfigError, match=message):
        compose(groups, scenarios([{"strategy": "popular", **level}]), night=NIGHT)


def test_cold_items_pages_get_what_is_alike_in_content(groups) -> None:
    cold = {"submodel": "cold_start", "task": "similar", "model": "content", "subject_type": "item"}
    groups.add("models.champions", {"task": "similar", "model": "knn"})
    groups.add("models.candidates", *ranked("ab", **cold, subject_id="f"))
    levels = [{"strategy": "similar"}, {"strategy": "similar_content"}, {"strategy": "popular"}]
    made = lists(groups, scenarios(levels, subject="item", filters=["same_item"]))
    assert made["f"] == [("a", 2), ("b", 2)]
    assert made["a"] == [("b", 3)]


def test_a_scenario_by_time_slot_is_made_once_more_per_slot_and_asks_that_slot_first(groups) -> None:
    slots = {"submodel": "daypart", "slots": ["morning", "evening"]}
    scenario = Scenario.model_validate(
        {
            "id": "home",
            "name": "Home",
            "subject": "person",
            "size": 2,
            "levels": [{"strategy": "popular"}],
            "time_slots": slots,
        }
    )
    made = scenario.by_time_slot()
    assert [one.id for one in made] == ["home", "home--morning", "home--evening"]
    groups.add("models.candidates", *ranked("f", **of_group("evening", "daypart")))
    groups.add(
        "models.submodels",
        of_group("evening", "daypart"),
        {**of_group("morning", "daypart"), "answers_with": "main_model"},
    )
    config = Scenarios.model_validate({"scenarios": [one.model_dump() for one in made]})
    rows = compose(groups, config, night=NIGHT).recommendations.to_pylist()
    of_cid = {}
    for row in sorted(rows, key=lambda row: row["rank"]):
        if row["subject_id"] == "cid":
            of_cid.setdefault(row["scenario_id"], []).append((row["item_id"], row["level"]))
    assert of_cid == {
        "home": [("a", 1), ("b", 1)],
        "home--evening": [("f", 1), ("a", 2)],
        "home--morning": [("a", 1), ("b", 1)],
    }


def test_the_shipped_scenarios_can_be_read() -> None:
    assert read_scenarios(PROJECT_ROOT / "config")["home"].levels[2].submodel == "segment"
