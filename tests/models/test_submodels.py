"""Groups of a site's data: by what items are, who people are, when events happened; and lists for what is new."""

from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import TypeAdapter, ValidationError

from perso_pipeline.models import tables
from perso_pipeline.models.candidates import as_table
from perso_pipeline.models.config import ModelsConfig
from perso_pipeline.models.quality import unknown_segments
from perso_pipeline.models.site_night import SiteNight
from perso_pipeline.models.submodel_lists import SiteLists, further_lists, read_groups
from perso_pipeline.models.submodel_parts import Cut, answers_with
from perso_pipeline.models.submodels import cuts
from perso_pipeline.models.submodels_config import Submodel

NIGHT = date(2026, 1, 31)
SUBMODEL: TypeAdapter[Any] = TypeAdapter(Submodel)


def site_with(shop, config: ModelsConfig, *submodels: dict[str, Any], night: date = NIGHT) -> SiteNight:
    made = tuple(SUBMODEL.validate_python({"min_people": 1, **submodel}) for submodel in submodels)
    return SiteNight.read(shop.write(), "shop-uk", night, config.model_copy(update={"submodels": made}))


def cut_of(shop, site: SiteNight) -> Cut:
    (cut,) = cuts(site.config, site.matrix(), site.signals, read_groups(shop.warehouse, site))
    return cut


def further(shop, site: SiteNight) -> SiteLists:
    return further_lists(site, site.matrix(), read_groups(shop.warehouse, site), threads=1)


def offer(shop, item: str, **fields: Any) -> None:
    day = fields.pop("day", NIGHT - timedelta(days=60))
    moment = {"occurred_at": datetime.combine(day, time(12)), "event_date": day, "known_on": day, "site_id": "shop-uk"}
    shop.offers.append(
        {"item_id": item, "event_id": f"o{len(shop.offers)}", "event_type": "item_updated", **moment, **fields}
    )


def segments(shop, *rows: tuple[str, str]) -> None:
    table = pa.table(
        {
            "night": pa.array([NIGHT] * len(rows), pa.date32()),
            "site_id": ["shop-uk"] * len(rows),
            "person_id": [person for person, _ in rows],
            "segment_id": [segment for _, segment in rows],
        }
    )
    shop.warehouse.write_partition("segments.segment_membership", table, {"night": NIGHT})


def pairs(part) -> set[tuple[str, str]]:
    data = part.data
    rows, columns = data.weights.nonzero()
    return {(str(data.people[r]), str(data.items[c])) for r, c in zip(rows, columns, strict=True)}


def members(cut: Cut, kind: str) -> dict[str, str]:
    return {
        i: g
        for m in cut.members
        if m.member_type == kind
        for i, g in zip(m.ids.tolist(), m.groups.tolist(), strict=True)
    }


def parts(cut: Cut) -> dict[str, Any]:
    return {part.group: part for part in cut.parts}


@pytest.fixture
def colours(shop):
    """Items red1, red2, blue1 and grey1 (no colour), priced 5, 10, 20 and 30; ann likes red, bob blue, cid grey."""
    for item, colour, price in (("red1", "red", 5), ("red2", "red", 10), ("blue1", "blue", 20), ("grey1", None, 30)):
        attributes = f'{{"colour": "{colour}"}}' if colour else None
        offer(shop, item, attributes=attributes, price=price, category_paths=[f"home/{colour or 'other'}"], brand="Ada")
    for person, item in (("ann", "red1"), ("ann", "red2"), ("ann", "blue1"), ("bob", "blue1"), ("cid", "grey1")):
        shop.event(person, item, NIGHT)
    return shop


def test_named_groups_hold_the_items_of_their_values_and_who_is_in_none_has_no_group(colours, config):
    groups = {"warm": ["red", "orange"], "cold": ["blue"], "none": ["violet"]}
    cut = cut_of(
        colours, site_with(colours, config, {"id": "c", "by": "attribute", "attribute": "colour", "groups": groups})
    )
    assert pairs(parts(cut)["warm"]) == {("ann", "red1"), ("ann", "red2")}
    assert pairs(parts(cut)["cold"]) == {("ann", "blue1"), ("bob", "blue1")}
    assert parts(cut)["none"].status == "too_little"
    assert members(cut, "item") == {"red1": "warm", "red2": "warm", "blue1": "cold"}
    assert members(cut, "person") == {"ann": "warm", "bob": "cold"}  # Ann has more interest in red; Cid has none


def test_ages_and_daily_people_stay_with_their_items(colours, config):
    colours.event("dan", "blue1", NIGHT - timedelta(days=9))
    cut = cut_of(colours, site_with(colours, config, {"id": "c", "by": "attribute", "attribute": "colour"}))
    blue = parts(cut)["blue"].data
    assert dict(zip(blue.people.tolist(), blue.last_age_days.tolist(), strict=True)) == {"ann": 1, "bob": 1, "dan": 10}
    assert blue.daily_people.toarray()[0, :12].tolist() == [0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]


