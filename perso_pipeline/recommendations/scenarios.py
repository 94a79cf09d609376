"""``config/scenarios.yml``: placements, their strategy levels, filters and limits.

What the composer makes and its gate holds it against. The words of levels and filters are in ``levels``, rules on top
of them in ``merchandising``. Keep SQL out.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from perso_pipeline.contracts.config_files import ConfigPart, error_at, first_twice, read_config
from perso_pipeline.contracts.errors import ConfigError, nearest
from perso_pipeline.contracts.sites import Sites
from perso_pipeline.recommendations.levels import NEEDS_SUBJECT, Filter, Level, Source, Strategy, Subject
from perso_pipeline.recommendations.merchandising import Merchandising, check_names, read_merchandising
from perso_pipeline.recommendations.scenario_parts import Allocation, GateLimits, Popularity, Publication, TimeSlots


class Exploration(ConfigPart):
    """A share of slots for items that are still to be learnt about, drawn evenly and with known chances."""

    share: float = Field(gt=0, le=0.5, description="Mean share of the slots below first_slots_kept.")
    first_slots_kept: int = Field(default=0, ge=0, description="Slots from the top that are never given away.")
    items: tuple[Literal["new", "cold"], ...] = Field(
        default=("new", "cold"),
        min_length=1,
        description="Which items: new in the catalogue, or cold (met by few); limits are in models.yml.",
    )


class SegmentChoice(ConfigPart):
    """What people of one segment get in place of the scenario's own levels."""

    segment: str = Field(min_length=1, description="Segment of people.")
    levels: tuple[Level, ...] = Field(default=(), max_length=9, description="Levels for them.")
    scenario: str | None = Field(default=None, description="Or a scenario whose levels they get.")

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if bool(self.levels) is (self.scenario is not None):
            msg = f"the choice for segment '{self.segment}' needs one of levels and scenario"
            raise ValueError(msg)
        return self


