"""The words of ``config/models.yml`` that code names too: events that weigh, tasks, models."""

from typing import Literal

EventType = Literal[
    "product_view",
    "content_consumed",
    "add_to_wish_list",
    "remove_from_wish_list",
    "add_to_cart",
    "remove_from_cart",
    "rating",
    "owns",
    "purchase",
    "block_item",
    "low_rating",
    "cancellation",
    "refund",
]
Task = Literal["personal", "similar"]
ModelName = Literal[
    "popular",
    "trending",
    "recently_added",
    "conversion",
    "editorial",
    "random",
    "item_knn",
    "rp3beta",
    "ease",
    "gf_cf",
    "bspm",
    "als",
    "bpr",
    "blend",
    "co_visitation",
    "bought_together",
    "viewed_then_bought",
    "content",
    "session",
    "replenishment",
    "two_stage",
]
LinearName = Literal["item_knn", "rp3beta", "ease", "gf_cf", "bspm", "als", "bpr"]
# The baseline, the floor, and the list for anyone that scenarios fall back on.
ALWAYS: tuple[ModelName, ...] = ("popular", "random", "trending")
TASKS: tuple[Task, ...] = ("personal", "similar")
