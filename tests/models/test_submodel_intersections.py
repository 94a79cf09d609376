"""Groups of two submodels at once."""

from datetime import datetime, time

import pytest
from pydantic import ValidationError

from perso_pipeline.models.config import ModelsConfig
from perso_pipeline.models.site_night import SiteNight
from perso_pipeline.models.submodel_lists import read_groups
from perso_pipeline.models.submodel_parts import Cut
from perso_pipeline.models.submodels import cuts
from tests.models.cutting import NIGHT, lists_of, members, pairs, parts, segments, site_with

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
    assert {name: part.data and pairs(part.data) for name, part in parts(cut).items()} == {
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
    assert pairs(parts(cut)["red & low"].data) == {("ann", "red1")}
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
        assert pairs(part.data) == {("ann", "red1"), ("ann", "red2")}
        assert len(set(part.data.weights.data.tolist())) == 1  # a view each: the purchase was in the evening


@pytest.mark.parametrize(
    ("of", "message"),
    [(["s", "y"], "with 'y', which is no submodel"), (["s", "s"], "of one with itself"), (["s", "x"], "with 'x'")],
)
def test_a_mistake_in_an_intersection_is_named(config, of, message):
    wanted = [SEGMENT, {"id": "x", "by": "intersection", "of": of}]
    with pytest.raises(ValidationError, match=message):
        ModelsConfig.model_validate(config.model_dump() | {"submodels": wanted})
