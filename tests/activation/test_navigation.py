"""The order of the menu: smoothed toward everybody's, counted by hand."""

from datetime import date

import pytest

from perso_pipeline.activation.config import Navigation
from perso_pipeline.activation.navigation import order_navigation
from perso_pipeline.resources.warehouse import DuckDBWarehouse

NIGHT = date(2026, 3, 10)


@pytest.fixture
def shop(tmp_path):
    """Menu home, food, pets. Ann likes home 6 and food 2; Bob looked at food once; Cid gave no consent."""
    warehouse = DuckDBWarehouse(tmp_path / "shop.duckdb", threads=1)
    with warehouse.transaction() as connection:
        connection.execute(
            """
            create schema profiles;
            create table profiles.item_profiles as
            select date '2026-03-10' as night, 'uk' as site_id, item_id, 'product' as item_type, path as category_path,
                item_id <> 'i4' as is_available
            from (values ('i1', 'home/mugs'), ('i2', 'food'), ('i3', 'pets/dogs'), ('i4', 'garden')) t(item_id, path);
            create table profiles.customer_profiles as
            select date '2026-03-10' as night, 'uk' as site_id, person_id, person_id <> 'cid' as has_personalization_consent
            from (values ('ann'), ('bob'), ('cid')) t(person_id);
            create table profiles.affinities as
            select date '2026-03-10' as night, 'uk' as site_id, person_id, kind, value, weight::double as weight
            from (values
                ('ann', 'category_1', 'home', 6), ('ann', 'category', 'home/mugs', 6), ('ann', 'category', 'food', 2),
                ('bob', 'category', 'food', 1), ('cid', 'category_1', 'pets', 9)
            ) t(person_id, kind, value, weight)
            """
        )
    return warehouse


def rows(shop, **settings) -> dict[str, list[tuple[str, float]]]:
    made: dict[str, list[tuple[str, float]]] = {}
    for row in order_navigation(shop, Navigation(**settings), night=NIGHT).to_pylist():
        made.setdefault(row["subject_id"], []).append((row["category"], pytest.approx(row["score"])))
        assert row["rank"] == len(made[row["subject_id"]])
    return made


def test_a_persons_order_is_drawn_to_everybodys_and_who_gave_no_consent_has_none(shop) -> None:
    # everybody with consent: home 6, food 3 of 9; garden has nothing to buy, pets nobody with consent
    assert rows(shop, prior_weight=3) == {
        "*": [("home", 6 / 9), ("food", 3 / 9), ("pets", 0)],
        "ann": [("home", (6 + 3 * 6 / 9) / 11), ("food", (2 + 3 * 3 / 9) / 11), ("pets", 0)],
        "bob": [("food", (1 + 1) / 4), ("home", 2 / 4), ("pets", 0)],  # a tie goes by name
    }
    assert [name for name, _ in rows(shop, prior_weight=4)["bob"]] == ["home", "food", "pets"]


@pytest.mark.parametrize(
    ("landing", "people"),
    [
        ({"min_share": 0.75, "min_weight": 5}, ["ann"]),  # home is 6 of Ann's 8
        ({"min_share": 0.76, "min_weight": 5}, []),
        ({"min_share": 0.75, "min_weight": 9}, []),
        ({"min_share": 0.75, "min_weight": 1}, ["ann", "bob"]),
    ],
)
def test_a_visit_may_begin_in_a_category_only_where_the_liking_is_clear_and_enough(shop, landing, people) -> None:
    made = order_navigation(shop, Navigation(landing=landing, prior_weight=0), night=NIGHT).to_pylist()
    assert [row["subject_id"] for row in made if row["is_landing"]] == people


def test_only_the_first_places_are_stored(shop) -> None:
    assert {len(places) for places in rows(shop, size=2).values()} == {2}
