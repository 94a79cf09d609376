"""What people did, as a rule may ask it: which event, how often, within how long, of what.

Add an event, a total or a filter here and where it stands in ``behaviour_sql.py``. Keep SQL out.
"""

# ruff: noqa: EM101  (a sentence beside the fault it names is easier to read than a variable)

from datetime import date
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, StrictFloat, StrictInt, StrictStr, model_validator
from pydantic_core import PydanticCustomError

from perso_pipeline.contracts.config_files import ConfigPart
from perso_pipeline.contracts.errors import nearest
from perso_pipeline.profiles.contract import DEVICE_TYPES

ITEM_EVENTS = (
    "product_view", "add_to_cart", "remove_from_cart", "add_to_wish_list", "remove_from_wish_list",
    "content_consumed", "rating", "owns", "block_item",
)  # fmt: skip
VISIT_EVENTS = ("visit",)
ORDER_EVENTS = ("order", "purchase")
EVENTS = (*ITEM_EVENTS, *VISIT_EVENTS, *ORDER_EVENTS)
"""Words for ``event``: of interactions.interactions, of interactions.sessions, of the order ledger."""

VISIT_TOTALS = ("visit_seconds", "searches")
ORDER_TOTALS = ("units", "gross_revenue", "net_revenue", "refunded_revenue")
TOTALS = (*ORDER_TOTALS, *VISIT_TOTALS)
"""Words for ``total``."""

_OF_ITEMS = ("category", "brand", "item", "price_at_least", "price_at_most")


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Words = Annotated[
    tuple[Annotated[StrictStr, Field(min_length=1)], ...],
    BeforeValidator(_as_tuple, json_schema_input_type=str | list[str]),
    Field(min_length=1),
]
Number = StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)]
Price = Annotated[StrictInt, Field(ge=0)] | Annotated[StrictFloat, Field(ge=0, allow_inf_nan=False)]


class Filter(ConfigPart):
    """Of what, where and when; several filters hold together, several words of one are alternatives."""

    within_days: StrictInt | None = Field(
        default=None, ge=1, le=36500, description="Only the last so many days, the night's own included."
    )
    since: date | None = Field(default=None, description="Only from this day on.")
    category: Words | None = Field(default=None, description="Category path, sub-categories included: home/kitchen.")
    brand: Words | None = Field(default=None, description="Brand of the item.")
    item: Words | None = Field(default=None, description="Item id.")
    price_at_least: Price | None = Field(
        default=None, description="Price of one piece: of the row, else of the catalogue on the night."
    )
    price_at_most: Price | None = Field(default=None, description="Price of one piece, this included.")
    channel: Words | None = Field(default=None, description="Channel of the visit, of an order that of its checkout.")
    device: Words | None = Field(
        default=None,
        description=f"Device type of the visit: {', '.join(DEVICE_TYPES)}.",
        json_schema_extra={"anyOf": [{"enum": list(DEVICE_TYPES)}, {"items": {"enum": list(DEVICE_TYPES)}}]},
    )
    site: Words | None = Field(
        default=None, description="What the person did on these sites counts, not what was done on the profile's own."
    )

    @property
    def needs_item(self) -> bool:
        """Whether the catalogue must be asked."""
        return any(getattr(self, name) is not None for name in _OF_ITEMS)

    @property
    def needs_visit(self) -> bool:
        """Whether the visit must be asked."""
        return self.channel is not None or self.device is not None

    def first_day(self, night: date) -> date | None:
        """The earliest day that counts, both windows together; None for all time."""
        window = date.fromordinal(night.toordinal() - self.within_days + 1) if self.within_days else None
        days = [day for day in (window, self.since) if day is not None]
        return max(days) if days else None

    def _check_filters(self, word: str, *, of_visits: bool, of_orders: bool) -> None:
        for name in _OF_ITEMS if of_visits else ("device",) if of_orders else ():
            if getattr(self, name) is not None:
                raise fault("'{word}' has no {name}; leave the filter out", word=word, name=name)
        for device in self.device or ():
            check_word("device", device, DEVICE_TYPES)
        low, high = self.price_at_least, self.price_at_most
        if low is not None and high is not None and low > high:
            raise fault("price_at_least {low} is above price_at_most {high}", low=str(low), high=str(high))


class DidNot(Filter):
    """An event that did not happen."""

    event: str = Field(description="What was not done.", json_schema_extra={"enum": list(EVENTS)})

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        check_word("event", self.event, EVENTS)
        self._check_filters(self.event, of_visits=self.event in VISIT_EVENTS, of_orders=self.event in ORDER_EVENTS)
        return self


class Did(DidNot):
    """An event that happened so often; at least once where nothing is said."""

    event: str = Field(description="What was done.", json_schema_extra={"enum": list(EVENTS)})
    at_least: StrictInt | None = Field(default=None, ge=0, description="So many times or more.")
    at_most: StrictInt | None = Field(default=None, ge=0, description="So many times or fewer, never included.")
    between: tuple[StrictInt, StrictInt] | None = Field(default=None, description="[least, most], both included.")

    @model_validator(mode="after")
    def _one_count(self) -> Self:
        check_bounds(self.at_least, self.at_most, self.between, needed=False)
        return self


class Has(Filter):
    """A sum over what was bought or over visits; 0 where there is nothing to add."""

    total: str = Field(description="What is added up.", json_schema_extra={"enum": list(TOTALS)})
    at_least: Number | None = Field(default=None, description="This much or more.")
    at_most: Number | None = Field(default=None, description="This much or less.")
    between: tuple[Number, Number] | None = Field(default=None, description="[least, most], both included.")

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        check_word("total", self.total, TOTALS)
        self._check_filters(self.total, of_visits=self.total in VISIT_TOTALS, of_orders=self.total in ORDER_TOTALS)
        check_bounds(self.at_least, self.at_most, self.between, needed=True)
        return self


def bounds(rule: Did | Has) -> tuple[Decimal | None, Decimal | None]:
    """Least and most, both included."""
    low, high = rule.between or (rule.at_least, rule.at_most)
    if isinstance(rule, Did) and low is None and high is None:
        low = 1
    return (None if low is None else Decimal(repr(low)), None if high is None else Decimal(repr(high)))


def check_word(key: str, word: str, words: tuple[str, ...]) -> None:
    """Refuse a word that is none of ``words``, with the nearest one."""
    if word not in words:
        hint = nearest(word, words) or f" (one of {', '.join(words)})"
        raise fault("there is no {key} '{word}'{hint}", key=key, word=word, hint=hint)


def check_bounds(low: float | None, high: float | None, between: tuple[float, float] | None, *, needed: bool) -> None:
    """Refuse bounds that contradict each other, and none at all where ``needed``."""
    if between is not None and (low is not None or high is not None):
        raise fault("'between' stands alone, without at_least and at_most")
    least, most = between or (low, high)
    if needed and least is None and most is None:
        raise fault("say how much with at_least, at_most or between")
    if least is not None and most is not None and least > most:
        raise fault("the least, {least}, is above the most, {most}", least=str(least), most=str(most))


def fault(message: str, **values: str) -> PydanticCustomError:
    """An error whose text reads as a sentence after file, line and key; ``at`` is the way to it from there ('1.id')."""
    return PydanticCustomError("rule", message, values)
