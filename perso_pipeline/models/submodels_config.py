"""The blocks ``submodels`` and ``cold_start`` of ``config/models.yml``.

Which groups a site's data is cut into, and what counts as new. The cutting is ``submodels``' business, the choice of
a group for a person or page that of the scenario's levels.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from perso_pipeline.contracts.config_files import ConfigPart, first_twice

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ListName = Literal["popular", "trending"]
CollaborativeName = Literal["item_knn", "rp3beta", "ease", "gf_cf", "bspm", "als", "bpr"]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
RESERVED = frozenset({"main", "cold_start"})


class _Submodel(ConfigPart):
    """What every submodel says."""

    id: Id = Field(description="Name that a scenario's level asks with.")
    lists: tuple[ListName, ...] = Field(default=("popular",), description="Lists for anyone, one per group.")
    personal: CollaborativeName | None = Field(default=None, description="Model of the lists for people, if any.")
    similar: CollaborativeName | None = Field(default=None, description="Model of the lists for items, if any.")
    depth: int = Field(default=50, ge=1, le=1000, description="Length of each list.")
    min_people: int = Field(default=20, ge=1, description="A group that fewer people touched is not trained.")
    when_too_little: Literal["main_model", "nothing"] = Field(
        default="main_model", description="Who answers for a group that is not trained."
    )

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.id in RESERVED:
            msg = f"'{self.id}' names the pipeline's own lists; take another id"
            raise ValueError(msg)
        if not self.lists and self.personal is None and self.similar is None:
            msg = f"submodel '{self.id}' asks for no list; name lists, personal or similar"
            raise ValueError(msg)
        return self


class NumericRange(ConfigPart):
    """From inclusive; to exclusive, but for the last range of a submodel, which holds its end too."""

    id: Id
    at_least: float | None = Field(default=None, description="Null: no lower end (first range only).")
    below: float | None = Field(default=None, description="Null: no upper end (last range only).")


class AttributeSubmodel(_Submodel):
    """Items by what the catalogue says of them: by named groups of values, by ranges, or one group per value."""

    by: Literal["attribute"]
    attribute: str = Field(min_length=1, description="category, brand, price, or any name in the items' attributes.")
    category_level: int = Field(default=1, ge=1, le=9, description="How many levels of the category path count.")
    groups: dict[Id, tuple[str, ...]] | None = Field(default=None, description="Values of each group.")
    ranges: tuple[NumericRange, ...] | None = Field(default=None, description="Ranges of a number, ascending.")
    max_values: int = Field(default=50, ge=1, le=1000, description="One group per value: the most touched so many.")
    unused_days: int = Field(default=5, ge=1, description="One group per value: dropped after so many days unused.")

    @model_validator(mode="after")
    def _groups_are_whole(self) -> Self:
        if self.groups is not None and self.ranges is not None:
            msg = f"submodel '{self.id}' has groups and ranges; keep one of the two"
            raise ValueError(msg)
        if self.groups is not None:
            twice = first_twice([value for values in self.groups.values() for value in values])
            if twice is not None:
                msg = f"value '{twice}' stands twice in the groups of submodel '{self.id}'"
                raise ValueError(msg)
        if self.ranges is not None:
            _check_ranges(self.id, self.ranges)
        return self


class SegmentSubmodel(_Submodel):
    """People by segment; who is in several gets the lists of the first that is named here."""

    by: Literal["segment"]
    segments: tuple[str, ...] = Field(min_length=1, description="Segment ids, in order of precedence.")

    @model_validator(mode="after")
    def _once(self) -> Self:
        twice = first_twice(self.segments)
        if twice is not None:
            msg = f"segment '{twice}' stands twice in submodel '{self.id}'"
            raise ValueError(msg)
        return self


class TimeSlot(ConfigPart):
    """Hours of days in the site's zone; never across midnight."""

    id: Id
    from_hour: int = Field(ge=0, le=23)
    to_hour: int = Field(ge=1, le=24, description="Exclusive.")
    days: tuple[Weekday, ...] = Field(default=WEEKDAYS, min_length=1)

    @model_validator(mode="after")
    def _within_a_day(self) -> Self:
        if self.from_hour >= self.to_hour:
            msg = f"slot '{self.id}' must end after it begins and not cross midnight; make two slots of it"
            raise ValueError(msg)
        return self

    def hours(self) -> set[tuple[Weekday, int]]:
        """The hours of the week that the slot holds."""
        return {(day, hour) for day in self.days for hour in range(self.from_hour, self.to_hour)}


