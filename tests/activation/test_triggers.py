from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from perso_pipeline.activation.config import Triggers, read_triggers
from perso_pipeline.activation.triggers import TABLE, find_triggers
from perso_pipeline.contracts.errors import ConfigError

NIGHT = date(2026, 3, 10)
CONFIG = Path(__file__).parents[2] / "config"
CART = Triggers.model_validate({"triggers": [{"id": "abandoned_cart", "name": "Left", "kind": "abandoned_cart"}]})
BOTH = read_triggers(CONFIG)


def found(shop, config: Triggers = CART, night: date = NIGHT) -> list[tuple[Any, ...]]:
    """(person, trigger, items, status, reason) of each episode."""
    rows = find_triggers(shop, config, night=night).to_pylist()
    return [(r["person_id"], r["trigger_id"], r["item_ids"], r["status"], r["reason"]) for r in rows]


def run(shop, config: Triggers = CART, night: date = NIGHT) -> list[tuple[Any, ...]]:
    """The same, kept in the warehouse as the asset does."""
    shop.write_partition(TABLE, find_triggers(shop, config, night=night), {"night": night})
    return found(shop, config, night)


def test_a_cart_left_by_a_known_customer_is_due_with_its_items_at_the_end_of_the_night(shop) -> None:
    shop.touch("b", "2026-03-10 11:00")
    shop.touch("a", "2026-03-10 12:00")
    (row,) = find_triggers(shop, CART, night=NIGHT).to_pylist()
    assert row == {
        "night": NIGHT, "site_id": "shop-uk", "person_id": "ann", "trigger_id": "abandoned_cart",
        "episode_id": "c1@2026-03-10T12:00:00", "item_ids": ["a", "b"],
        "due_at": datetime.fromisoformat("2026-03-11"), "status": "due", "reason": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("at", "is_found"),
    [
        ("2026-03-10 23:00", True),
        ("2026-03-10 23:00:01", False),
        ("2026-03-08 00:00", True),
        ("2026-03-07 23:59", False),
    ],
    ids=["an hour ago", "less than an hour ago", "three days ago", "longer than three days ago"],
)
def test_a_cart_counts_as_left_after_an_hour_and_for_three_days(shop, at: str, is_found: bool) -> None:
    shop.touch("a", at)
    assert bool(found(shop)) == is_found


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.touch("x", "2026-03-10 13:00", "checkout_complete", cart_id="c1", visitor_id="v7"),
        lambda s: s.touch("x", "2026-03-10 13:00", "checkout_complete", cart_id="c2"),
        lambda s: s.add("interactions.order_movements", {
            "visitor_id": "v1", "identifier": "visitor:v1", "item_id": "z", "movement_date": NIGHT,
            "occurred_at": datetime.fromisoformat("2026-03-10 13:00")}),
        lambda s: s.touch("a", "2026-03-10 13:00", "remove_from_cart"),
        lambda s: s.run("update interactions.session_events set is_robot = true"),
        lambda s: s.run("update profiles.customer_profiles set is_customer = false"),
        lambda s: s.run("delete from identity.identity_map"),
        lambda s: s.run("update interactions.session_events set known_on = date '2026-03-11'"),
    ],
    ids=["cart ordered", "visitor checked out", "visitor ordered", "emptied", "robot", "no customer", "nobody known",
         "not known yet"],
)  # fmt: skip
def test_a_cart_that_is_not_left_by_a_known_customer_is_no_episode(shop, change) -> None:
    shop.touch("a", "2026-03-10 12:00")
    assert len(found(shop)) == 1
    change(shop)
    assert found(shop) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("update profiles.customer_profiles set has_email_consent = false", "no consent"),
        ("update profiles.customer_profiles set has_email_consent = null", "no consent"),
        ("update profiles.item_profiles set is_available = false", "item sold out"),
        (
            """insert into interactions.order_movements by name
            select 'shop-uk' as site_id, 'sale' as movement, date '2026-03-10' as movement_date,
                timestamp '2026-03-10 13:00' as occurred_at, 'customer:1' as identifier, 'a' as item_id,
                date '2026-03-10' as known_on""",
            "bought meanwhile",
        ),
    ],
    ids=["said no", "never said yes", "sold out", "bought in the store"],
)
def test_an_episode_that_should_not_be_sent_is_kept_with_its_reason(shop, change: str, reason: str) -> None:
    shop.touch("a", "2026-03-10 12:00")
    shop.run(change)
    assert found(shop) == [("ann", "abandoned_cart", ["a"], "suppressed", reason)]


