"""``config/scenarios.yml``: placements, their strategy levels, filters and limits.

The words of the composer and of its gate. Add a strategy or a filter here first. Keep SQL out.
"""

from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from perso_pipeline.contracts.config_files import ConfigPart, error_at, read_config
from perso_pipeline.contracts.errors import ConfigError, nearest
from perso_pipeline.contracts.sites import Sites


class Subject(StrEnum):
    """What a list is made for."""

    PERSON = "person"
    ITEM = "item"
    CART = "cart"
    SEARCH_TERM = "search_term"


class Strategy(StrEnum):
    """Where the candidates of a level come from."""

    PERSONAL = "personal"  # the site's champion for people
    SIMILAR = "similar"  # the site's champion for items
    CART_ITEMS = "cart_items"  # what 'similar' gives for the items in the cart, added up
    SIMILAR_CONTENT = "similar_content"  # for items too few people met: what is alike in words and traits
    TRENDING = "trending"
    POPULAR = "popular"
    RECENTLY_ADDED = "recently_added"  # newest in the catalogue
    POPULAR_IN_CATEGORY = "popular_in_category"
    SEARCHED_THEN_BOUGHT = "searched_then_bought"  # what people bought after that search, more than after others
    CATALOGUE = "catalogue"  # every item of the site, most wanted first: never runs dry before the shop does


class Filter(StrEnum):
    """What takes a candidate off a list. The first in a scenario's order is the one that is recorded."""

    SOLD_OUT = "sold_out"
    EXPIRED = "expired"
    CONTENT = "content"  # anything but products
    BOUGHT = "bought"
    BLOCKED = "blocked"
    IN_CART = "in_cart"
    SAME_ITEM = "same_item"
    VARIANTS = "variants"  # one item per parent in a list, none of the family of the item or cart it is made for


UNAVAILABLE = "unavailable"  # always in force: not in the site's catalogue of the night, deleted, or a service

EXPLORATION = "exploration"  # strategy of a slot that an item still to be learnt about was drawn for

_OF_SUBMODELS = frozenset(
    {Strategy.PERSONAL, Strategy.SIMILAR, Strategy.CART_ITEMS, Strategy.TRENDING, Strategy.POPULAR}
)
_NEEDS_SUBJECT: dict[str, frozenset[Subject]] = {
    Strategy.PERSONAL: frozenset({Subject.PERSON}),
    Strategy.SIMILAR: frozenset({Subject.ITEM}),
    Strategy.CART_ITEMS: frozenset({Subject.CART}),
    Strategy.SIMILAR_CONTENT: frozenset({Subject.ITEM, Subject.CART}),
    Strategy.SEARCHED_THEN_BOUGHT: frozenset({Subject.SEARCH_TERM}),
    Strategy.POPULAR_IN_CATEGORY: frozenset({Subject.PERSON, Subject.ITEM, Subject.CART}),
    Filter.BOUGHT: frozenset({Subject.PERSON, Subject.CART}),
    Filter.BLOCKED: frozenset({Subject.PERSON, Subject.CART}),
    Filter.IN_CART: frozenset({Subject.CART}),
    Filter.SAME_ITEM: frozenset({Subject.ITEM}),
}


class Level(ConfigPart):
    """One step of a scenario; fills only what the steps before it left open."""

    strategy: Strategy
    submodel: str | None = Field(
        default=None, description="Submodel of models.yml that answers in place of the main model."
    )
    group: str | None = Field(
        default=None, description="Its group for everybody; left out, the group of the person, item or cart."
    )

    @model_validator(mode="after")
    def _submodel_fits(self) -> Self:
        if self.submodel is not None and self.strategy not in _OF_SUBMODELS:
            msg = f"'{self.strategy}' has no submodels; {', '.join(sorted(_OF_SUBMODELS))} have"
            raise ValueError(msg)
        if self.group is not None and self.submodel is None:
            msg = f"group '{self.group}' needs the submodel that it belongs to"
            raise ValueError(msg)
        return self


class Exploration(ConfigPart):
    """A share of slots for items that are still to be learnt about, drawn evenly and with known chances."""

    share: float = Field(gt=0, le=0.5, description="Mean share of the slots below first_slots_kept.")
    first_slots_kept: int = Field(default=0, ge=0, description="Slots from the top that are never given away.")
    items: tuple[Literal["new", "cold"], ...] = Field(
        default=("new", "cold"),
        min_length=1,
        description="Which items: new in the catalogue, or cold (met by few); limits are in models.yml.",
    )


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


