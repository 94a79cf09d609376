"""Groups of a site's data: by what items are, who people are, when events happened."""

from datetime import datetime, time, timedelta

import numpy as np

from perso_pipeline.models.submodel_lists import read_groups
from perso_pipeline.models.submodel_parts import answers_with
from perso_pipeline.models.submodels import cuts
from tests.models.cutting import NIGHT, cut_of, further, members, offer, pairs, parts, segments, site_with


def test_named_groups_hold_the_items_of_their_values_and_who_is_in_none_has_no_group(colours, config):
    groups = {"warm": ["red", "orange"], "cold": ["blue"], "none": ["violet"]}
    cut = cut_of(
        colours, site_with(colours, config, {"id": "c", "by": "attribute", "attribute": "colour", "groups": groups})
    )
    assert pairs(parts(cut)["warm"].data) == {("ann", "red1"), ("ann", "red2")}
    assert pairs(parts(cut)["cold"].data) == {("ann", "blue1"), ("bob", "blue1")}
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
    assert pairs(parts(top)["home"].data) == {("ann", "mug"), ("ann", "lamp")}
    assert pairs(parts(top)["gifts"].data) == {("ann", "mug"), ("ann", "card")}
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
    assert {name: {p for p, _ in pairs(part.data)} for name, part in parts(cut).items()} == {
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
    assert pairs(parts(cut)["morning"].data) == {("ann", "red1"), ("ann", "red2")}
    assert pairs(parts(cut)["evening"].data) == {("ann", "blue1"), ("bob", "blue1")}
    assert pairs(site.matrix()) == {
        ("ann", "red1"),
        ("ann", "red2"),
        ("ann", "blue1"),
        ("bob", "blue1"),
        ("cid", "grey1"),
    }


def test_groups_of_too_few_people_are_not_trained_and_say_who_answers(colours, config):
    for who, answer in (("main_model", "main_model"), ("nothing", "nothing")):
        wanted = {"id": "c", "by": "attribute", "attribute": "colour", "min_people": 2, "when_too_little": who}
        cut = cut_of(colours, site_with(colours, config, wanted))
        assert answers_with(cut.submodel, parts(cut)["red"]) == answer
        assert parts(cut)["red"].reason == "1 people touched it, 2 are needed"
        assert answers_with(cut.submodel, parts(cut)["blue"]) == "submodel"


def test_cutting_leaves_the_night_itself_unchanged(colours, config):
    site = site_with(colours, config, {"id": "c", "by": "attribute", "attribute": "colour"})
    data = site.matrix()
    before = data.weights.copy()
    list(cuts(site.config, data, site.signals, read_groups(colours.warehouse, site)))
    assert (data.weights != before).nnz == 0
    assert np.array_equal(data.last_age_days, site.matrix().last_age_days)