def test_a_range_holds_its_start_and_not_its_end_but_the_last_one_both(colours, config):
    ranges = [
        {"id": "low", "at_least": 5, "below": 10},
        {"id": "middle", "at_least": 10, "below": 20},
        {"id": "high", "at_least": 20, "below": 30},
    ]
    cut = cut_of(
        colours, site_with(colours, config, {"id": "p", "by": "attribute", "attribute": "price", "ranges": ranges})
    )
    assert members(cut, "item") == {"red1": "low", "red2": "middle", "blue1": "high", "grey1": "high"}


def test_numbers_in_attributes_have_ranges_too_and_words_have_none(shop, config):
    for item, width in (("a", "12.5"), ("b", '"40"'), ("c", '"wide"'), ("d", '"nan"')):
        offer(shop, item, attributes=f'{{"width": {width}}}')
        shop.event("ann", item, NIGHT)
    ranges = [{"id": "narrow", "below": 20}, {"id": "wide", "at_least": 20}]
    cut = cut_of(shop, site_with(shop, config, {"id": "w", "by": "attribute", "attribute": "width", "ranges": ranges}))
    assert members(cut, "item") == {"a": "narrow", "b": "wide"}


def test_one_group_per_value_keeps_the_most_touched_and_drops_what_nobody_touches_any_more(shop, config):
    for item, brand, back in (("a", "Ada", 0), ("b", "Bel", 0), ("c", "Cas", 6), ("d", "Dor", 0)):
        offer(shop, item, brand=brand)
        shop.event("ann", item, NIGHT - timedelta(days=back))
    for brand_item in ("a", "b", "c"):
        shop.event("bob", brand_item, NIGHT - timedelta(days=10))
    cut = cut_of(shop, site_with(shop, config, {"id": "b", "by": "attribute", "attribute": "brand", "max_values": 3}))
    assert {name: part.status for name, part in parts(cut).items()} == {
        "Ada": "active",
        "Bel": "active",
        "Cas": "unused",
    }
    assert parts(cut)["Cas"].reason == f"nobody has touched it since {NIGHT - timedelta(days=6)}"
    assert answers_with(cut.submodel, parts(cut)["Cas"]) == "main_model"
    assert "d" not in members(cut, "item")  # Dor is over the limit: in no group


def test_a_category_level_takes_what_lies_below_it_and_an_item_of_two_categories_counts_in_both(shop, config):
    offer(shop, "mug", category_paths=["home/kitchen/mugs", "gifts/small"])
    offer(shop, "lamp", category_paths=["home/light"])
    offer(shop, "card", category_paths=["gifts"])
    for item in ("mug", "lamp", "card"):
        shop.event("ann", item, NIGHT)
    whole = {"id": "c", "by": "attribute", "attribute": "category"}
    top = cut_of(shop, site_with(shop, config, whole))
    assert pairs(parts(top)["home"]) == {("ann", "mug"), ("ann", "lamp")}
    assert pairs(parts(top)["gifts"]) == {("ann", "mug"), ("ann", "card")}
    assert members(top, "item")["mug"] == "home"  # its page is filed under its first category
    second = cut_of(shop, site_with(shop, config, {**whole, "category_level": 2}))
    assert set(parts(second)) == {"home/kitchen", "home/light", "gifts/small"}
    assert "card" not in members(second, "item")


def test_items_that_nobody_met_belong_to_a_group_too(colours, config):
    offer(colours, "red3", attributes='{"colour": "red"}')
    cut = cut_of(colours, site_with(colours, config, {"id": "c", "by": "attribute", "attribute": "colour"}))
    assert members(cut, "item")["red3"] == "red"


def test_a_segment_holds_its_people_and_who_is_in_two_asks_the_first(colours, config):
    segments(colours, ("ann", "loyal"), ("ann", "new"), ("bob", "new"), ("bob", "other"))
    site = site_with(colours, config, {"id": "s", "by": "segment", "segments": ["new", "loyal"]})
    cut = cut_of(colours, site)
    assert {name: {p for p, _ in pairs(part)} for name, part in parts(cut).items()} == {
        "new": {"ann", "bob"},
        "loyal": {"ann"},
    }
    assert members(cut, "person") == {"ann": "new", "bob": "new"}
    (first, second) = further(colours, site).submodels
    assert first["fingerprint"] == second["fingerprint"]
    segments(colours, ("ann", "loyal"))
    assert further(colours, site).submodels[0]["fingerprint"] != first["fingerprint"]