class Scenario(ConfigPart):
    """One placement."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="Key that a shop asks with.")
    name: str = Field(min_length=1, description="Name shown to people.")
    subject: Subject = Field(description="What a list is made for.")
    size: int = Field(ge=1, le=200, description="Slots of a list.")
    sites: tuple[str, ...] = Field(default=(), description="Sites that have this placement; none listed means all.")
    levels: tuple[Level, ...] = Field(min_length=1, max_length=9, description="Strategies in order.")
    filters: tuple[Filter, ...] = Field(default=(), description="What takes a candidate off the list, in order.")
    bought_days: int = Field(default=365, ge=1, description="How long 'bought' looks back, days.")
    cart_days: int = Field(
        default=7, ge=1, le=90, description="How long a cart counts as open after its last change, days."
    )
    is_own_history: bool = Field(default=False, description="Shows a person what they bought, such as 'buy again'.")
    exploration: Exploration | None = Field(default=None, description="Left out: nothing is explored.")
    time_slots: TimeSlots | None = Field(default=None, description="Left out: the same lists all day.")
    gate: GateLimits = Field(default=GateLimits(), description="Limits of the gate before publication.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        strategies = [(level.strategy, level.submodel, level.group) for level in self.levels]
        for used in (*(level.strategy for level in self.levels), *self.filters):
            legal = _NEEDS_SUBJECT.get(used)
            if legal and self.subject not in legal:
                msg = f"'{used}' needs subject {' or '.join(sorted(legal))}, not {self.subject}"
                raise ValueError(msg)
        stated: dict[str, list[Any]] = {
            "level": strategies,
            "filter": list(self.filters),
            "site": list(self.sites),
            "time slot": list(self.time_slots.slots) if self.time_slots else [],
        }
        for kind, words in stated.items():
            if len(set(words)) < len(words):
                msg = f"a {kind} stands twice in scenario '{self.id}'"
                raise ValueError(msg)
        if self.is_own_history and Filter.BOUGHT in self.filters:
            msg = "a scenario of a person's own history cannot filter 'bought'; take one of the two out"
            raise ValueError(msg)
        if self.exploration and self.exploration.first_slots_kept >= self.size:
            msg = f"first_slots_kept ({self.exploration.first_slots_kept}) leaves no slot of {self.size} to explore"
            raise ValueError(msg)
        return self

    def by_time_slot(self) -> tuple["Scenario", ...]:
        """The scenario itself, then one per time slot: levels with submodels' lists ask that slot's first."""
        if self.time_slots is None:
            return (self,)
        made = [self.model_copy(update={"time_slots": None})]
        for slot in self.time_slots.slots:
            levels: list[Level] = []
            for level in self.levels:
                if level.strategy in self.time_slots.strategies and level.submodel is None:
                    levels.append(Level(strategy=level.strategy, submodel=self.time_slots.submodel, group=slot))
                levels.append(level)
            update = {"id": f"{self.id}--{slot}", "name": f"{self.name} ({slot})", "levels": tuple(levels)}
            made.append(self.model_copy(update={**update, "time_slots": None}))
        return tuple(made)


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


class Scenarios(ConfigPart):
    """The whole of ``config/scenarios.yml``."""

    popularity: Popularity = Popularity()
    publish: Publication = Publication()
    scenarios: tuple[Scenario, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = [scenario.id for scenario in self.scenarios]
        if len(set(ids)) < len(ids):
            msg = f"scenario '{next(i for i in ids if ids.count(i) > 1)}' stands twice"
            raise ValueError(msg)
        return self

    def __getitem__(self, scenario_id: str) -> Scenario:
        return next(s for s in self.scenarios if s.id == scenario_id)


def read_scenarios(config_dir: Path) -> Scenarios:
    """Read ``scenarios.yml`` and hold its sites against ``sites.yml``.

    Raises:
        ConfigError: either file does not fit, or a scenario names a site that is not there.
    """
    scenarios = read_config(config_dir / "scenarios.yml", Scenarios)
    known = {site.id for site in read_config(config_dir / "sites.yml", Sites).sites}
    for number, scenario in enumerate(scenarios.scenarios):
        for place, site in enumerate(scenario.sites):
            if site not in known:
                words = f"scenario '{scenario.id}' names site '{site}', not in sites.yml{nearest(site, known)}"
                raise error_at(config_dir / "scenarios.yml", ("scenarios", number, "sites", place), words)
    expanded = [one.model_dump() for scenario in scenarios.scenarios for one in scenario.by_time_slot()]
    try:
        return Scenarios.model_validate(scenarios.model_dump() | {"scenarios": expanded})
    except ValidationError as error:
        msg = f"scenarios.yml: once more per time slot: {error.errors()[0]['msg'].rstrip('.').lower()}."
        raise ConfigError(msg) from error