class TimeSlotSubmodel(_Submodel):
    """Events by the hour and weekday they happened in; slots do not overlap."""

    by: Literal["time_slot"]
    slots: tuple[TimeSlot, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _slots_are_apart(self) -> Self:
        taken: dict[tuple[Weekday, int], str] = {}
        for slot in self.slots:
            if slot.id in taken.values():
                msg = f"slot '{slot.id}' stands twice in submodel '{self.id}'"
                raise ValueError(msg)
            for cell in sorted(slot.hours()):
                if cell in taken:
                    msg = f"slots '{taken[cell]}' and '{slot.id}' of submodel '{self.id}' overlap on {cell[0]}"
                    raise ValueError(msg)
            taken |= dict.fromkeys(slot.hours(), slot.id)
        return self


class IntersectionSubmodel(_Submodel):
    """Each group of a submodel met with each of others; what counts in both counts."""

    by: Literal["intersection"]
    of: tuple[Id, ...] = Field(min_length=2, max_length=3, description="Submodels that stand above it.")


Submodel = Annotated[
    AttributeSubmodel | SegmentSubmodel | TimeSlotSubmodel | IntersectionSubmodel, Field(discriminator="by")
]


def check_submodels(submodels: Sequence[Submodel]) -> None:
    """Ids stand once; an intersection is of different submodels above it, one of them by time at most.

    Raises:
        ValueError: they do not fit together.
    """
    twice = first_twice([submodel.id for submodel in submodels])
    if twice is not None:
        msg = f"submodel '{twice}' stands twice"
        raise ValueError(msg)
    above: dict[str, Submodel] = {}
    for submodel in submodels:
        if isinstance(submodel, IntersectionSubmodel):
            _check_intersection(submodel, above)
        above[submodel.id] = submodel


def _check_intersection(submodel: IntersectionSubmodel, above: Mapping[str, Submodel]) -> None:
    said = f"submodel '{submodel.id}' is an intersection"
    for name in submodel.of:
        if name not in above or isinstance(above[name], IntersectionSubmodel):
            msg = f"{said} with '{name}', which is no submodel by attribute, segment or time_slot above it"
            raise ValueError(msg)
    if first_twice(submodel.of) is not None or sum(above[name].by == "time_slot" for name in submodel.of) > 1:
        msg = f"{said} of one with itself, or of two by time_slot; name different ones, one by time_slot at most"
        raise ValueError(msg)


class ColdStartConfig(ConfigPart):
    """Items that behaviour cannot place yet."""

    is_on: bool = Field(description="Off: the catalogue is not read for it, and scenarios cannot explore.")
    min_people: int = Field(ge=1, description="Items that fewer people met count as cold.")
    new_days: int = Field(ge=1, description="Items first offered within so many days count as new.")
    per_item: int = Field(ge=1, description="Items alike in content, given to a cold item.")


def _check_ranges(name: str, ranges: Sequence[NumericRange]) -> None:
    for position, one in enumerate(ranges):
        opens = one.at_least is None and position > 0
        ends = one.below is None and position < len(ranges) - 1
        if opens or ends or (one.at_least is not None and one.below is not None and one.at_least >= one.below):
            msg = f"range '{one.id}' of submodel '{name}' must have a lower end below its upper one"
            raise ValueError(msg)
    for before, after in pairwise(ranges):
        if before.below is not None and after.at_least is not None and after.at_least < before.below:
            msg = f"ranges '{before.id}' and '{after.id}' of submodel '{name}' overlap or stand in the wrong order"
            raise ValueError(msg)
    twice = first_twice([one.id for one in ranges])
    if twice is not None:
        msg = f"range '{twice}' stands twice in submodel '{name}'"
        raise ValueError(msg)
