"""What a merchandising rule may say of an item: by itself, or against the item or person a list is made for.

The words and their checks. ``composition.rules`` holds them against arrays; which rules there are is
``merchandising``'s. Add an attribute to ``ITEM_ATTRIBUTES`` and nowhere else; what a shop's catalogue says in its own
words is asked as ``attributes.<name>``.
"""

# ruff: noqa: EM101, EM102  (a sentence beside the fault it names is easier to read than a variable)

import math
import re
from datetime import date
from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from perso_pipeline.contracts.config_files import ConfigPart
from perso_pipeline.contracts.errors import nearest

Scalar = StrictBool | StrictInt | StrictFloat | date | StrictStr


class Kind(StrEnum):
    """How values of an attribute compare."""

    TEXT = "a text"
    NUMBER = "a number"
    FLAG = "true or false"


# attribute -> how it compares, and what it is in profiles.item_profiles
ITEM_ATTRIBUTES: dict[str, tuple[Kind, str]] = {
    "item": (Kind.TEXT, "item_id"),
    "item_type": (Kind.TEXT, "item_type"),
    "name": (Kind.TEXT, "name"),
    "category": (Kind.TEXT, "category_path"),
    "brand": (Kind.TEXT, "brand"),
    "parent": (Kind.TEXT, "parent_item_id"),
    "price": (Kind.NUMBER, "price"),
    "price_band": (Kind.TEXT, "price_band"),
    "price_change": (Kind.NUMBER, "price_change"),
    "margin_rate": (Kind.NUMBER, "margin_rate"),
    "margin_band": (Kind.TEXT, "margin_band"),
    "age_days": (Kind.NUMBER, "($night::date - first_seen_date)"),
    "stock": (Kind.NUMBER, "stock"),
    "days_of_stock": (Kind.NUMBER, "days_of_stock"),
    "return_rate": (Kind.NUMBER, "return_rate"),
    "views_28d": (Kind.NUMBER, "views_28d"),
    "cart_adds_28d": (Kind.NUMBER, "cart_adds_28d"),
    "purchases_28d": (Kind.NUMBER, "purchases_28d"),
    "units_28d": (Kind.NUMBER, "units_28d"),
    "velocity": (Kind.TEXT, "velocity"),
    "is_new": (Kind.FLAG, "is_new"),
    "is_trending": (Kind.FLAG, "is_trending"),
    "is_seasonal": (Kind.FLAG, "is_seasonal"),
    "has_high_returns": (Kind.FLAG, "has_high_returns"),
}
_OWN_WORDS = re.compile(r"attributes((?:\.[\w -]+)+)")
OF_A_PERSON = ("category", "brand", "price_band")  # what a person has a favourite of


class Comparison(StrEnum):
    """How an attribute is compared."""

    IS = "is"
    IS_NOT = "is_not"
    IN = "in"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    MORE_THAN = "more_than"
    LESS_THAN = "less_than"
    BETWEEN = "between"
    IS_KNOWN = "is_known"
    IS_UNKNOWN = "is_unknown"


_BY_SIZE = (
    Comparison.AT_LEAST,
    Comparison.AT_MOST,
    Comparison.MORE_THAN,
    Comparison.LESS_THAN,
    Comparison.BETWEEN,
)
_WITHOUT_VALUE = (Comparison.IS_KNOWN, Comparison.IS_UNKNOWN)
_OF_NOTHING = (Comparison.IN, *_WITHOUT_VALUE)  # comparisons that have no meaning against another item or person


