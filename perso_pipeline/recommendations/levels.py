"""Words of a scenario's levels and filters: whom a list is for, where candidates come from, what takes them off.

Add a strategy or a filter here first. What a scenario is made of is ``scenarios``'s matter; keep SQL out.
"""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from perso_pipeline.contracts.config_files import ConfigPart, first_twice


class Subject(StrEnum):
    """What a list is made for."""

    PERSON = "person"
    ITEM = "item"
    CART = "cart"
    CATEGORY = "category"  # one list per category of the catalogue and site
    SEARCH_TERM = "search_term"  # one list per term that many search for
    SEGMENT = "segment"  # one list per segment of people and site
    NONE = "none"  # one list per site


class Strategy(StrEnum):
    """Where the candidates of a level come from."""

    PERSONAL = "personal"  # the site's champion for people
    SIMILAR = "similar"  # the site's champion for items
    CART_ITEMS = "cart_items"  # what 'similar' gives for the items in the cart, added up
    SIMILAR_CONTENT = "similar_content"  # for items too few people met: what is alike in words and traits
    BOUGHT_BEFORE = "bought_before"  # the person's own, the latest first
    VIEWED_BEFORE = "viewed_before"
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
    PRODUCTS = "products"  # anything but content
    BOUGHT = "bought"
    VIEWED = "viewed"  # seen, or read, before
    BLOCKED = "blocked"
    IN_CART = "in_cart"
    SAME_ITEM = "same_item"
    VARIANTS = "variants"  # one item per parent in a list, none of the family of the item or cart it is made for


UNAVAILABLE = "unavailable"  # always in force: not in the site's catalogue of the night, deleted, or a service

ALLOCATION = "allocation"  # rule that takes an item off a list when all of it is promised to others

EXPLORATION = "exploration"  # strategy of a slot that an item still to be learnt about was drawn for

# made for each subject; the others are lists that many read
HISTORY = frozenset({Strategy.BOUGHT_BEFORE, Strategy.VIEWED_BEFORE})
OWN = HISTORY | {
    Strategy.PERSONAL,
    Strategy.SIMILAR,
    Strategy.CART_ITEMS,
    Strategy.SIMILAR_CONTENT,
    Strategy.SEARCHED_THEN_BOUGHT,
}
OF_SUBMODELS = frozenset(
    {Strategy.PERSONAL, Strategy.SIMILAR, Strategy.CART_ITEMS, Strategy.TRENDING, Strategy.POPULAR}
)
NEEDS_SUBJECT: dict[str, frozenset[Subject]] = {
    Strategy.PERSONAL: frozenset({Subject.PERSON}),
    Strategy.SIMILAR: frozenset({Subject.ITEM}),
    Strategy.BOUGHT_BEFORE: frozenset({Subject.PERSON, Subject.CART}),
    Strategy.VIEWED_BEFORE: frozenset({Subject.PERSON, Subject.CART}),
    Strategy.CART_ITEMS: frozenset({Subject.CART}),
    Strategy.SIMILAR_CONTENT: frozenset({Subject.ITEM, Subject.CART}),
    Strategy.POPULAR_IN_CATEGORY: frozenset(set(Subject) - {Subject.NONE, Subject.SEARCH_TERM}),
    Strategy.SEARCHED_THEN_BOUGHT: frozenset({Subject.SEARCH_TERM}),
    Filter.BOUGHT: frozenset({Subject.PERSON, Subject.CART}),
    Filter.VIEWED: frozenset({Subject.PERSON, Subject.CART}),
    Filter.BLOCKED: frozenset({Subject.PERSON, Subject.CART}),
    Filter.IN_CART: frozenset({Subject.CART}),
    Filter.SAME_ITEM: frozenset({Subject.ITEM}),
}


PINNED = "pinned"  # strategy of a slot that a rule of merchandising.yml gave to one item
PROMOTED = "promoted"  # strategy of a slot that such a rule kept for items that no level offered


_SUBMODEL = "Submodel of models.yml that answers in place of the main model."
_GROUP = "Its group for everybody; left out, the group of the person, item, cart or segment."


class Source(ConfigPart):
    """Where candidates come from."""

    strategy: Strategy
    submodel: str | None = Field(default=None, description=_SUBMODEL)
    group: str | None = Field(default=None, description=_GROUP)

    @model_validator(mode="after")
    def _submodel_fits(self) -> Self:
        if self.submodel is not None and self.strategy not in OF_SUBMODELS:
            msg = f"'{self.strategy}' has no submodels; {', '.join(sorted(OF_SUBMODELS))} have"
            raise ValueError(msg)
        if self.group is not None and self.submodel is None:
            msg = f"group '{self.group}' needs the submodel that it belongs to"
            raise ValueError(msg)
        return self

    @property
    def words(self) -> str:
        """Strategy, submodel and group, as far as they are named."""
        return "/".join(filter(None, (self.strategy, self.submodel, self.group)))


class Share(Source):
    """One of several sources of a level."""

    share: float = Field(gt=0, description="How often it is asked, against the shares of the others.")


class Level(ConfigPart):
    """One step of a scenario; fills only what the steps before it left open."""

    strategy: Strategy | None = Field(default=None, description="Where the candidates come from.")
    submodel: str | None = Field(default=None, description=_SUBMODEL)
    group: str | None = Field(default=None, description=_GROUP)
    mix: tuple[Share, ...] = Field(
        default=(), max_length=9, description="In place of a strategy: several, that take turns by their shares."
    )

    @model_validator(mode="after")
    def _is_one_source_or_a_mix(self) -> Self:
        if (self.strategy is None) is not bool(self.mix):
            msg = "a level has one of strategy and mix"
            raise ValueError(msg)
        if self.mix and (len(self.mix) < 2 or self.submodel or self.group):
            msg = "a mix has at least two strategies, each with its own share and, where it has one, its own submodel"
            raise ValueError(msg)
        if twice := first_twice([part.words for part in self.parts]):
            msg = f"'{twice}' stands twice in a mix"
            raise ValueError(msg)
        return self

    @property
    def parts(self) -> tuple[Share, ...]:
        """The sources that take turns; one for a level with a strategy."""
        if self.strategy is None:
            return self.mix
        return (Share(strategy=self.strategy, submodel=self.submodel, group=self.group, share=1),)
