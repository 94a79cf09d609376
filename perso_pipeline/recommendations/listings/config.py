"""``config/listings.yml``: how category pages are ranked and what counts as a result of a search.

The words of ``ranking``, ``personal`` and the search tables. Add a ranking strategy or an action here first. Keep SQL
out.
"""

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from perso_pipeline.contracts.config_files import ConfigPart, error_at, first_twice, read_config
from perso_pipeline.contracts.errors import nearest
from perso_pipeline.contracts.sites import Sites

FILE = "listings.yml"


class RankingStrategy(StrEnum):
    """By what the items of a category are ordered before anybody moves one by hand."""

    MOST_VIEWED = "most_viewed"  # sessions with a view
    MOST_CARTED = "most_carted"  # sessions with an addition to the cart
    MOST_PURCHASED = "most_purchased"  # orders
    TRENDING = "trending"  # sessions with a view on the last day, against the days before
    RECOMMENDED_FOR_YOU = "recommended_for_you"  # a person's own order; most_viewed for everybody unknown
    DEFAULT = "default"  # 28 days weighted as in scenarios.yml


class Action(StrEnum):
    """What a manual rule does with the items it names."""

    PIN = "pin"
    BOOST = "boost"
    BURY = "bury"
    HIDE = "hide"


class ManualRule(ConfigPart):
    """A merchandiser's hand on one category; never inherited."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="Key that rows and reports carry.")
    action: Action = Field(description="pin, boost, bury or hide.")
    items: tuple[str, ...] = Field(default=(), description="Ids; a pin places them one after another.")
    brands: tuple[str, ...] = Field(default=(), description="Brands; not for a pin.")
    subcategories: tuple[str, ...] = Field(default=(), description="Category paths, what is below included.")
    position: int | None = Field(default=None, ge=1, le=200, description="Of a pin: place of its first item.")
    by: int | None = Field(
        default=None, ge=1, le=10_000, description="Of boost and bury: places; left out, all the way."
    )
    starts_on: date | None = Field(default=None, description="First day on which pages show it.")
    ends_on: date | None = Field(default=None, description="Last day on which pages show it.")

    @model_validator(mode="after")
    def _fits_its_action(self) -> Self:
        if self.action is Action.PIN:
            if not self.items or self.brands or self.subcategories:
                msg = f"rule '{self.id}' pins; give it items and neither brands nor subcategories"
                raise ValueError(msg)
            if self.position is None:
                msg = f"rule '{self.id}' pins; give it a position"
                raise ValueError(msg)
        elif self.position is not None:
            msg = f"rule '{self.id}' has a position, which only a pin has"
            raise ValueError(msg)
        if self.by is not None and self.action not in (Action.BOOST, Action.BURY):
            msg = f"rule '{self.id}' has 'by', which only boost and bury have"
            raise ValueError(msg)
        if not (self.items or self.brands or self.subcategories):
            msg = f"rule '{self.id}' names nothing; give it items, brands or subcategories"
            raise ValueError(msg)
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            msg = f"rule '{self.id}' ends on {self.ends_on}, before it starts on {self.starts_on}"
            raise ValueError(msg)
        return self

    def is_in_force(self, day: date) -> bool:
        """Whether pages of ``day`` show it."""
        return (self.starts_on is None or self.starts_on <= day) and (self.ends_on is None or day <= self.ends_on)

    def overlaps(self, other: "ManualRule") -> bool:
        """Whether there is a day on which both are in force."""
        return max(self.starts_on or date.min, other.starts_on or date.min) <= min(
            self.ends_on or date.max, other.ends_on or date.max
        )

    def places(self) -> range:
        """Positions that a pin takes; empty for what is none."""
        return range(self.position, self.position + len(self.items)) if self.position else range(0)


class CategoryRanking(ConfigPart):
    """One category's own ranking: an intelligent strategy, manual rules, or both."""

    category: str = Field(min_length=1, description="Path as in the catalogue, such as home/kitchen.")
    sites: tuple[str, ...] = Field(default=(), description="Sites it holds for; none listed means all.")
    strategy: RankingStrategy | None = Field(default=None, description="Left out: inherited, else the default.")
    is_inherited: bool = Field(default=False, description="Whether subcategories without their own strategy take it.")
    rules: tuple[ManualRule, ...] = Field(default=(), description="Manual rules, first to last; never inherited.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.strategy is None and not self.rules:
            msg = f"category '{self.category}' has neither a strategy nor rules; give it one, or take it out"
            raise ValueError(msg)
        if self.is_inherited and self.strategy is None:
            msg = f"category '{self.category}' has no strategy of its own that could be inherited"
            raise ValueError(msg)
        for number, rule in enumerate(self.rules):
            for other in self.rules[:number]:
                if rule.overlaps(other) and set(rule.places()) & set(other.places()):
                    msg = f"rules '{other.id}' and '{rule.id}' pin different items to one place on the same days"
                    raise ValueError(msg)
                if rule.overlaps(other) and set(rule.items) & set(other.items):
                    both = ", ".join(sorted(set(rule.items) & set(other.items)))
                    msg = f"rules '{other.id}' ({other.action}) and '{rule.id}' ({rule.action}) both move {both}"
                    raise ValueError(msg)
        return self

    def holds_on(self, site_id: str) -> bool:
        return not self.sites or site_id in self.sites


class Ranking(ConfigPart):
    """How the tables of rankings are made."""

    default_strategy: RankingStrategy = Field(
        default=RankingStrategy.DEFAULT, description="Of a category that has none and inherits none."
    )
    days: int = Field(default=7, ge=1, le=90, description="Days of views, carts and orders that count.")
    trending_days: int = Field(default=1, ge=1, le=30, description="Last days of 'trending'.")
    trending_against_days: int = Field(default=3, ge=1, le=90, description="Days before them, held against.")
    size: int = Field(default=200, ge=1, le=10_000, description="Places kept per category.")


class PersonalRanking(ConfigPart):
    """For whom and what the personal order of a category is stored."""

    active_days: int = Field(default=7, ge=1, description="People seen within these days have one.")
    categories: int = Field(default=3, ge=0, le=20, description="Categories of each, those most liked; 0 for none.")
    pool: int = Field(default=60, ge=1, le=1_000, description="First places of the category that are put in order.")
    size: int = Field(default=24, ge=1, le=200, description="Places stored.")


class Search(ConfigPart):
    """What counts as a search, and as bought after one."""

    days: int = Field(default=28, ge=1, le=180, description="Days of searches that the report sums.")
    repeat_minutes: int = Field(default=60, ge=1, description="The same search again within these is the same one.")
    bought_within_days: int = Field(default=7, ge=1, le=30, description="An order this long after is still its doing.")
    min_people: int = Field(default=3, ge=1, description="A term that fewer searched for is not shown by itself.")
    affinity_days: int = Field(default=90, ge=1, le=365, description="Days of searches behind 'searched then bought'.")
    min_buyers: int = Field(default=2, ge=1, description="People who bought an item after a term, at least.")
    prior_people: int = Field(default=20, ge=0, description="Weight of the average in a smoothed conversion, people.")
    size: int = Field(default=50, ge=1, le=500, description="Items kept per term.")
    terms: int = Field(default=500, ge=1, description="Terms of a site that have lists, most searched first.")


class Listings(ConfigPart):
    """The whole of ``config/listings.yml``."""

    ranking: Ranking = Ranking()
    personal: PersonalRanking = PersonalRanking()
    search: Search = Search()
    categories: tuple[CategoryRanking, ...] = ()

    @model_validator(mode="after")
    def _one_ranking_each(self) -> Self:
        for number, entry in enumerate(self.categories):
            for other in self.categories[:number]:
                shares_site = not entry.sites or not other.sites or set(entry.sites) & set(other.sites)
                if entry.category == other.category and shares_site:
                    msg = f"category '{entry.category}' stands twice for the same site; make one entry of the two"
                    raise ValueError(msg)
        if twice := first_twice([rule.id for entry in self.categories for rule in entry.rules]):
            msg = f"rule '{twice}' stands twice; give one of the two another id"
            raise ValueError(msg)
        return self

    def own(self, site_id: str, category: str) -> CategoryRanking | None:
        """The entry of this very category, if there is one."""
        return next((e for e in self.categories if e.category == category and e.holds_on(site_id)), None)

    def strategy(self, site_id: str, category: str) -> tuple[RankingStrategy, str | None]:
        """The strategy in force and the category it comes from; None where it is the default.

        Its own, else that of the nearest category above which hands it down.
        """
        own = self.own(site_id, category)
        if own is not None and own.strategy is not None:
            return own.strategy, category
        parts = category.split("/")
        for depth in range(len(parts) - 1, 0, -1):
            above = self.own(site_id, "/".join(parts[:depth]))
            if above is not None and above.is_inherited and above.strategy is not None:
                return above.strategy, above.category
        return self.ranking.default_strategy, None


def read_listings(config_dir: Path) -> Listings:
    """Read ``listings.yml`` and hold its sites against ``sites.yml``.

    Raises:
        ConfigError: either file does not fit, or an entry names a site that is not there.
    """
    listings = read_config(config_dir / FILE, Listings)
    known = {site.id for site in read_config(config_dir / "sites.yml", Sites).sites}
    for number, entry in enumerate(listings.categories):
        for place, site in enumerate(entry.sites):
            if site not in known:
                words = f"category '{entry.category}' names site '{site}', not in sites.yml{nearest(site, known)}"
                raise error_at(config_dir / FILE, ("categories", number, "sites", place), words)
    return listings
