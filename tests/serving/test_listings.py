"""Category pages and menus as published."""

from datetime import date

import pytest

from perso_pipeline.recommendations.publish import publish

NIGHT = date(2026, 3, 10)
TABLES = ("recommendations.category_ranking", "recommendations.personal_category_ranking", "activation.navigation")


@pytest.fixture
def published(warehouse, tmp_path):
    """'home/mugs' is a b c d, b pinned by a rule; Ann's own first places are c, b. Her menu begins with food."""
    with warehouse.transaction() as connection:
        connection.execute(
            """
            create schema activation;
            create table recommendations.category_ranking as
            select date '2026-03-10' as night, 'shop-uk' as site_id, 'home/mugs' as category_path, rank, item_id,
                'recommended_for_you' as strategy, case when item_id = 'b' then 'mugs-first' end as rule
            from (values (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')) t(rank, item_id);
            create table recommendations.personal_category_ranking as
            select date '2026-03-10' as night, 'shop-uk' as site_id, 'ann' as person_id, 'home/mugs' as category_path, rank, item_id,
                because
            from (values (1, 'c', 'their taste'), (2, 'b', 'pinned by hand')) t(rank, item_id, because);
            create table activation.navigation as
            select date '2026-03-10' as night, 'shop-uk' as site_id, subject_type, subject_id, rank, category, is_landing
            from (values ('anyone', '*', 1, 'home', false), ('anyone', '*', 2, 'food', false), ('person', 'ann', 1, 'food', true),
                ('person', 'ann', 2, 'home', false)) t(subject_type, subject_id, rank, category, is_landing);
            """
        )
    publish(warehouse, night=NIGHT, published_dir=tmp_path / "published", tables=TABLES)


def test_a_person_gets_their_own_places_and_then_the_categorys(get, published) -> None:
    status, body = get("categories", "shop-uk", category="home/mugs", subject="ann", limit=3)
    assert (status, body["origin"]) == (200, "subject")
    assert [(p["rank"], p["item_id"], p["because"]) for p in body["items"]] == [
        (1, "c", "their taste"), (2, "b", "pinned by hand"), (3, "a", "recommended_for_you"),
    ]  # fmt: skip


@pytest.mark.parametrize("query", [{}, {"subject": "bob"}, {"subject": "' or 1=1 --"}])
def test_everybody_else_gets_the_categorys_order(get, published, query) -> None:
    _, body = get("categories", "shop-uk", category="home/mugs", **query)
    assert body["origin"] == "anyone"
    assert [(p["item_id"], p["because"]) for p in body["items"]][:2] == [
        ("a", "recommended_for_you"),
        ("b", "rule mugs-first"),
    ]
    assert len(body["items"]) == 4


def test_a_category_that_is_not_there_is_not_found(get, published) -> None:
    assert get("categories", "shop-uk", category="hom") == (
        404,
        {"detail": "There is nothing to show in 'hom' on shop-uk."},
    )


def test_a_menu_is_the_persons_else_everybodys(get, published) -> None:
    _, own = get("navigation", "shop-uk", subject="ann")
    assert (own["origin"], own["categories"], own["landing"]) == ("subject", ["food", "home"], "food")
    _, other = get("navigation", "shop-uk", subject="bob")
    assert (other["origin"], other["categories"], other["landing"]) == ("anyone", ["home", "food"], None)
    assert get("navigation", "shop-de")[0] == 404
