"""Features and labels as of a cut-off date: by hand, and nothing of what became known later."""

from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from perso_pipeline.profiles.predictions.features import FEATURE_NAMES, FeatureFrame, Frames, read_features
from perso_pipeline.profiles.predictions.labels import read_ordered
from perso_pipeline.profiles.predictions.purchases import kept_share, read_purchases

CUT = date(2026, 6, 10)


def value(frame: FeatureFrame, person: str, feature: str) -> float:
    return float(frame.values[frame.people.to_pylist().index(person), FEATURE_NAMES.index(feature)])


def test_hot_and_cold_halves_by_hand(facts):
    facts.day("ann", CUT - timedelta(days=40), orders=1, gross=20, views=3)
    facts.day("ann", CUT - timedelta(days=1), views=4)
    for minute, kind, item in ((0, "product_view", "i1"), (10, "product_view", "i2"), (25, "add_to_cart", "i2")):
        facts.event("ann", datetime.fromisoformat(f"2026-06-09T12:{minute:02d}"), kind, item=item)
    facts.event("ann", datetime.fromisoformat("2026-06-09T08:00"), "checkout_complete")  # an earlier visit that day
    frame = read_features(facts.write(), "shop-uk", CUT, window_days=365)
    assert np.expm1(value(frame, "ann", "visit_events")) == pytest.approx(3)
    assert np.expm1(value(frame, "ann", "visit_items")) == pytest.approx(2)
    assert np.expm1(value(frame, "ann", "visit_seconds")) == pytest.approx(25 * 60)
    assert value(frame, "ann", "visit_left_a_cart") == 1
    assert value(frame, "ann", "seen_fading_3") == pytest.approx(2 ** (-1 / 3))
    assert value(frame, "ann", "order_fading_120") == pytest.approx(2 ** (-40 / 120))
    assert np.expm1(value(frame, "ann", "active_days_28")) == pytest.approx(1)
    assert np.expm1(value(frame, "ann", "orders_28")) == pytest.approx(0)
    assert np.expm1(value(frame, "ann", "net_per_order")) == pytest.approx(20)
    assert frame.days_since_order.tolist() == [40]


def test_a_visit_over_midnight_and_over_two_devices_is_one(facts):
    facts.day("ann", CUT, views=3)
    facts.link("customer:phone", "ann")
    facts.event("ann", datetime.fromisoformat("2026-06-09T23:50"), "product_view")
    facts.events.append(
        ("shop-uk", "customer:phone", datetime.fromisoformat("2026-06-10T00:10"), CUT, "product_view", "i3", False, CUT)
    )
    frame = read_features(facts.write(), "shop-uk", CUT, window_days=365)
    assert np.expm1(value(frame, "ann", "visit_product_views")) == pytest.approx(2)


def test_what_becomes_known_or_happens_later_changes_nothing(facts):
    for person, back in (("ann", 3), ("bob", 9)):
        facts.day(person, CUT - timedelta(days=back), orders=1, gross=30, views=5)
        facts.event(person, datetime.fromisoformat("2026-06-10T09:00") - timedelta(days=back), "product_view")
    before = read_features(facts.write(), "shop-uk", CUT, window_days=365)
    facts.day("ann", CUT - timedelta(days=2), orders=4, gross=99, views=50, known_on=CUT + timedelta(days=1))  # late
    facts.event(
        "ann", datetime.fromisoformat("2026-06-08T09:00"), "add_to_cart", known_on=CUT + timedelta(days=2)
    )  # late
    facts.day("bob", CUT + timedelta(days=1), orders=1, gross=30, views=5)  # after the cut
    facts.event("bob", datetime.fromisoformat("2026-06-11T09:00"), "product_view")
    facts.link("customer:bob", "ann", known_on=CUT + timedelta(days=1))  # a merge, learnt later
    facts.links["customer:bob", "bob"] = ("customer:bob", "customer", "bob", date(2020, 1, 1), CUT + timedelta(days=1))
    after = read_features(facts.write(), "shop-uk", CUT, window_days=365)
    assert after.people.to_pylist() == before.people.to_pylist() == ["ann", "bob"]
    assert (after.values == before.values).all()
    assert after.newest_known_on == CUT - timedelta(days=3)