class Scenario(ConfigPart):
    """One placement."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="Key that a shop asks with.")
    name: str = Field(min_length=1, description="Name shown to people.")
    subject: Subject = Field(description="What a list is made for.")
    size: int = Field(ge=1, le=200, description="Slots of a list.")
    sites: tuple[str, ...] = Field(default=(), description="Sites that have this placement; none listed means all.")
    levels: tuple[Level, ...] = Field(min_length=1, max_length=9, description="Strategies in order.")
    by_segment: tuple[SegmentChoice, ...] = Field(
        default=(), description="Levels for people of a segment; the first that fits, else the scenario's own."
    )
    output_types: tuple[Literal["product", "content"], ...] = Field(
        default=(), max_length=1, description="The one type of item that the list holds; left out, both."
    )
    filters: tuple[Filter, ...] = Field(default=(), description="What takes a candidate off the list, in order.")
    page: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
        description="Page group: no item stands in two of its lists.",
    )
    page_priority: int = Field(
        default=100, ge=1, le=999, description="Which list of the page is filled first: 1 before 2; then file order."
    )
    bought_days: int = Field(default=365, ge=1, description="How long 'bought' looks back, days.")
    viewed_days: int = Field(default=365, ge=1, description="How long 'viewed' looks back, days.")
    cart_days: int = Field(
        default=7, ge=1, le=90, description="How long a cart counts as open after its last change, days."
    )
    is_own_history: bool = Field(default=False, description="Shows a person what they bought, such as 'buy again'.")
    exploration: Exploration | None = Field(default=None, description="Left out: nothing is explored.")
    allocation: Allocation | None = Field(default=None, description="Left out: stock is not shared out among people.")
    time_slots: TimeSlots | None = Field(default=None, description="Left out: the same lists all day.")
    gate: GateLimits = Field(default=GateLimits(), description="Limits of the gate before publication.")

    @model_validator(mode="before")
    @classmethod
    def _one_type_is_a_filter(cls, given: Any) -> Any:
        """``output_types`` says with a better word what the filters 'content' and 'products' do."""
        types = given.get("output_types") if isinstance(given, dict) else None
        filters = given.get("filters", ()) if isinstance(given, dict) else ()
        if not isinstance(types, list | tuple) or len(types) != 1 or not isinstance(filters, list | tuple):
            return given
        off = {"product": Filter.CONTENT, "content": Filter.PRODUCTS}.get(types[0])
        return given if off is None or off in filters else {**given, "filters": (*filters, off)}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for used in (*(source.strategy for source in self.sources), *self.filters):
            legal = NEEDS_SUBJECT.get(used)
            if legal and self.subject not in legal:
                msg = f"'{used}' needs subject {' or '.join(sorted(legal))}, not {self.subject}"
                raise ValueError(msg)
        stated: dict[str, Sequence[str]] = {
            "level": [" + ".join(part.words for part in level.parts) for level in self.levels],
            "filter": self.filters,
            "site": self.sites,
            "time slot": self.time_slots.slots if self.time_slots else (),
            "segment": [choice.segment for choice in self.by_segment],
        }
        for kind, words in stated.items():
            if (twice := first_twice(words)) is not None:
                msg = f"{kind} '{twice}' stands twice in scenario '{self.id}'"
                raise ValueError(msg)
        faults = {
            "a scenario of a person's own history cannot filter 'bought'; take one of the two out": (
                self.is_own_history and Filter.BOUGHT in self.filters
            ),
            "'bought_before' offers what the filter 'bought' takes off; take one of the two out": (
                Filter.BOUGHT in self.filters and any(s.strategy is Strategy.BOUGHT_BEFORE for s in self.sources)
            ),
            "'viewed_before' offers what the filter 'viewed' takes off; take one of the two out": (
                Filter.VIEWED in self.filters and any(s.strategy is Strategy.VIEWED_BEFORE for s in self.sources)
            ),
            "the filters 'content' and 'products' together leave nothing": (
                {Filter.CONTENT, Filter.PRODUCTS} <= set(self.filters)
            ),
            "only lists for people and their carts can be chosen by segment": bool(
                self.by_segment and self.subject not in (Subject.PERSON, Subject.CART)
            ),
            "a scenario made for each time slot cannot belong to a page: its lists stand in for one another": bool(
                self.page and self.time_slots
            ),
            f"'allocation' shares stock out among people; it needs subject person, not {self.subject}": bool(
                self.allocation and self.subject is not Subject.PERSON
            ),
            "'allocation' and 'exploration' cannot stand in one scenario; take one of the two out": bool(
                self.allocation and self.exploration
            ),
            "'allocation' and 'time_slots' cannot stand in one scenario; take one of the two out": bool(
                self.allocation and self.time_slots
            ),
            "a scenario with 'allocation' cannot belong to a page: its lists are cut when all of them are made": bool(
                self.allocation and self.page
            ),
        }
        for msg, is_so in faults.items():
            if is_so:
                raise ValueError(msg)
        if self.exploration and self.exploration.first_slots_kept >= self.size:
            msg = f"first_slots_kept ({self.exploration.first_slots_kept}) leaves no slot of {self.size} to explore"
            raise ValueError(msg)
        return self

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every source that any list of the scenario may ask."""
        levels = (*self.levels, *(level for choice in self.by_segment for level in choice.levels))
        return tuple(part for level in levels for part in level.parts)

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


class Scenarios(ConfigPart):
    """The whole of ``config/scenarios.yml``, and the rules of ``config/merchandising.yml`` that stand over it."""

    popularity: Popularity = Popularity()
    publish: Publication = Publication()
    scenarios: tuple[Scenario, ...] = Field(min_length=1)
    _merchandising: Merchandising = PrivateAttr(default=Merchandising())

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if (twice := first_twice([scenario.id for scenario in self.scenarios])) is not None:
            msg = f"scenario '{twice}' stands twice"
            raise ValueError(msg)
        pages: dict[str, Scenario] = {}
        for scenario in self.scenarios:
            first = pages.setdefault(scenario.page, scenario) if scenario.page else scenario
            if first.subject is not scenario.subject:
                msg = (
                    f"page '{scenario.page}' has lists for {first.subject} ('{first.id}') and {scenario.subject} "
                    f"('{scenario.id}'); the lists of a page are all for one kind"
                )
                raise ValueError(msg)
        return self

    @property
    def merchandising(self) -> Merchandising:
        """The rules over all scenarios; none unless ``under`` gave some."""
        return self._merchandising

    def under(self, rules: Merchandising) -> "Scenarios":
        """The same scenarios under these rules."""
        copy = self.model_copy()
        copy._merchandising = rules  # noqa: SLF001  (our own, of the copy)
        return copy

    def __getitem__(self, scenario_id: str) -> Scenario:
        return next(s for s in self.scenarios if s.id == scenario_id)