def test_only_what_can_still_be_had_goes_into_the_message(shop) -> None:
    shop.touch("a", "2026-03-10 12:00")
    shop.touch("b", "2026-03-10 12:01")
    shop.run("update profiles.item_profiles set is_available = false where item_id = 'a'")
    assert found(shop) == [("ann", "abandoned_cart", ["b"], "due", None)]


def test_an_episode_is_due_once_and_a_person_once_a_week(shop) -> None:
    def day(n: int) -> date:
        """Bring profiles and catalogue to the night n days on."""
        night = NIGHT + timedelta(days=n)
        shop.run(
            f"update profiles.customer_profiles set night = '{night}'; update profiles.item_profiles set night = '{night}'"
        )
        return night

    shop.touch("a", "2026-03-10 12:00")
    assert run(shop)[0][3:] == ("due", None)
    assert run(shop, night=day(1))[0][3:] == ("suppressed", "due before")
    shop.touch("a", "2026-03-13 12:00", cart_id="c2", known_on=NIGHT + timedelta(days=3))
    assert run(shop, night=day(6))[-1:] == []  # longer than three days ago by then
    assert run(shop, night=day(4))[0][3:] == ("suppressed", "frequency cap")
    shop.touch("a", "2026-03-17 12:00", cart_id="c3", known_on=NIGHT + timedelta(days=7))
    assert run(shop, night=day(7))[0][3:] == ("due", None)


def test_running_a_night_again_does_not_count_against_itself(shop) -> None:
    shop.touch("a", "2026-03-10 12:00")
    assert run(shop) == run(shop) == [("ann", "abandoned_cart", ["a"], "due", None)]


def test_of_two_reasons_on_one_night_the_first_in_the_file_is_due(shop) -> None:
    shop.touch("a", "2026-03-10 12:00")
    shop.run("update profiles.customer_profiles set lifecycle = 'lapsed', last_order_date = date '2025-06-01'")
    shop.add("recommendations.recommendations", {"rank": 2, "item_id": "b"}, {"rank": 1, "item_id": "a"})
    assert found(shop, BOTH) == [
        ("ann", "abandoned_cart", ["a"], "due", None),
        ("ann", "win_back", ["a", "b"], "suppressed", "frequency cap"),
    ]


def test_a_lapsed_customer_without_a_list_is_not_written_to(shop) -> None:
    shop.run("update profiles.customer_profiles set lifecycle = 'lapsed'")
    assert found(shop, BOTH) == [("ann", "win_back", [], "suppressed", "no list for the person")]


def test_two_triggers_of_one_kind_keep_their_own_limits(shop) -> None:
    config = Triggers.model_validate(
        {"triggers": [{"id": "soon", "name": "Soon", "kind": "abandoned_cart"},
                      {"id": "later", "name": "Later", "kind": "abandoned_cart", "idle_hours": 24, "max_idle_days": 5}]}
    )  # fmt: skip
    shop.touch("a", "2026-03-07 12:00")
    assert [row[1] for row in found(shop, config)] == ["later"]


def test_a_trigger_that_names_an_unknown_scenario_is_refused(tmp_path) -> None:
    for name in ("sites.yml", "scenarios.yml"):
        (tmp_path / name).write_text((CONFIG / name).read_text())
    (tmp_path / "triggers.yml").write_text(
        (CONFIG / "triggers.yml").read_text().replace("scenario: home", "scenario: hom")
    )
    with pytest.raises(
        ConfigError, match=r"scenario 'hom', which is not a scenario for people \(did you mean 'home'\?\)"
    ):
        read_triggers(tmp_path)


def test_without_triggers_there_is_an_empty_table_with_all_columns(shop) -> None:
    assert find_triggers(shop, Triggers(), night=NIGHT).column_names[-2:] == ["status", "reason"]
