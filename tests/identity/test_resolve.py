"""The identity map on hand-made edges: hops, limits, unmerge, and any order of nights."""

import random
from pathlib import Path

import pytest
from identity_shop import Edge, Shop

from perso_pipeline.identity.config import IdentityRules

# a guest order, an account with the same e-mail, a second account with its phone, a newsletter click on a phone
HOPS: list[Edge] = [
    ("visitor:laptop", "email:ann", "order_email", 1),
    ("customer:1", "email:ann", "account_email", 3),
    ("customer:1", "phone:07", "account_phone", 3),
    ("customer:2", "phone:07", "account_phone", 5),
    ("customer:2", "visitor:mobile", "message_click", 6),
    ("customer:till-9", "loyalty:L1", "order_loyalty", 7),
    ("customer:1", "loyalty:L1", "account_loyalty", 8),
]


def test_identifiers_are_joined_over_any_number_of_hops(shop: Shop) -> None:
    shop.learns(*HOPS)
    shop.run(1, 8)
    everybody = {end for edge in HOPS for end in edge[:2]}
    assert shop.people(8) == {frozenset(everybody)}
    assert shop.people(5) == {frozenset({"visitor:laptop", "email:ann", "customer:1", "phone:07", "customer:2"})}
    assert shop.people(2) == {frozenset({"visitor:laptop", "email:ann"})}


def test_a_person_keeps_its_id_while_it_grows(shop: Shop) -> None:
    shop.learns(*HOPS)
    shop.run(1, 8)
    # the e-mail address sorts before the visitor of the same night
    assert shop.stretches("visitor:laptop") == [(1, None, "email:ann", 0.95)]
    # 1.0 for the root, then the weakest link on the way: phone 0.8, click 0.7
    assert shop.stretches("customer:2") == [(5, None, "email:ann", 0.8)]
    assert shop.stretches("visitor:mobile") == [(6, None, "email:ann", 0.7)]
    # the till knew a customer of its own for a night
    assert shop.stretches("customer:till-9") == [(7, 8, "customer:till-9", 1.0), (8, None, "email:ann", 0.9)]


def test_evidence_that_is_not_trusted_enough_joins_nobody(shop: Shop) -> None:
    shop.learns(*HOPS)
    shop.rules = IdentityRules(least_trust=0.75)
    shop.run(1, 8)
    assert shop.stretches("visitor:mobile") == [(6, None, "visitor:mobile", 1.0)]
    assert shop.stretches("customer:2") == [(5, None, "email:ann", 0.8)]


def test_a_visitor_belongs_to_the_customer_of_its_most_trusted_then_first_link(shop: Shop) -> None:
    shop.learns(
        ("customer:a", "visitor:v", "message_click", 1),
        ("customer:b", "visitor:v", "sign_in", 3),
        ("customer:c", "visitor:v", "sign_in", 4),
        ("customer:a", "visitor:v", "sign_in", 5),
    )
    shop.run(1, 5)
    assert shop.stretches("visitor:v") == [(1, 3, "customer:a", 0.7), (3, None, "visitor:v", 1.0)]
    # the visitor was known before customer b, so b is of the visitor's person
    assert shop.stretches("customer:b") == [(3, None, "visitor:v", 1.0)]
    assert shop.stretches("customer:a") == [(1, None, "customer:a", 1.0)]
    assert shop.stretches("customer:c") == [(4, None, "customer:c", 1.0)]


LIMITED = {"limits": [{"identifier": "visitor", "others": "customer", "at_most": 2}]}


def test_an_identifier_with_too_many_customers_joins_nobody_from_that_night_on_and_is_listed(shop: Shop) -> None:
    shop.rules = IdentityRules.model_validate(LIMITED)
    shop.learns(*((f"customer:{i}", "visitor:kiosk", "sign_in", i) for i in range(1, 5)))
    shop.run(1, 2)
    assert shop.people(2) == {frozenset({"customer:1", "visitor:kiosk"})}
    assert shop.contents()["identity_guards"] != []  # the edges of nights 3 and 4 are known already
    assert shop.db.execute("select reason, others, customers, known_on::varchar from identity.identity_guards").fetchall() == [
        ("more than 2 customers", 4, 4, "2026-03-03")
    ]  # fmt: skip
    shop.run(3, 4)
    assert shop.people(2) == {frozenset({"customer:1", "visitor:kiosk"})}
    assert shop.people(3) == set()
    assert shop.stretches("visitor:kiosk") == [(1, 3, "customer:1", 1.0), (3, None, "visitor:kiosk", 1.0)]


