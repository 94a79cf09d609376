from datetime import date, datetime, time, timedelta

import pyarrow as pa
import pytest

from perso_pipeline.models.signals import from_table, matrix_as_of, read_signals
from perso_pipeline.models.submodels_config import TimeSlot

NIGHT = date(2026, 1, 31)


def signals_of(shop, config, night=NIGHT):
    return read_signals(shop.write(), "shop-uk", night, config.signals)


def rows(signals):
    return [
        (str(signals.people[p]), str(signals.items[i]), int(d - signals.day.min()), w)
        for p, i, d, w in zip(signals.person, signals.item, signals.day, signals.weight, strict=True)
    ]


def test_events_of_a_day_add_up_by_weight_and_are_capped(shop, config):
    day = NIGHT - timedelta(days=2)
    for _ in range(9):
        shop.event("c1", "a", day)  # capped at 5 of weight 1
    shop.event("c1", "a", day, "purchase")  # 8
    shop.event("c1", "b", day + timedelta(days=1), "add_to_cart")  # 4
    assert rows(signals_of(shop, config)) == [("c1", "a", 0, 13.0), ("c1", "b", 1, 4.0)]


def test_robots_other_sites_and_what_was_not_yet_known_are_left_out(shop, config):
    shop.event("c1", "a", NIGHT)
    shop.event("c2", "a", NIGHT, is_robot=True)
    shop.event("c3", "a", NIGHT, site="shop-de")
    shop.event("c4", "a", NIGHT - timedelta(days=1), known_on=NIGHT + timedelta(days=1))
    shop.event("c5", "a", NIGHT + timedelta(days=1), known_on=NIGHT)
    shop.event("c6", "a", NIGHT - timedelta(days=config.signals.window_days))
    assert [row[0] for row in rows(signals_of(shop, config))] == ["c1"]


def test_a_merge_counts_from_the_night_it_was_known(shop, config):
    shop.event("c1", "a", NIGHT - timedelta(days=3))
    shop.event("v1", "a", NIGHT - timedelta(days=3))
    shop.link("customer:v1", "alone", date(2020, 1, 1), void_on=NIGHT)
    shop.link("customer:v1", "c1", NIGHT)
    assert [r[::3] for r in rows(signals_of(shop, config))] == [("c1", 2.0)]
    before = read_signals(shop.warehouse, "shop-uk", NIGHT - timedelta(days=1), config.signals)
    assert [r[::3] for r in rows(before)] == [("alone", 1.0), ("c1", 1.0)]


def test_weights_halve_in_the_half_life(shop, config):
    half_life = int(config.signals.half_life_days)
    shop.event("c1", "old", NIGHT - timedelta(days=half_life))
    shop.event("c1", "new", NIGHT)
    matrix = matrix_as_of(signals_of(shop, config), NIGHT, config.signals)
    assert matrix.items.tolist() == ["old"]  # as of the night's start, the night itself is not known
    assert matrix.weights.data == pytest.approx([0.5])
    matrix = matrix_as_of(signals_of(shop, config), NIGHT + timedelta(days=1), config.signals)
    new, old = matrix.weights.toarray()[0]
    assert old / new == pytest.approx(0.5)
    assert matrix.last_age_days.tolist() == [1, half_life + 1]


def test_a_blocked_item_leaves_training(shop, config):
    shop.event("c1", "a", NIGHT, "purchase")
    shop.event("c1", "a", NIGHT, "block_item")
    shop.event("c1", "b", NIGHT)
    made = matrix_as_of(signals_of(shop, config), NIGHT + timedelta(days=1), config.signals)
    assert made.items.tolist() == ["b"]


def test_of_an_extreme_person_the_newest_items_stay(shop, config):
    for back in range(6):
        shop.event("c1", f"item-{back}", NIGHT - timedelta(days=back))
    capped = config.signals.model_copy(update={"max_items_per_person": 2})
    made = matrix_as_of(signals_of(shop, config), NIGHT + timedelta(days=1), capped)
    assert made.items.tolist() == ["item-0", "item-1"]


def test_daily_people_count_each_person_once_a_day(shop, config):
    for person in ("c1", "c1", "c2"):
        shop.event(person, "a", NIGHT)
    shop.event("c1", "a", NIGHT - timedelta(days=3))
    daily = matrix_as_of(signals_of(shop, config), NIGHT + timedelta(days=1), config.signals).daily_people
    assert daily.toarray()[0, :6].tolist() == [0, 2, 0, 0, 1, 0]


def test_the_fingerprint_reads_content_and_not_order(shop, config):
    for person, item in (("c1", "a"), ("c2", "b"), ("c3", "a")):
        shop.event(person, item, NIGHT)
    first = signals_of(shop, config)
    shop.events.reverse()
    assert signals_of(shop, config).fingerprint == first.fingerprint
    shop.event("c3", "b", NIGHT)
    assert signals_of(shop, config).fingerprint != first.fingerprint


def test_hostile_ids_are_only_text(shop, config):
    for name in ("'; drop table interactions.interactions; --", "../../etc/passwd", '=cmd|"calc"!A0', "\x01"):
        shop.event(name, name, NIGHT)
    signals = signals_of(shop, config)
    assert len(signals) == 4
    assert shop.warehouse.exists("interactions.interactions")