def test_a_segment_is_fitted_as_if_its_people_were_all_there_are(colours, config):
    colours.event("ann", "red1", NIGHT - timedelta(days=3), "purchase")
    segments(colours, ("ann", "loyal"))
    part = (
        cut_of(colours, site_with(colours, config, {"id": "s", "by": "segment", "segments": ["loyal"]})).parts[0].data
    )
    colours.events = [event for event in colours.events if event["identifier"] == "customer:ann"]
    alone = site_with(colours, config).matrix()
    assert (part.weights != alone.weights).nnz == 0
    assert part.items.tolist() == alone.items.tolist()
    assert part.last_age_days.tolist() == alone.last_age_days.tolist()


def test_a_time_slot_holds_the_events_of_its_hours(colours, config):
    for event, hour in zip(colours.events, (8, 9, 20, 20, 23), strict=True):
        event["occurred_at"] = datetime.combine(NIGHT, time(hour))
    slots = [{"id": "morning", "from_hour": 6, "to_hour": 12}, {"id": "evening", "from_hour": 18, "to_hour": 23}]
    site = site_with(colours, config, {"id": "t", "by": "time_slot", "slots": slots})
    cut = cut_of(colours, site)
    assert pairs(parts(cut)["morning"]) == {("ann", "red1"), ("ann", "red2")}
    assert pairs(parts(cut)["evening"]) == {("ann", "blue1"), ("bob", "blue1")}
    assert pairs_of_site(site) == {
        ("ann", "red1"),
        ("ann", "red2"),
        ("ann", "blue1"),
        ("bob", "blue1"),
        ("cid", "grey1"),
    }


def pairs_of_site(site: SiteNight) -> set[tuple[str, str]]:
    class Whole:
        data = site.matrix()

    return pairs(Whole)


def test_a_segment_that_the_night_does_not_have_is_named_with_the_nearest(colours, config):
    segments(colours, ("ann", "loyal"))
    site = site_with(colours, config, {"id": "s", "by": "segment", "segments": ["loyal", "new-custmers"]})
    rows = tables.table(further(colours, site).submodels, tables.SUBMODELS)
    colours.warehouse.write_partition("models.submodels", rows, {"night": NIGHT})
    catalogue = pa.table({"night": pa.array([NIGHT] * 2, pa.date32()), "segment_id": ["loyal", "new-customers"]})
    colours.warehouse.write_partition("segments.segment_catalogue", catalogue, {"night": NIGHT})
    (said,) = unknown_segments(colours.warehouse, NIGHT)
    assert said.endswith("names segment 'new-custmers', which the night does not have (did you mean 'new-customers'?)")


SEGMENT = {"id": "s", "by": "segment", "segments": ["loyal", "new"]}
COLOUR = {"id": "c", "by": "attribute", "attribute": "colour"}
PRICE = {"id": "p", "by": "attribute", "attribute": "price",
         "ranges": [{"id": "low", "below": 10}, {"id": "high", "at_least": 10}]}  # fmt: skip


def last_cut(shop, site: SiteNight) -> Cut:
    *_, last = cuts(site.config, site.matrix(), site.signals, read_groups(shop.warehouse, site))
    return last


def test_an_intersection_holds_what_counts_in_both(colours, config):
    segments(colours, ("ann", "loyal"), ("bob", "new"))
    site = site_with(colours, config, SEGMENT, COLOUR, {"id": "x", "by": "intersection", "of": ["s", "c"]})
    cut = last_cut(colours, site)
    assert {name: part.data and pairs(part) for name, part in parts(cut).items()} == {
        "loyal & red": {("ann", "red1"), ("ann", "red2")},
        "loyal & blue": {("ann", "blue1")},
        "new & blue": {("bob", "blue1")},
        "new & red": None,
    }
    assert parts(cut)["new & red"].status == "too_little"
    # a count of people per day is of those of the segment alone
    assert parts(cut)["new & blue"].data.daily_people.toarray()[0, :3].tolist() == [0, 1, 0]
    assert members(cut, "person") == {"ann": "loyal & red", "bob": "new & blue"}
    assert members(cut, "item") == {}  # an item is in no segment: its page asks the main model
    rows = [row for row in lists_of(colours, site) if row["submodel"] == "x"]
    assert {row["submodel_group"] for row in rows} == {"loyal & red", "loyal & blue", "new & blue"}


def test_an_item_belongs_to_an_intersection_of_two_attributes(colours, config):
    site = site_with(colours, config, COLOUR, PRICE, {"id": "x", "by": "intersection", "of": ["c", "p"]})
    cut = last_cut(colours, site)
    assert pairs(parts(cut)["red & low"]) == {("ann", "red1")}
    assert members(cut, "item") == {"red1": "red & low", "red2": "red & high", "blue1": "blue & high"}


