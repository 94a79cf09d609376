"""What is made of a group, and lists for what is new."""

from datetime import timedelta

import pyarrow as pa

from perso_pipeline.models import tables
from perso_pipeline.models.candidates import as_table
from perso_pipeline.models.quality import unknown_segments
from perso_pipeline.models.submodel_lists import read_groups
from tests.models.cutting import NIGHT, further, lists_of, offer, segments, site_with


def test_the_lists_of_a_group_hold_its_items_only_and_carry_its_name(two_tastes, config):
    for n in range(20):
        offer(two_tastes, f"item-{n:02d}", attributes=f'{{"half": "{"first" if n < 10 else "second"}"}}')
    wanted = {"id": "h", "by": "attribute", "attribute": "half", "lists": ["popular", "trending"], "personal": "als",
              "similar": "rp3beta", "depth": 4}  # fmt: skip
    site = site_with(two_tastes, config, wanted)
    rows = [row for row in lists_of(two_tastes, site) if row["submodel"] == "h"]
    assert {row["submodel_group"] for row in rows} == {"first", "second"}
    for row in rows:
        assert (int(row["item_id"][-2:]) < 10) == (row["submodel_group"] == "first")
        assert row["rank"] <= 4
        assert row["version"] == site.version
    assert {(row["model"], row["task"], row["subject_type"]) for row in rows} == {
        ("popular", "personal", "anyone"), ("trending", "personal", "anyone"), ("als", "personal", "person"),
        ("rp3beta", "similar", "item"),
    }  # fmt: skip
    assert rows == [
        row for row in lists_of(two_tastes, site) if row["submodel"] == "h"
    ]  # the same night, the same lists


def test_blocked_items_are_in_no_list_of_a_submodel_or_of_what_is_new(colours, config):
    offer(colours, "new1", day=NIGHT, name="red thing", attributes='{"colour": "red"}')
    blocked = config.model_copy(update={"blocked": ["red1"]})
    site = site_with(colours, blocked, {"id": "c", "by": "attribute", "attribute": "colour"})
    assert "red1" not in {row["item_id"] for row in lists_of(colours, site)}


def test_items_too_few_met_are_cold_and_get_what_is_alike_in_content(shop, config):
    for item, name, day in (
        ("mug", "blue mug", 60),
        ("cup", "blue cup", 60),
        ("pan", "iron pan", 60),
        ("new", "blue mug large", 2),
    ):
        offer(shop, item, name=name, day=NIGHT - timedelta(days=day))
    for person in "abcdef":
        for item in ("mug", "cup"):
            shop.event(person, item, NIGHT)
    shop.event("a", "pan", NIGHT)
    site = site_with(shop, config)
    made = further(shop, site)
    cold = {row["item_id"]: (row["people"], row["is_cold"], row["is_new"]) for row in made.cold_items}
    assert cold == {"new": (0, True, True), "pan": (1, True, False)}
    rows = as_table(made.candidates).to_pylist()
    alike = [(row["subject_id"], row["item_id"]) for row in rows if row["submodel"] == "cold_start"]
    assert alike == [("new", "mug"), ("new", "cup")]  # nothing is alike to the iron pan
    assert {row["item_id"]: row["similar_items"] for row in made.cold_items} == {"new": 2, "pan": 0}
    assert made.placed_by_content == ["new"]  # the champion keeps the iron pan
    newest = [row["item_id"] for row in rows if row["model"] == "recently_added"]
    assert newest == ["new"]


def test_what_is_new_tomorrow_is_not_known_tonight(shop, config):
    offer(shop, "mug", name="mug")
    offer(shop, "late", name="mug too", day=NIGHT + timedelta(days=1))
    shop.event("a", "mug", NIGHT)
    site = site_with(shop, config)
    assert {row["item_id"] for row in further(shop, site).cold_items} == {"mug"}


def test_cold_start_can_be_left_off(shop, config):
    shop.event("a", "mug", NIGHT)
    off = config.model_copy(update={"cold_start": config.cold_start.model_copy(update={"is_on": False})})
    site = site_with(shop, off)
    assert read_groups(shop.warehouse, site).items is None
    made = further(shop, site)
    assert (made.candidates, made.cold_items) == ([], [])


def test_a_segment_that_the_night_does_not_have_is_named_with_the_nearest(colours, config):
    segments(colours, ("ann", "loyal"))
    site = site_with(colours, config, {"id": "s", "by": "segment", "segments": ["loyal", "new-custmers"]})
    rows = tables.table(further(colours, site).submodels, tables.SUBMODELS)
    colours.warehouse.write_partition("models.submodels", rows, {"night": NIGHT})
    catalogue = pa.table({"night": pa.array([NIGHT] * 2, pa.date32()), "segment_id": ["loyal", "new-customers"]})
    colours.warehouse.write_partition("segments.segment_catalogue", catalogue, {"night": NIGHT})
    (said,) = unknown_segments(colours.warehouse, NIGHT)
    assert said.endswith("names segment 'new-custmers', which the night does not have (did you mean 'new-customers'?)")
