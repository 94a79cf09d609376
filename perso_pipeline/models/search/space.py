"""What a search may try of each model: ranges around the shipped settings, one block per model.

Settings that decide what a model is (windows of a shop's business, seeds, memory) are not searched. The present
settings always lie in the space: a range is widened to them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perso_pipeline.contracts.errors import ConfigError, nearest


@dataclass(frozen=True, slots=True)
class Whole:
    """Whole numbers, both ends included; ``by_ratio``: steps are even in the logarithm."""

    low: int
    high: int
    by_ratio: bool = False


@dataclass(frozen=True, slots=True)
class Real:
    """Real numbers, both ends included."""

    low: float
    high: float
    by_ratio: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """One of these."""

    words: tuple[str, ...]


Dimension = Whole | Real | Words
Space = Mapping[str, Dimension]
Setting = int | float | str

_NEIGHBOURS = Whole(10, 1000, by_ratio=True)
_GRAPH: Space = {"factors": Whole(16, 512, by_ratio=True), "low_pass": Real(0.0, 1.0)}
SPACES: Mapping[str, Space] = {
    "popular": {"half_life_days": Real(1.0, 120.0, by_ratio=True)},
    "trending": {"short_days": Whole(1, 14), "smoothing": Real(0.5, 50.0, by_ratio=True)},
    "conversion": {"prior_visits": Real(5.0, 500.0, by_ratio=True)},
    "item_knn": {
        "weighting": Words(("bm25", "cosine")),
        "neighbours": _NEIGHBOURS,
        "k1": Real(0.05, 5.0, by_ratio=True),
        "b": Real(0.0, 1.0),
    },
    "rp3beta": {"alpha": Real(0.3, 1.5), "beta": Real(0.0, 1.0), "neighbours": _NEIGHBOURS},
    "ease": {"regularization": Real(1.0, 5000.0, by_ratio=True)},
    "gf_cf": _GRAPH,
    "bspm": {**_GRAPH, "sharpening": Real(0.1, 2.6)},
    "als": {
        "factors": Whole(16, 256, by_ratio=True),
        "regularization": Real(0.01, 200.0, by_ratio=True),
        "alpha": Real(0.1, 40.0, by_ratio=True),
        "iterations": Whole(5, 30),
    },
    "bpr": {
        "factors": Whole(16, 256, by_ratio=True),
        "learning_rate": Real(0.001, 0.2, by_ratio=True),
        "regularization": Real(0.0001, 1.0, by_ratio=True),
        "iterations": Whole(20, 300, by_ratio=True),
    },
    "co_visitation": {
        "within_days": Whole(1, 14),
        "discount": Real(0.0, 1.0),
        "min_people": Whole(1, 5),
        "neighbours": _NEIGHBOURS,
    },
    "bought_together": {"min_orders": Whole(1, 10), "min_lift": Real(0.0, 10.0), "neighbours": _NEIGHBOURS},
    "viewed_then_bought": {
        "within_days": Whole(1, 30),
        "discount": Real(0.0, 1.0),
        "min_people": Whole(1, 5),
        "neighbours": _NEIGHBOURS,
    },
    "content": {"trait_weight": Real(0.0, 3.0), "min_likeness": Real(0.0, 0.5), "neighbours": _NEIGHBOURS},
    "session": {
        "last_events": Whole(1, 30),
        "position_decay": Real(0.3, 1.0),
        "session_half_life_days": Real(2.0, 180.0, by_ratio=True),
        "neighbours": Whole(50, 2000, by_ratio=True),
    },
}


def space_of(model: str) -> Space:
    """The space of one model.

    Raises:
        ConfigError: the model is unknown, or has nothing to search.
    """
    if model not in SPACES:
        msg = f"There is nothing to search for model '{model}'{nearest(model, SPACES)}; {', '.join(SPACES)} can be."
        raise ConfigError(msg)
    return SPACES[model]


def widened(space: Space, current: Mapping[str, Any]) -> Space:
    """The space with every range reaching to the present setting."""

    def reach(name: str, dimension: Dimension) -> Dimension:
        if isinstance(dimension, Words):
            return dimension
        return type(dimension)(
            min(dimension.low, current[name]), max(dimension.high, current[name]), dimension.by_ratio
        )

    return {name: reach(name, dimension) for name, dimension in space.items()}
