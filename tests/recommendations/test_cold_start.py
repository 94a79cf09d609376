"""How much of a night's lists is cold start, counted by hand; and freshness of a submodel's rows."""

from datetime import date
from typing import Any

import pytest

from perso_pipeline.recommendations.cold_start import cold_start_counts
from perso_pipeline.recommendations.composer import compose
from perso_pipeline.recommendations.gate_history import fresh
from perso_pipeline.recommendations.scenarios import Scenarios

NIGHT = date(2026, 3, 10)


def scenarios(levels: list[dict[str, Any]], **more: Any) -> Scenarios:
    scenario = {"id": "home", "name": "Home", "subject": "person", "size": 2, "levels": levels, **more}
    return Scenarios.model_validate({"scenarios": [scenario]})


@pytest.fixture
def two_people(copy_of):
    """Ann has candidates a and b of her own, Bob has none; everybody's popular is c, then the cold item n."""
    return copy_of("two-people", _fill)


def _fill(shop) -> None:
    shop.add("profiles.customer_profiles", {"person_id": "ann"}, {"person_id": "bob"})
    shop.add("profiles.item_profiles", *({"item_id": item} for item in "abcn"))
    shop.add("models.champions", {"task": "personal", "model": "als"})
    own = {"task": "personal", "model": "als", "subject_type": "person", "subject_id": "ann"}
    shop.add(
        "models.candidates", *({**own, "item_id": i, "rank": r, "score": 9.0 - r} for r, i in ((1, "a"), (2, "b")))
    )
    anyone = {"task": "personal", "model": "popular", "subject_type": "anyone", "subject_id": "anyone"}
    shop.add("models.candidates", {**anyone, "item_id": "c", "score": 2.0}, {**anyone, "item_id": "n", "score": 1.0})
    shop.add("models.cold_items", {"item_id": "n"})


def write(shop, config: Scenarios) -> None:
    made = compose(shop, config, night=NIGHT)
    shop.write_partition("recommendations.recommendations", made.recommendations, {"night": NIGHT})
    shop.write_partition("recommendations.short_lists", made.short_lists, {"night": NIGHT})


def counts(shop) -> dict[str, int]:
    (row,) = cold_start_counts(shop, night=NIGHT).to_pylist()
    return {name: value for name, value in row.items() if isinstance(value, int)}


def test_lists_of_people_nothing_is_known_of_and_slots_of_cold_items_are_counted(two_people):
    write(two_people, scenarios([{"strategy": "personal"}, {"strategy": "popular"}]))
    # Ann: a, b. Bob: c, n. The list of everybody unknown is nobody's and does not count.
    assert counts(two_people) == {
        "lists": 2, "cold_lists": 1, "empty_cold_lists": 0, "cold_list_slots": 2, "slots": 4, "cold_item_slots": 1,
        "explored_slots": 0,
    }  # fmt: skip


def test_a_new_person_with_an_empty_list_is_counted_as_such(two_people):
    write(two_people, scenarios([{"strategy": "personal"}]))
    assert counts(two_people)["empty_cold_lists"] == 1
    assert counts(two_people)["lists"] == 2


def test_explored_slots_are_counted(two_people):
    write(two_people, scenarios([{"strategy": "personal"}, {"strategy": "popular"}], exploration={"share": 0.5}))
    # half of two slots of Ann go to n; Bob has n already, so nothing is left to explore for him
    assert counts(two_people)["explored_slots"] == 1


@pytest.mark.parametrize(("version", "passed"), [("1", True), ("0", False)])
def test_a_submodels_rows_are_fresh_if_their_version_is_the_nights_whatever_its_model(two_people, version, passed):
    two_people.add("models.submodels", {"submodel": "segment", "submodel_group": "loyal"})
    row = {"task": "personal", "model": "item_knn", "subject_type": "person", "subject_id": "bob", "version": version}
    two_people.add(
        "models.candidates", {**row, "submodel": "segment", "submodel_group": "loyal", "item_id": "c", "score": 1}
    )
    config = scenarios([{"strategy": "personal", "submodel": "segment", "group": "loyal"}])
    write(two_people, config)
    assert fresh(two_people, config, night=NIGHT).passed is passed