def random_edges(seed: int, nights: int = 8) -> list[Edge]:
    """A busy shop: shared visitors, families with one phone, e-mails on orders."""
    chance = random.Random(seed)
    edges: list[Edge] = []
    for _ in range(70):
        customer, number = f"customer:{chance.randrange(16)}", chance.randrange(1, nights + 1)
        kind, other = chance.choice([
            ("sign_in", f"visitor:{chance.randrange(12)}"), ("message_click", f"visitor:{chance.randrange(12)}"),
            ("account_email", f"email:{chance.randrange(12)}"), ("account_phone", f"phone:{chance.randrange(8)}"),
            ("order_loyalty", f"loyalty:{chance.randrange(10)}"),
        ])  # fmt: skip
        edges.append((customer, other, kind, number))
        edges.append((f"email:{chance.randrange(12)}", f"visitor:{chance.randrange(12)}", "order_email", number))
    return edges


RULES = IdentityRules.model_validate({
    "limits": [
        {"identifier": "visitor", "others": "customer", "at_most": 3},
        {"identifier": "phone", "others": "customer", "at_most": 3},
        {"identifier": "email", "others": "visitor", "at_most": 4},
    ],
    "unmerge": [["customer:3", "customer:5"], ["visitor:2"], ["customer:1", "visitor:4"]],
})  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_nights_one_by_one_in_another_order_and_twice_give_the_map_of_one_range(tmp_path: Path, seed: int) -> None:
    edges = random_edges(seed)
    whole = Shop(tmp_path / "whole.duckdb", RULES)
    whole.learns(*edges)
    whole.run(1, 8)
    orders = [list(range(1, 9)), random.Random(seed).sample(range(1, 9), 8)]
    for number, order in enumerate(orders):
        stepwise = Shop(tmp_path / f"{number}.duckdb", RULES)
        for night in [*order, order[0]]:
            stepwise.learns(*(edge for edge in edges if edge[3] == night))
            stepwise.run(night)
        assert stepwise.contents() == whole.contents()


def test_an_earlier_night_loaded_later_makes_its_identifier_the_root(shop: Shop) -> None:
    shop.learns(("customer:z", "email:e", "account_email", 4))
    shop.run(4)
    assert shop.stretches("email:e") == [(4, None, "customer:z", 0.95)]
    shop.knows("email:e", 2)
    shop.run(2)
    assert shop.stretches("email:e") == [(2, None, "email:e", 1.0)]
    assert shop.stretches("customer:z") == [(4, None, "email:e", 0.95)]


def test_a_night_recomputes_only_the_people_it_touches(shop: Shop) -> None:
    shop.learns(*((f"customer:{i}", f"visitor:{i}", "sign_in", 1) for i in range(50)))
    assert shop.run(1).recomputed == 100
    shop.learns(("customer:7", "email:seven", "account_email", 2))
    done = shop.run(2)
    assert (done.is_whole, done.recomputed) == (False, 3)  # customer 7, its visitor, its e-mail


def test_a_changed_limit_recomputes_everybody(shop: Shop) -> None:
    shop.learns(*((f"customer:{i}", "visitor:kiosk", "sign_in", i) for i in range(1, 5)))
    shop.run(1, 4)
    assert shop.people(4) == {frozenset({"customer:1", "visitor:kiosk"})}
    shop.rules = IdentityRules.model_validate(LIMITED)
    assert shop.run(4).is_whole
    assert shop.people(4) == set()


MERGE: list[Edge] = [("customer:2", "phone:07", "account_phone", 5)]


