"""``config/merchandising.yml``: what merchandisers decide on top of the models, rule by rule.

The words and which rules are in force. ``conflicts`` says which of them cannot both have their way,
``composition.arrange`` follows them.
"""

import math
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from perso_pipeline.contracts.config_files import ConfigPart, first_twice, read_config
from perso_pipeline.contracts.errors import ConfigError, nearest
from perso_pipeline.recommendations.conditions import Condition

FILE = "merchandising.yml"


class RuleBase(ConfigPart):
    """What every rule says: where, for whom, when, before whom."""

    kind: str = Field(description="What the rule does.")
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="Key that trace and rejections name it by.")
    name: str = Field(min_length=1, description="What it is for, shown to people.")
    scenarios: tuple[str, ...] = Field(default=(), description="Scenarios it holds for; none listed means all.")
    sites: tuple[str, ...] = Field(default=(), description="Sites it holds for; none listed means all.")
    segments: tuple[str, ...] = Field(
        default=(), description="Only lists of people in one of these segments; none listed means everybody."
    )
    starts_on: date | None = Field(default=None, description="First night it holds.")
    ends_on: date | None = Field(default=None, description="First night it no longer holds.")
    priority: int = Field(default=100, ge=1, le=999, description="1 goes first; equal ones in the order of the file.")

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.starts_on is not None and self.ends_on is not None and self.starts_on >= self.ends_on:
            msg = f"rule '{self.id}' ends on {self.ends_on} and so never holds: it starts on {self.starts_on}"
            raise ValueError(msg)
        return self

    def holds_on(self, night: date) -> bool:
        """Whether the night lies in [starts_on, ends_on)."""
        return (self.starts_on is None or self.starts_on <= night) and (self.ends_on is None or night < self.ends_on)

    def holds_for(self, scenario_id: str) -> bool:
        """Whether the scenario is one of the rule's; ``home--evening`` is ``home`` in the evening."""
        whole = scenario_id.split("--", maxsplit=1)[0]
        return not self.scenarios or scenario_id in self.scenarios or whole in self.scenarios


class Conditioned(RuleBase):
    """A rule about items that are described."""

    where: tuple[Condition, ...] = Field(min_length=1, description="Which items: every one of these holds.")


class Include(Conditioned):
    """Only items that are meant may stand in the list; of several such rules all must be met."""

    kind: Literal["include"]


class Exclude(Conditioned):
    """Items that are meant may not stand in the list; of several such rules one is enough."""

    kind: Literal["exclude"]


class Pin(RuleBase):
    """One item always stands at one position, as long as nothing takes it off."""

    kind: Literal["pin"]
    item: str = Field(min_length=1, description="Item id.")
    position: int = Field(ge=1, le=200, description="Slot, from 1.")


class Moved(Conditioned):
    """A rule that changes the order."""

    factor: float | None = Field(default=None, gt=1, le=1000, description="How much the score is changed.")
    positions: int | None = Field(default=None, ge=1, le=200, description="Places moved among the level's candidates.")

    @model_validator(mode="after")
    def _says_how_much(self) -> Self:
        if (self.factor is None) is (self.positions is None):
            msg = f"rule '{self.id}' needs one of factor and positions"
            raise ValueError(msg)
        return self


class Boost(Moved):
    """Items that are meant score higher, or move up."""

    kind: Literal["boost"]


class Bury(Moved):
    """Items that are meant score lower, or move down."""

    kind: Literal["bury"]


class Promote(Conditioned):
    """A share of the slots is kept for items that are meant."""

    kind: Literal["promote"]
    share: float = Field(gt=0, le=1, description="Share of the slots, rounded up to whole slots.")

    def positions(self, size: int) -> list[int]:
        """Slots (from 1) by which the 1st, 2nd, ... promoted item must stand: evenly spread, the last one last."""
        slots = math.ceil(round(self.share * size, 9))
        return [-(-(n * size) // slots) for n in range(1, slots + 1)]


class Variety(RuleBase):
    """No more than so many of one category, brand or family in a list."""

    kind: Literal["variety"]
    by: Literal["category", "brand", "parent", "price_band"] = Field(description="Of what there may not be too many.")
    levels: int | None = Field(
        default=None, ge=1, le=9, description="Of a category: only so many upper levels; left out, the whole path."
    )
    at_most: int = Field(ge=1, le=200, description="Items of one value.")

    @model_validator(mode="after")
    def _levels_are_of_categories(self) -> Self:
        if self.levels is not None and self.by != "category":
            msg = f"rule '{self.id}': 'levels' counts those of a category, not of '{self.by}'"
            raise ValueError(msg)
        return self


class Repeat(RuleBase):
    """What a list has shown too often rests."""

    kind: Literal["repeat"]
    at_most: int = Field(ge=1, le=99, description="Published nights on which an item may have stood in the list.")
    nights: int = Field(ge=1, le=100, description="Of so many last published nights.")
    unless_clicked: bool = Field(default=True, description="An item that was clicked in these nights does not rest.")

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.at_most > self.nights:
            msg = f"rule '{self.id}' never holds: nothing is shown {self.at_most} times in {self.nights} nights"
            raise ValueError(msg)
        return self


Rule = Annotated[Include | Exclude | Pin | Boost | Bury | Promote | Variety | Repeat, Field(discriminator="kind")]


class Merchandising(ConfigPart):
    """The whole of ``config/merchandising.yml``."""

    rules: tuple[Rule, ...] = Field(default=(), description="The rules; their order decides between equal priorities.")

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        if (twice := first_twice([rule.id for rule in self.rules])) is not None:
            msg = f"rule '{twice}' stands twice"
            raise ValueError(msg)
        return self

    @property
    def in_order(self) -> tuple[Rule, ...]:
        """By priority, then as in the file."""
        return tuple(sorted(self.rules, key=lambda rule: rule.priority))

    def of(self, scenario_id: str, night: date) -> tuple[Rule, ...]:
        """Rules in force for a scenario on a night, in order; for which of its lists is told by sites and segments."""
        return tuple(rule for rule in self.in_order if rule.holds_on(night) and rule.holds_for(scenario_id))


def read_merchandising(config_dir: Path) -> Merchandising:
    """Read ``merchandising.yml``; without the file there are no rules.

    Raises:
        ConfigError: it does not fit.
    """
    path = config_dir / FILE
    return read_config(path, Merchandising) if path.is_file() else Merchandising()


def check_names(rules: Merchandising, *, scenarios: Collection[str], sites: Collection[str]) -> None:
    """Every scenario and site that a rule names is there.

    Raises:
        ConfigError: one is not; names the nearest that is.
    """
    for rule in rules.rules:
        for word, named, known in (("scenario", rule.scenarios, scenarios), ("site", rule.sites, sites)):
            for one in named:
                if one not in known:
                    place = "scenarios.yml" if word == "scenario" else "sites.yml"
                    msg = f"{FILE}: rule '{rule.id}' names {word} '{one}', not in {place}{nearest(one, known)}."
                    raise ConfigError(msg)
