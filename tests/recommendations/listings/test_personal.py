"""A person's own order of a category, counted by hand from three places."""

from datetime import date

import pyarrow as pa
import pytest

from perso_pipeline.recommendations.listings.config import PersonalRanking
from perso_pipeline.recommendations.listings.personal import rank_for_people

NIGHT = date(2026, 3, 10)


def _fill(shop) -> None:
    """'home' holds a to e in this order, c of brand Alder. Ann's model says e, then b; she likes Alder."""
    shop.run(
        "create table recommendations.category_ranking (night date, site_id varchar, category_path varchar, rank integer, "
        "item_id varchar, strategy varchar, is_pinned boolean)"
    )
    for rank, item in enumerate("abcde", start=1):
        shop.add(
            "profiles.item_profiles",
            {"item_id": item, "brand": "Alder" if item == "c" else "Finch", "category_path": "home"},
        )
        shop.add(
            "recommendations.category_ranking",
            {"night": NIGHT, "site_id": "shop-uk", "category_path": "home", "rank": rank, "item_id": item,
             "strategy": "recommended_for_you", "is_pinned": False},
        )  # fmt: skip
    shop.add(
        "profiles.customer_profiles",
        {"person_id": "ann"},
        {"person_id": "bob"},
        {"person_id": "long-gone", "last_seen_date": date(2026, 3, 3)},
        {"person_id": "silent", "has_personalization_consent": False},
    )
    likes_home = {"kind": "category", "value": "home", "weight": 2.0}
    shop.add(
        "profiles.affinities", *({**likes_home, "share": 0.0, "person_id": p} for p in ("ann", "long-gone", "silent"))
    )
    shop.add("profiles.affinities", {"person_id": "ann", "kind": "brand", "value": "Alder", "weight": 1.0})
    shop.add("models.champions", {"task": "personal", "model": "als"})
    own = {"task": "personal", "model": "als", "subject_type": "person", "subject_id": "ann"}
    shop.add(
        "models.candidates", {**own, "item_id": "e", "score": 9.0}, {**own, "item_id": "b", "score": 8.0, "rank": 2}
    )


@pytest.fixture
def shop(copy_of):
    return copy_of("listings-personal", _fill)


def table(shop, personal: PersonalRanking, **more: int) -> pa.Table:
    return pa.concat_tables(rank_for_people(shop, personal, night=NIGHT, **more))


def order(shop, **settings: int) -> dict[str, str]:
    made: dict[str, str] = {}
    for row in table(shop, PersonalRanking(**settings)).to_pylist():
        made[row["person_id"]] = made.get(row["person_id"], "") + row["item_id"]
        assert row["rank"] == len(made[row["person_id"]])
    return made


def test_category_model_and_taste_add_up(shop) -> None:
    # b 1/62 + 1/62 (second of her model), e 1/65 + 1/61 (first of it), c 1/63 + 0.5/60 (half of her taste), a 1/61, d 1/64;
    # Bob likes no category, the others are not of the head
    assert order(shop) == {"ann": "becad"}


def test_each_place_says_what_moved_it(shop) -> None:
    rows = table(shop, PersonalRanking()).to_pylist()
    assert [(row["item_id"], row["category_rank"], row["because"]) for row in rows] == [
        ("b", 2, "their model"), ("e", 5, "their model"), ("c", 3, "their taste"), ("a", 1, "the category's order"),
        ("d", 4, "the category's order"),
    ]  # fmt: skip
    assert [row["score"] for row in rows] == pytest.approx([2 / 62, 1 / 65 + 1 / 61, 1 / 63 + 0.5 / 60, 1 / 61, 1 / 64])


@pytest.mark.parametrize("pinned", ["a", "ad", "bcd", "e"])
def test_what_was_pinned_by_hand_keeps_its_place(shop, pinned) -> None:
    shop.run(f"update recommendations.category_ranking set is_pinned = contains('{pinned}', item_id)")
    free = iter([item for item in "becad" if item not in pinned])
    assert order(shop) == {"ann": "".join(item if item in pinned else next(free) for item in "abcde")}


def test_only_the_first_places_are_put_in_order_and_kept(shop) -> None:
    assert order(shop, pool=3, size=2) == {"ann": "bc"}


def test_other_strategies_have_no_personal_order(shop) -> None:
    shop.run("update recommendations.category_ranking set strategy = 'trending'")
    assert order(shop) == {}


def test_who_was_seen_long_ago_is_in_once_the_window_is_wider(shop) -> None:
    assert set(order(shop, active_days=8)) == {"ann", "long-gone"}


def test_people_in_parts_make_the_same_table(shop) -> None:
    whole = table(shop, PersonalRanking(active_days=8))
    assert table(shop, PersonalRanking(active_days=8), people_at_once=1).equals(whole)