@pytest.mark.parametrize(
    "unmerge",
    [[["customer:1", "customer:2"]], [["customer:2", "phone:07"]]],
    ids=["the two accounts", "the account and the phone"],
)
def test_an_unmerge_gives_the_map_of_a_history_in_which_the_merge_never_was(tmp_path: Path, unmerge: list) -> None:
    never = Shop(tmp_path / "never.duckdb")
    never.learns(*(edge for edge in HOPS if edge not in MERGE))
    never.knows("customer:2", 5)  # the account is there, without the phone
    never.run(1, 8)
    merged = Shop(tmp_path / "merged.duckdb")
    merged.learns(*HOPS)
    for number in range(1, 9):
        merged.run(number)
    assert merged.contents()["identity_map"] != never.contents()["identity_map"]
    before = merged.contents()
    merged.rules = IdentityRules.model_validate({"unmerge": unmerge})
    done = merged.run(8)
    assert not done.is_whole
    assert merged.contents()["identity_map"] == never.contents()["identity_map"]
    # and taking the entry off the list brings the merge back
    merged.rules = IdentityRules()
    merged.run(8)
    assert merged.contents() == before


def test_an_identifier_set_alone_is_as_if_nothing_had_ever_named_it_together_with_others(tmp_path: Path) -> None:
    never = Shop(tmp_path / "never.duckdb")
    never.learns(*(edge for edge in HOPS if "phone:07" not in edge))
    for identifier, number in [("phone:07", 3), ("customer:2", 5)]:
        never.knows(identifier, number)
    never.run(1, 8)
    merged = Shop(tmp_path / "merged.duckdb")
    merged.learns(*HOPS)
    merged.run(1, 8)
    merged.rules = IdentityRules.model_validate({"unmerge": [["phone:07"]]})
    merged.run(8)
    assert merged.contents() == never.contents()


FAMILY: list[Edge] = [
    ("customer:1", "phone:07", "account_phone", 1), ("customer:2", "phone:07", "account_phone", 2),
    ("customer:3", "phone:07", "account_phone", 3),
]  # fmt: skip
AT_MOST_TWO = [{"identifier": "phone", "others": "customer", "at_most": 2}]


@pytest.mark.parametrize("kept_apart", ["customer:1", "customer:2"])
def test_of_two_kept_apart_only_one_counts_towards_the_limit_of_what_names_both(
    tmp_path: Path, kept_apart: str
) -> None:
    others = {"customer:1", "customer:2"} - {kept_apart}
    crowd = Shop(tmp_path / "crowd.duckdb", IdentityRules.model_validate({"limits": AT_MOST_TWO}))
    crowd.learns(*FAMILY)
    crowd.run(1, 3)
    assert crowd.people(2) == {frozenset({"customer:1", "customer:2", "phone:07"})}
    assert crowd.people(3) == set()  # three customers: the telephone joins nobody
    unmerged = IdentityRules.model_validate({"limits": AT_MOST_TWO, "unmerge": [[kept_apart, "customer:3"]]})
    crowd.rules = unmerged
    crowd.run(3)
    # customer 3 was named last and gives way, so the telephone names two
    assert crowd.people(3) == {frozenset({kept_apart, *others, "phone:07"})}
    assert crowd.db.execute("select count(*) from identity.identity_guards").fetchall() == [(0,)]
    by_night = Shop(tmp_path / "by_night.duckdb", unmerged)
    by_night.learns(*FAMILY)
    for number in (3, 1, 2, 3):
        by_night.run(number)
    assert by_night.contents() == crowd.contents()


@pytest.mark.parametrize("seed", range(4))
def test_an_unmerge_taken_off_the_list_and_put_back_is_as_it_was(tmp_path: Path, seed: int) -> None:
    shop = Shop(tmp_path / "perso.duckdb", RULES)
    shop.learns(*random_edges(seed))
    shop.run(1, 8)
    expected = shop.contents()
    shop.rules = IdentityRules(limits=RULES.limits)
    assert not shop.run(3).is_whole
    assert shop.contents() != expected
    shop.rules = RULES
    assert not shop.run(5).is_whole
    assert shop.contents() == expected