def test_no_rows_make_no_signals(config):
    columns = {
        "person_id": pa.string(),
        "item_id": pa.string(),
        "event_date": pa.date32(),
        "weight": pa.float64(),
        "is_relevant": pa.bool_(),
    }
    assert len(from_table(pa.schema(list(columns.items())).empty_table())) == 0


def test_a_low_rating_takes_interest_back_and_a_high_one_adds(shop, config):
    for item, rating in (("good", 80), ("poor", 20)):
        shop.event("c1", item, NIGHT, "rating")
        shop.ratings.append(
            {"event_id": f"e{len(shop.events) - 1}", "event_date": NIGHT, "site_id": "shop-uk", "event_type": "rating",
             "rating": rating, "known_on": NIGHT}
        )  # fmt: skip
    weights = config.signals.weights
    signals = signals_of(shop, config)
    assert rows(signals) == [("c1", "good", 0, weights["rating"]), ("c1", "poor", 0, weights["low_rating"])]
    made = matrix_as_of(signals, NIGHT + timedelta(days=1), config.signals)
    assert made.items.tolist() == ["good"]


def moved(shop, movement, item, day, *, is_goods=True, known_on=None):
    shop.movements.append(
        {"movement_id": f"m{len(shop.movements)}", "movement": movement, "movement_date": day, "site_id": "shop-uk",
         "identifier": "customer:c1", "item_id": item, "is_goods": is_goods, "known_on": known_on or day}
    )  # fmt: skip


def test_a_cancelled_order_takes_its_purchase_back_and_a_refund_half_of_it(shop, config):
    for item in ("kept", "cancelled", "returned", "shipping", "later"):
        shop.event("c1", item, NIGHT - timedelta(days=1), "purchase")
    moved(shop, "sale", "kept", NIGHT)  # a sale is in the interactions already
    moved(shop, "cancellation", "cancelled", NIGHT)
    moved(shop, "refund", "returned", NIGHT)
    moved(shop, "refund", "shipping", NIGHT, is_goods=False)
    moved(shop, "refund", "later", NIGHT, known_on=NIGHT + timedelta(days=1))
    total: dict[str, float] = {}
    for _, item, _, weight in rows(signals_of(shop, config)):
        total[item] = total.get(item, 0) + weight
    assert total == {"kept": 8, "cancelled": 0, "returned": 4, "shipping": 8, "later": 8}


def test_a_purchase_that_is_repeated_counts_again_on_its_own_day(shop, config):
    for back in (0, 10, 20):
        shop.event("c1", "coffee", NIGHT - timedelta(days=back), "purchase")
    shop.event("c2", "coffee", NIGHT, "purchase")
    often, once = matrix_as_of(signals_of(shop, config), NIGHT + timedelta(days=1), config.signals).weights.data
    decay = [0.5 ** ((back + 1) / config.signals.half_life_days) for back in (0, 10, 20)]
    assert often == pytest.approx(8 * sum(decay))
    assert once == pytest.approx(8 * decay[0])


def test_the_snapshot_of_a_night_is_the_same_when_it_is_read_again_after_later_nights(shop, config):
    shop.event("c1", "a", NIGHT)
    shop.event("v1", "b", NIGHT)
    shop.link("customer:v1", "alone", date(2020, 1, 1), void_on=NIGHT + timedelta(days=1))
    first = signals_of(shop, config)
    shop.link("customer:v1", "c1", NIGHT + timedelta(days=1))  # merged on the next night
    shop.event("c1", "c", NIGHT - timedelta(days=1), known_on=NIGHT + timedelta(days=2))  # delivered late
    shop.event("c1", "a", NIGHT + timedelta(days=1))
    assert signals_of(shop, config).fingerprint == first.fingerprint


def test_the_hours_of_a_slot_are_those_of_the_sites_clock_and_the_whole_day_stays_as_it_was(shop, config):
    def at(item, hour, day=NIGHT):
        shop.event("c1", item, day)
        shop.events[-1]["occurred_at"] = datetime.combine(day, time(hour))

    at("early", 6)  # NIGHT is a Saturday; 7 in Berlin
    at("late", 7)  # 8 in Berlin
    at("friday", 6, NIGHT - timedelta(days=1))
    slots = {
        "breakfast": TimeSlot(id="breakfast", from_hour=7, to_hour=8),
        "weekend": TimeSlot(id="weekend", from_hour=0, to_hour=24, days=("sat", "sun")),
    }
    plain = signals_of(shop, config)
    made = read_signals(shop.warehouse, "shop-uk", NIGHT, config.signals, slots=slots, time_zone="Europe/Berlin")
    assert rows(made) == rows(plain)
    items = made.items[made.item].tolist()
    assert dict(zip(items, made.slot_weights["breakfast"], strict=True)) == {"early": 1, "friday": 1, "late": 0}
    assert dict(zip(items, made.slot_weights["weekend"], strict=True)) == {"early": 1, "friday": 0, "late": 1}
    assert made.fingerprint != plain.fingerprint
