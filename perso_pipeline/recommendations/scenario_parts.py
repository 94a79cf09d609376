"""Smaller blocks of ``config/scenarios.yml``: time slots, limits of the gate, popularity, publication."""

from pydantic import Field

from perso_pipeline.contracts.config_files import ConfigPart
from perso_pipeline.recommendations.levels import Strategy


class TimeSlots(ConfigPart):
    """The scenario once more for each slot of a submodel by time, as <id>--<slot>."""

    submodel: str = Field(description="Submodel by time_slot of models.yml.")
    slots: tuple[str, ...] = Field(min_length=1, description="Its slots.")
    strategies: tuple[Strategy, ...] = Field(
        default=(Strategy.TRENDING, Strategy.POPULAR), min_length=1, description="Levels that ask the slot first."
    )


class GateLimits(ConfigPart):
    """When the lists of a scenario may not be published (min_*) or are shown as odd (max_*, min_jaccard)."""

    min_fill: float = Field(default=0.95, ge=0, le=1, description="Filled share of all slots; blocks.")
    min_item_coverage: float = Field(
        default=0.0, ge=0, le=1, description="Share of available items in any list; blocks."
    )
    max_fallback_share: float = Field(
        default=1.0, ge=0, le=1, description="Share of rows below the first level, known subjects; warns."
    )
    min_jaccard: float = Field(
        default=0.0, ge=0, le=1, description="Mean overlap with the last published night; warns."
    )


class Popularity(ConfigPart):
    """Weights by which 28 days of an item add up to one number."""

    purchases: float = Field(default=10, ge=0)
    cart_adds: float = Field(default=3, ge=0)
    views: float = Field(default=1, ge=0)


class Publication(ConfigPart):
    """What stays on disk."""

    keep: int = Field(
        default=14, ge=2, description="Published nights kept; the current and the one before always stay."
    )
