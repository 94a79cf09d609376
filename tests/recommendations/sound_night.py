"""A small night that passes every gate, for tests that then spoil one thing."""

from datetime import date
from typing import Any

from perso_pipeline.recommendations.composer import compose
from perso_pipeline.recommendations.scenarios import Scenarios

NIGHT = date(2026, 3, 10)
ITEMS = "abcdefgh"


def scenarios_with(**gates: Any) -> Scenarios:
    """Three scenarios of three slots; ``gates`` are the limits of each."""

    def scenario(name: str, subject: str, first: str, *filters: str) -> dict[str, Any]:
        return {
            "id": name, "name": name, "subject": subject, "size": 3, "sites": ["shop-uk"],
            "levels": [{"strategy": first}, {"strategy": "catalogue"}],
            "filters": [*filters, "sold_out", "expired", "content", "variants"], "gate": gates,
        }  # fmt: skip

    return Scenarios.model_validate(
        {
            "scenarios": [
                scenario("home", "person", "personal", "bought", "blocked"),
                scenario("product", "item", "similar", "same_item"),
                scenario("cart", "cart", "cart_items", "in_cart", "bought", "blocked"),
            ]
        }
    )


SCENARIOS = scenarios_with()


def write(shop, config: Scenarios = SCENARIOS, night: date = NIGHT) -> None:
    shop.write_partition(
        "recommendations.recommendations", compose(shop, config, night=night).recommendations, {"night": night}
    )


def fill(shop) -> None:
    """Ann likes c, b, a; each item is like the next; ann's open cart c1 holds g; k is in no list."""
    shop.add("identity.identity_map", {"identifier": "customer:1", "person_id": "ann"})
    shop.add("profiles.customer_profiles", {"person_id": "ann"}, {"person_id": "bob"})
    shop.add("profiles.item_profiles", *({"item_id": item, "purchases_28d": 10 - n} for n, item in enumerate(ITEMS)))
    shop.add("profiles.item_profiles", {"item_id": "k"}, {"item_id": "z", "site_id": "shop-de"})
    shop.add("models.champions", {"task": "personal", "model": "als"}, {"task": "similar", "model": "knn"})
    shop.add(
        "models.candidates",
        *({"task": "personal", "model": "als", "subject_type": "person", "subject_id": "ann", "item_id": i, "score": 1.0} for i in "abc"),
        *({"task": "similar", "model": "knn", "subject_type": "item", "subject_id": i, "item_id": j, "score": 1.0}
          for i, j in zip(ITEMS, ITEMS[1:] + "a", strict=True)),
    )  # fmt: skip
    shop.add(
        "interactions.session_events", {"event_id": "1", "cart_id": "c1", "item_id": "g", "identifier": "customer:1"}
    )
    write(shop)