def test_an_intersection_with_a_time_slot_weighs_the_hours_of_the_slot(colours, config):
    colours.event("ann", "red1", NIGHT, "purchase")
    for event, hour in zip(colours.events, (8, 9, 20, 20, 23, 21), strict=True):
        event["occurred_at"] = datetime.combine(NIGHT, time(hour))
    segments(colours, ("ann", "loyal"))
    slots = {"id": "t", "by": "time_slot", "slots": [{"id": "morning", "from_hour": 6, "to_hour": 12}]}
    loyal = {"id": "s", "by": "segment", "segments": ["loyal"]}
    for of in (["s", "t"], ["t", "s"]):
        site = site_with(colours, config, loyal, slots, {"id": "x", "by": "intersection", "of": of})
        (part,) = last_cut(colours, site).parts
        assert pairs(part) == {("ann", "red1"), ("ann", "red2")}
        assert len(set(part.data.weights.data.tolist())) == 1  # a view each: the purchase was in the evening


@pytest.mark.parametrize(
    ("of", "message"),
    [(["s", "y"], "with 'y', which is no submodel"), (["s", "s"], "of one with itself"), (["s", "x"], "with 'x'")],
)
def test_a_mistake_in_an_intersection_is_named(config, of, message):
    wanted = [SEGMENT, {"id": "x", "by": "intersection", "of": of}]
    with pytest.raises(ValidationError, match=message):
        ModelsConfig.model_validate(config.model_dump() | {"submodels": wanted})


def test_groups_of_too_few_people_are_not_trained_and_say_who_answers(colours, config):
    for who, answer in (("main_model", "main_model"), ("nothing", "nothing")):
        wanted = {"id": "c", "by": "attribute", "attribute": "colour", "min_people": 2, "when_too_little": who}
        cut = cut_of(colours, site_with(colours, config, wanted))
        assert answers_with(cut.submodel, parts(cut)["red"]) == answer
        assert parts(cut)["red"].reason == "1 people touched it, 2 are needed"
        assert answers_with(cut.submodel, parts(cut)["blue"]) == "submodel"


def lists_of(shop, site: SiteNight) -> list[dict[str, Any]]:
    return as_table(further(shop, site).candidates).to_pylist()


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


@pytest.mark.parametrize(
    ("submodel", "message"),
    [
        ({"by": "segment", "id": "main", "segments": ["a"]}, "pipeline's own lists"),
        ({"by": "segment", "segments": ["a", "b", "a"]}, "segment 'a' stands twice"),
        ({"by": "segment", "segments": ["a"], "lists": []}, "asks for no list"),
        ({"by": "attribute", "attribute": "x", "groups": {"a": ["1"], "b": ["1"]}}, "value '1' stands twice"),
        ({"by": "attribute", "attribute": "x", "groups": {"a": ["1"]}, "ranges": []}, "groups and ranges"),
        ({"by": "attribute", "attribute": "x", "ranges": [{"id": "a", "at_least": 3, "below": 2}]}, "lower end below"),
        ({"by": "attribute", "attribute": "x", "ranges": [{"id": "a"}, {"id": "b", "at_least": 1}]}, "lower end below"),
        (
            {"by": "attribute", "attribute": "x", "ranges": [{"id": "a", "below": 5}, {"id": "b", "at_least": 4}]},
            "overlap",
        ),
        ({"by": "time_slot", "slots": [{"id": "n", "from_hour": 22, "to_hour": 6}]}, "cross midnight"),
        (
            {
                "by": "time_slot",
                "slots": [{"id": "a", "from_hour": 6, "to_hour": 12}, {"id": "b", "from_hour": 11, "to_hour": 13}],
            },
            "slots 'a' and 'b' of submodel 's' overlap",
        ),
        ({"by": "segment", "segments": ["a"], "personal": "session"}, "personal"),
    ],
)
def test_a_mistake_in_a_submodel_is_named(submodel, message):
    with pytest.raises(ValidationError, match=message):
        SUBMODEL.validate_python({"id": "s", **submodel})


def test_slots_of_other_days_may_share_hours(config):
    slots = [
        {"id": "a", "from_hour": 6, "to_hour": 12, "days": ["mon"]},
        {"id": "b", "from_hour": 6, "to_hour": 12, "days": ["sat"]},
    ]
    assert len(SUBMODEL.validate_python({"id": "s", "by": "time_slot", "slots": slots}).slots) == 2


def test_cutting_leaves_the_night_itself_unchanged(colours, config):
    site = site_with(colours, config, {"id": "c", "by": "attribute", "attribute": "colour"})
    data = site.matrix()
    before = data.weights.copy()
    list(cuts(site.config, data, site.signals, read_groups(colours.warehouse, site)))
    assert (data.weights != before).nnz == 0
    assert np.array_equal(data.last_age_days, site.matrix().last_age_days)