def read_scenarios(config_dir: Path) -> Scenarios:
    """Read ``scenarios.yml`` and ``merchandising.yml``, and hold the names in them against one another.

    Raises:
        ConfigError: a file does not fit, or names a site or scenario that is not there.
    """
    scenarios = read_config(config_dir / "scenarios.yml", Scenarios)
    rules = read_merchandising(config_dir)
    known = {site.id for site in read_config(config_dir / "sites.yml", Sites).sites}
    for number, scenario in enumerate(scenarios.scenarios):
        for place, site in enumerate(scenario.sites):
            if site not in known:
                words = f"scenario '{scenario.id}' names site '{site}', not in sites.yml{nearest(site, known)}"
                raise error_at(config_dir / "scenarios.yml", ("scenarios", number, "sites", place), words)
    expanded = [one.model_dump() for scenario in _with_choices(scenarios.scenarios) for one in scenario.by_time_slot()]
    try:
        whole = Scenarios.model_validate(scenarios.model_dump() | {"scenarios": expanded})
    except ValidationError as error:
        msg = f"scenarios.yml: once more per time slot: {error.errors()[0]['msg'].rstrip('.').lower()}."
        raise ConfigError(msg) from error
    check_names(rules, scenarios={scenario.id for scenario in whole.scenarios}, sites=known)
    _check_rules(rules, whole.scenarios)
    return whole.under(rules)


def _with_choices(scenarios: tuple[Scenario, ...]) -> Iterator[Scenario]:
    """The scenarios, those that a choice names put in by their levels.

    Raises:
        ConfigError: a named one is not there, or its levels ask for another subject.
    """
    by_id = {scenario.id: scenario for scenario in scenarios}
    for scenario in scenarios:
        choices = []
        for choice in scenario.by_segment:
            if choice.scenario is None:
                choices.append(choice)
                continue
            named = f"scenarios.yml: scenario '{scenario.id}', segment '{choice.segment}': scenario '{choice.scenario}'"
            if choice.scenario not in by_id:
                msg = f"{named} is not there{nearest(choice.scenario, by_id)}."
                raise ConfigError(msg)
            other = by_id[choice.scenario]
            if other.subject is not scenario.subject:
                msg = f"{named} is for {other.subject}, not for {scenario.subject}."
                raise ConfigError(msg)
            choices.append(SegmentChoice(segment=choice.segment, levels=other.levels))
        yield scenario.model_copy(update={"by_segment": tuple(choices)}) if choices else scenario


def _check_rules(rules: Merchandising, scenarios: tuple[Scenario, ...]) -> None:
    """No item is pinned beyond the end of a list that the rule names, and nothing rests in lists of no person.

    Raises:
        ConfigError: one is.
    """
    for rule in rules.rules:
        for scenario in scenarios:
            if rule.kind == "repeat" and scenario.id in rule.scenarios and scenario.subject is not Subject.PERSON:
                msg = (
                    f"merchandising.yml: rule '{rule.id}' is about what a person has seen, and the lists of "
                    f"'{scenario.id}' are for {scenario.subject}."
                )
                raise ConfigError(msg)
            if rule.kind == "pin" and scenario.id in rule.scenarios and rule.position > scenario.size:
                msg = (
                    f"merchandising.yml: rule '{rule.id}' pins to position {rule.position}, and '{scenario.id}' has "
                    f"{scenario.size} slots."
                )
                raise ConfigError(msg)
