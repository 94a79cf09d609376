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


class Allocation(ConfigPart):
    """No item is promised beyond its stock: slots are expected to sell pieces, which add up over all people of a site.

    Expected pieces are measured from orders that name the list they come from; what is stated here counts beside them
    as much as thirty pieces sold.
    """

    factor: float = Field(default=1.0, gt=0, description="Share of the stock that lists may promise.")
    pieces_per_list: float = Field(gt=0, description="Pieces that one person's list sells in a day, as far as known.")
    unknown_lists: float = Field(
        default=0, ge=0, description="Lists of everybody unknown that are served in a day, as far as known."
    )
    cover_days: float = Field(default=1, gt=0, description="Days that the stock has to last.")
    window_days: int = Field(default=28, ge=1, le=365, description="Days of orders that are measured.")
    spare: int = Field(default=12, ge=1, le=200, description="Candidates beyond a list's size that may take over.")


class GateLimits(ConfigPart):
    """When the lists of a scenario may not be published ("blocks") or are shown as odd ("warns")."""

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
    stop_fallback_share: float = Field(default=1.0, ge=0, le=1, description="As max_fallback_share; blocks.")
    stop_jaccard: float = Field(default=0.0, ge=0, le=1, description="As min_jaccard; blocks.")


class Popularity(ConfigPart):
    """Weights by which 28 days of an item add up to one number."""

    purchases: float = Field(default=10, ge=0)
    cart_adds: float = Field(default=3, ge=0)
    views: float = Field(default=1, ge=0)


class Publication(ConfigPart):
    """What stays on disk, and how old what the lists rest on may be."""

    keep: int = Field(
        default=14, ge=2, description="Published nights kept; the current and the one before always stay."
    )
    max_facts_age_days: int = Field(
        default=14, ge=1, description="Days from a site's newest event to the night; older facts block."
    )
    max_model_age_days: int = Field(
        default=30, ge=1, description="Days from the night that a model was trained on; an older model blocks."
    )
