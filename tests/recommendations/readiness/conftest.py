"""A composed night: Ann and Bob, six items, a cart of Ann's; written as the night writes it."""

from datetime import date

import pytest

from perso_pipeline.recommendations.composer import compose
from perso_pipeline.recommendations.scenarios import Scenarios

NIGHT = date(2026, 3, 10)
SCENARIOS = Scenarios.model_validate(
    {
        "scenarios": [
            {"id": "home", "name": "For you", "subject": "person", "size": 2, "filters": ["sold_out", "blocked"],
             "levels": [{"strategy": "personal"}, {"strategy": "catalogue"}]},
            {"id": "product", "name": "Like it", "subject": "item", "size": 2, "filters": ["same_item"],
             "levels": [{"strategy": "similar"}, {"strategy": "catalogue"}]},
            {"id": "search", "name": "After a search", "subject": "search_term", "size": 2,
             "levels": [{"strategy": "searched_then_bought"}, {"strategy": "catalogue"}]},
        ]
    }
)  # fmt: skip


def fill(shop) -> None:
    shop.run(
        """
        create schema if not exists segments; create schema if not exists measurement; create schema if not exists activation;
        create table segments.primary_segment as
        select date '2026-03-10' as night, 'shop-uk' as site_id, person_id, segment_id
        from (values ('ann', 'loyal'), ('bob', 'everyone-else')) t(person_id, segment_id);
        create table measurement.readiness as
        select date '2026-03-10' as night, 'shop-uk' as site_id, event_type, status
        from (values ('product_view', 'ready'), ('item_upserted', 'ready'), ('order_placed', 'ready'), ('search_request', 'missing'))
            t(event_type, status);
        create table activation.navigation as
        select date '2026-03-10' as night, 'shop-uk' as site_id, subject_type, subject_id, rank, category, is_landing
        from (values ('anyone', '*', 1, 'home', false), ('person', 'ann', 1, 'food', true), ('person', 'ann', 2, 'home', false))
            t(subject_type, subject_id, rank, category, is_landing);
        create table recommendations.category_ranking as
        select date '2026-03-10' as night, 'shop-uk' as site_id, category_path, rank, item_id, 'trending' as strategy, rule
        from (values ('food', 1, 'a', 'pin-a'), ('food', 2, 'b', null), ('home', 1, 'b', null)) t(category_path, rank, item_id, rule);
        create table recommendations.personal_category_ranking as
        select date '2026-03-10' as night, 'shop-uk' as site_id, 'nobody' as person_id, 'food' as category_path, 1 as rank, 'a' as item_id,
            'their taste' as because;
        alter table interactions.session_events add column search_query varchar;
        alter table profiles.customer_profiles add column orders bigint;
        """
    )
    shop.add(
        "identity.identity_map",
        {"identifier": "customer:C100", "identifier_type": "customer", "person_id": "ann"},
        {"identifier": "visitor:v1", "identifier_type": "visitor", "person_id": "ann"},
        {"identifier": "visitor:v2", "identifier_type": "visitor", "person_id": "bob"},
    )
    shop.add(
        "profiles.customer_profiles",
        {"person_id": "ann", "orders": 3},
        {"person_id": "bob", "orders": 0, "lifecycle": "prospect"},
    )
    shop.add(
        "profiles.item_profiles",
        *({"item_id": i, "name": f"The {i}", "views_28d": 9 - n} for n, i in enumerate("abcde")),
        {"item_id": "x", "name": "The x", "stock": 0, "is_available": False, "views_28d": 99},
    )
    shop.add("models.champions", {"task": "personal", "model": "als"}, {"task": "similar", "model": "knn"})
    own = {"task": "personal", "model": "als", "subject_type": "person", "subject_id": "ann"}
    shop.add("models.candidates", *({**own, "item_id": i, "score": 9.0 - n, "rank": n} for n, i in enumerate("xdbe")))
    like = {"task": "similar", "model": "knn", "subject_type": "item", "subject_id": "a"}
    shop.add("models.candidates", {**like, "item_id": "c", "score": 1.0})
    seen = {"identifier": "customer:C100", "event_type": "product_view"}
    shop.add(
        "interactions.interactions",
        {"identifier": "customer:C100", "event_type": "block_item", "item_id": "d"},
        {**seen, "event_id": "e1", "item_id": "a"},
        {**seen, "event_id": "e3", "item_id": "e", "known_on": date(2026, 3, 11)},
    )
    shop.add(
        "interactions.session_events",
        {"event_id": "e2", "event_type": "search_request", "search_query": " Mug "},
    )
    shop.add("recommendations.search_terms", {"term": "mug"}, {"term": "rare", "is_head": False})
    shop.add("recommendations.search_affinity", {"term": "mug", "item_id": "c", "smoothed_conversion": 0.1})
    made = compose(shop, SCENARIOS, night=NIGHT)
    for table, rows in (
        ("recommendations", made.recommendations), ("recommendation_trace", made.trace),
        ("recommendation_rejections", made.rejections), ("short_lists", made.short_lists),
    ):  # fmt: skip
        shop.write_partition(f"recommendations.{table}", rows, {"night": NIGHT})


@pytest.fixture
def composed(copy_of):
    return copy_of("readiness", fill)