class Condition(ConfigPart):
    """One statement about an item; unknown values do not hold, except with ``is_not`` and ``is_unknown``."""

    attribute: str = Field(
        description="What of the item is asked; attributes.<name> is one of the catalogue's own, with a further dot "
        "what lies within it.",
        json_schema_extra={"anyOf": [{"enum": list(ITEM_ATTRIBUTES)}, {"pattern": f"^{_OWN_WORDS.pattern}$"}]},
    )
    op: Comparison = Field(description="Comparison.")
    value: Scalar | tuple[Scalar, ...] | None = Field(
        default=None,
        description="What to compare with: a list for in, [low, high] for between. Against another item: its price "
        "in percent.",
    )
    of: Literal["context", "person"] | None = Field(
        default=None,
        description="Compare with the item, cart or category that the list is for, or with the person's favourite.",
    )
    levels: int | None = Field(
        default=None, ge=1, le=9, description="Of a category: only so many upper levels; left out, all of them."
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.attribute not in ITEM_ATTRIBUTES and self.path is None:
            hint = nearest(self.attribute, ITEM_ATTRIBUTES) or " (the catalogue's own are attributes.<name>)"
            raise ValueError(f"an item has no attribute '{self.attribute}'{hint}")
        if self.levels is not None and (self.attribute != "category" or self.of is None):
            raise ValueError("'levels' counts those of a category that is compared with 'of'")
        if self.of is None:
            _check_value(self.attribute, self.kind, self.op, self.value)
        else:
            self._check_relative()
        return self

    @property
    def path(self) -> str | None:
        """JSON path of one of the catalogue's own attributes; None for any other."""
        own = _OWN_WORDS.fullmatch(self.attribute)
        return "$" + "".join(f'."{name}"' for name in own[1].split(".")[1:]) if own else None

    @property
    def kind(self) -> Kind:
        """How the attribute compares; one of the catalogue's own as what it is compared with."""
        if self.path is None:
            return ITEM_ATTRIBUTES[self.attribute][0]
        if any(isinstance(one, bool) for one in self.values):
            return Kind.FLAG
        has_number = any(isinstance(one, int | float) for one in self.values)
        return Kind.NUMBER if has_number or self.op in _BY_SIZE else Kind.TEXT

    def _check_relative(self) -> None:
        if self.of == "person" and self.attribute not in OF_A_PERSON:
            raise ValueError(f"a person has no favourite {self.attribute}; only {', '.join(OF_A_PERSON)}")
        if self.path is not None:
            raise ValueError(f"'{self.attribute}' is compared with values only, not with another's")
        kind = self.kind
        if self.op in _OF_NOTHING or (kind is Kind.NUMBER) is not (self.op in _BY_SIZE):
            words = _BY_SIZE if kind is Kind.NUMBER else (Comparison.IS, Comparison.IS_NOT)
            raise ValueError(f"'{self.attribute}' of another is compared with {', '.join(words)}, not '{self.op}'")
        if kind is not Kind.NUMBER:
            if self.value is not None:
                raise ValueError(f"'{self.op}' with 'of' takes no value")
            return
        if self.attribute != "price":
            raise ValueError(f"of numbers only the price is compared with another item's, not '{self.attribute}'")
        _check_value(self.attribute, kind, self.op, self.value)
        percents = self.value if isinstance(self.value, tuple) else (self.value,)
        if any(isinstance(one, int | float) and one < 0 for one in percents):
            raise ValueError("percents of a price are not below 0")

    @property
    def values(self) -> tuple[Scalar, ...]:
        """The value, or all of them."""
        if self.value is None:
            return ()
        return self.value if isinstance(self.value, tuple) else (self.value,)


def _check_value(attribute: str, kind: Kind, op: Comparison, value: Scalar | tuple[Scalar, ...] | None) -> None:
    if op in _WITHOUT_VALUE:
        if value is not None:
            raise ValueError(f"'{op}' takes no value")
        return
    if op in _BY_SIZE and kind is not Kind.NUMBER:
        raise ValueError(f"'{op}' compares numbers, and '{attribute}' is {kind}")
    expected = {Comparison.IN: "a list of values", Comparison.BETWEEN: "[low, high]"}.get(op, "one value")
    if value is None or isinstance(value, tuple) is (expected == "one value") or value == ():
        raise ValueError(f"'{op}' takes {expected}")
    values = value if isinstance(value, tuple) else (value,)
    for one in values:
        if not _fits(one, kind):
            raise ValueError(f"'{attribute}' is {kind}, not '{one}'")
    if op is Comparison.BETWEEN and not (len(values) == 2 and values[0] <= values[1]):  # type: ignore[operator]
        raise ValueError(f"'{op}' takes {expected}")


def _fits(value: Scalar, kind: Kind) -> bool:
    if isinstance(value, bool) or kind is Kind.FLAG:
        return isinstance(value, bool) and kind is Kind.FLAG
    if kind is Kind.TEXT:
        return isinstance(value, str)
    return isinstance(value, int | float) and math.isfinite(value)