def test_the_assertion_against_leaks_can_fail(facts, monkeypatch):
    from perso_pipeline.profiles.predictions import features

    facts.day("ann", CUT, views=1)
    facts.day("ann", CUT, views=1, known_on=CUT + timedelta(days=1))
    monkeypatch.setattr(features, "_QUERY", features._QUERY.replace("days.known_on <= $cut and", "true and"))
    with pytest.raises(AssertionError, match="features of 2026-06-10 rest on records of 2026-06-11"):
        read_features(facts.write(), "shop-uk", CUT, window_days=365)


def test_labels_are_the_days_after_the_cut_and_follow_a_merge(facts):
    end, known_by = CUT + timedelta(days=7), CUT + timedelta(days=9)
    for person, day in (("on_the_cut", CUT), ("first", CUT + timedelta(days=1)), ("last", end)):
        facts.day(person, day, orders=1)
    facts.day("after", end + timedelta(days=1), orders=1)
    facts.day("unknown_yet", CUT + timedelta(days=2), orders=1, known_on=known_by + timedelta(days=1))
    facts.link("visitor:v", "wanderer", void_on=CUT + timedelta(days=3))  # ordered as somebody else, who they are
    facts.link("visitor:v", "first", known_on=CUT + timedelta(days=3))
    names = ["on_the_cut", "first", "last", "after", "unknown_yet", "wanderer"]
    ordered = read_ordered(facts.write(), "shop-uk", pa.array(names), cut=CUT, until=end, known_by=known_by)
    assert dict(zip(names, ordered.tolist(), strict=True)) == {
        "on_the_cut": False, "first": True, "last": True, "after": False, "unknown_yet": False, "wanderer": True,
    }  # fmt: skip


def test_a_share_of_the_people_is_the_same_people_every_time(facts):
    for number in range(400):
        facts.day(f"p{number:03d}", CUT, views=1)
    store = facts.write()
    some = [read_features(store, "shop-uk", CUT, window_days=30, share=share).people for share in (0.25, 0.25, 0.5)]
    assert some[0] == some[1]
    assert 60 <= len(some[0]) <= 140
    assert set(some[0].to_pylist()) < set(some[2].to_pylist())


def test_purchases_by_hand(facts):
    first = date(2026, 3, 4)
    facts.day("ann", first, orders=1, gross=100)
    facts.day("ann", first + timedelta(days=14), orders=2, gross=30)  # two orders of a day are one purchase
    facts.day("ann", first + timedelta(days=28), orders=1, gross=50)
    facts.day("bob", first, orders=1, gross=10)
    facts.day("eve", first, views=3)
    night = first + timedelta(days=35)
    found = read_purchases(facts.write(), "shop-uk", night)
    assert found.people.to_pylist() == ["ann", "bob"]
    assert found.repeats.tolist() == [2, 0]
    assert found.last_weeks.tolist() == [4, 0]
    assert found.age_weeks.tolist() == [5, 5]
    assert found.repeat_value[0] == pytest.approx(40)  # (30 + 50) / 2, the first order left out
    assert np.isnan(found.repeat_value[1])
    assert kept_share(facts.warehouse, "shop-uk", night) == pytest.approx(1.0)
    assert kept_share(facts.warehouse, "shop-de", night) is None


def test_frames_that_were_read_are_kept_for_one_site_at_a_time(facts):
    facts.day("ann", CUT, views=1)
    facts.day("dora", CUT, views=1, site="shop-de")
    frames = Frames(facts.write(), window_days=30)
    first = frames.of("shop-uk", CUT, 1.0)
    assert frames.of("shop-uk", CUT, 1.0) is first
    assert frames.of("shop-uk", CUT - timedelta(days=1), 1.0) is not first
    assert frames.of("shop-de", CUT, 1.0).people.to_pylist() == ["dora"]
    assert frames.of("shop-uk", CUT, 1.0).people == first.people
