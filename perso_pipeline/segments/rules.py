"""``config/segments.yml``: what a rule may say, and a clear sentence for what it may not.

Add an operator here and in ``compiler.py``. Keep SQL out; attributes come from the profiles' contract.
"""

# ruff: noqa: EM101  (a sentence beside the fault it names is easier to read than a variable)

import math
from datetime import date
from enum import Enum
from typing import Any, Self

from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    field_validator,
    model_validator,
)

from perso_pipeline.contracts.config_files import ConfigPart
from perso_pipeline.contracts.errors import nearest
from perso_pipeline.profiles.contract import Kind
from perso_pipeline.segments.behaviour import Did, DidNot, Has, fault
from perso_pipeline.segments.contract import ATTRIBUTES, WORDS
from perso_pipeline.segments.options import ClusterOptions, DiscoveryOptions, Shares
from perso_pipeline.segments.taste import HasAffinity

Scalar = StrictBool | StrictInt | StrictFloat | date | StrictStr

EVERYONE_ELSE = "everyone-else"
"""Primary segment of people whom no rule matches; no segment may be called so."""

UNKNOWN = "unknown"
"""Segment of revenue that belongs to nobody known; no segment may be called so."""


class Operator(Enum):
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


ORDERED = {Operator.AT_LEAST, Operator.AT_MOST, Operator.MORE_THAN, Operator.LESS_THAN, Operator.BETWEEN}
_NAMING = [operator.value for operator in (Operator.IS, Operator.IS_NOT, Operator.IN)]
WITHOUT_VALUE = {Operator.IS_KNOWN, Operator.IS_UNKNOWN}

_PYTHON_TYPES: dict[Kind, tuple[type, ...]] = {
    Kind.TEXT: (str,),
    Kind.NUMBER: (int, float),
    Kind.DATE: (date,),
    Kind.FLAG: (bool,),
}


def _words_of_attributes(schema: dict[str, Any]) -> None:
    """Let an editor complete the value of an attribute that holds one of a few words."""
    schema["allOf"] = [
        {
            "if": {
                "properties": {"attribute": {"const": attribute}, "op": {"enum": _NAMING}},
                "required": ["attribute", "op"],
            },
            "then": {"properties": {"value": {"anyOf": [{"enum": list(words)}, {"items": {"enum": list(words)}}]}}},
        }
        for attribute, words in WORDS.items()
    ]


class Rule(ConfigPart):
    """One condition (attribute, op, value), one of did, did_not, has, has_affinity, or one of all, any, not over rules.

    A condition on an attribute that is unknown does not hold, except ``is_unknown`` and ``is_not``.
    """

    model_config = ConfigDict(json_schema_extra=_words_of_attributes)

    all: tuple["Rule", ...] | None = Field(default=None, min_length=1, description="Every one of these holds.")
    any: tuple["Rule", ...] | None = Field(default=None, min_length=1, description="At least one of these holds.")
    none_of: "Rule | None" = Field(default=None, alias="not", description="This does not hold.")
    did: Did | None = Field(default=None, description="An event that happened so often.")
    did_not: DidNot | None = Field(default=None, description="An event that did not happen.")
    has: Has | None = Field(default=None, description="A sum over orders or visits that is so high.")
    has_affinity: HasAffinity | None = Field(default=None, description="A value that draws the person.")
    attribute: str | None = Field(
        default=None,
        description="Column of profiles.customer_profiles or of another table of attributes.",
        json_schema_extra={"enum": list(ATTRIBUTES)},
    )
    op: str | None = Field(
        default=None, description="Comparison.", json_schema_extra={"enum": [operator.value for operator in Operator]}
    )
    value: Scalar | tuple[Scalar, ...] | None = Field(
        default=None, description="What to compare with: a list for in, [low, high] for between, nothing for is_known."
    )

    @field_validator("attribute")
    @classmethod
    def _attribute_exists(cls, attribute: str | None) -> str | None:
        if attribute is not None and attribute not in ATTRIBUTES:
            raise fault(
                "a profile has no attribute '{word}'{hint}",
                word=attribute,
                hint=nearest(attribute, ATTRIBUTES),
            )
        return attribute

    @field_validator("op")
    @classmethod
    def _operator_exists(cls, op: str | None) -> str | None:
        words = [operator.value for operator in Operator]
        if op is not None and op not in words:
            hint = nearest(op, words) or f" (one of {', '.join(words)})"
            raise fault("there is no comparison '{word}'{hint}", word=op, hint=hint)
        return op

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        alone = {
            "all": self.all, "any": self.any, "not": self.none_of, "did": self.did, "did_not": self.did_not,
            "has": self.has, "has_affinity": self.has_affinity,
        }  # fmt: skip
        groups = [name for name, given in alone.items() if given is not None]
        if self.attribute is None and self.op is None and self.value is None:
            if len(groups) == 1:
                return self
            raise fault(
                "a rule is one of all, any, not, did, did_not, has, has_affinity, or a condition with attribute and op"
            )
        if groups:
            raise fault("'{group}' stands alone, put the condition inside it", group=groups[0])
        if self.attribute is None or self.op is None:
            raise fault("the condition lacks '{missing}'", missing="attribute" if self.attribute is None else "op")
        _check_value(self.attribute, Operator(self.op), self.value)
        return self


def _check_value(attribute: str, operator: Operator, value: Scalar | tuple[Scalar, ...] | None) -> None:
    kind, op = ATTRIBUTES[attribute], operator.value
    if operator in WITHOUT_VALUE:
        if value is not None:
            raise fault("'{op}' takes no value", op=op)
        return
    if operator in ORDERED and kind not in (Kind.NUMBER, Kind.DATE):
        raise fault("'{op}' compares numbers and dates, and '{name}' is {kind}", op=op, name=attribute, kind=kind.value)
    expected = {Operator.IN: "a list of values", Operator.BETWEEN: "[low, high]"}.get(operator, "one value")
    if value is None or isinstance(value, tuple) is (expected == "one value") or value == ():
        raise fault("'{op}' takes {expected}", op=op, expected=expected)
    values = value if isinstance(value, tuple) else (value,)
    for one in values:
        if not _fits(one, kind):
            raise fault("'{name}' is {kind}, not '{value}'", name=attribute, kind=kind.value, value=str(one))
        words = WORDS.get(attribute, ())
        if words and one not in words:
            hint = nearest(str(one), words) or f" (one of {', '.join(words)})"
            raise fault("'{name}' is never '{value}'{hint}", name=attribute, value=str(one), hint=hint)
    if operator is Operator.BETWEEN and not (len(values) == 2 and values[0] <= values[1]):  # type: ignore[operator]
        raise fault("'{op}' takes {expected}", op=op, expected=expected)


def _fits(value: Scalar, kind: Kind) -> bool:
    if isinstance(value, bool) and kind is not Kind.FLAG:
        return False  # Python counts True as 1
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return isinstance(value, _PYTHON_TYPES[kind])


class Origin(Enum):
    """Who made a segment; ``value`` is the word in the catalogue."""

    CONFIG = "config"
    TIER = "tier"
    CLUSTER = "cluster"
    BAND = "band"


RESERVED_PREFIXES = {Origin.TIER: "tier-", Origin.CLUSTER: "cluster-", Origin.BAND: "band-"}
"""How ids of segments begin that the pipeline makes itself; a config may not use them."""


class Segment(ConfigPart):
    """A named group of people."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Key of the segment in all tables.")
    name: str = Field(min_length=1, description="Name shown in reports.")
    description: str = Field(min_length=1, description="Who is meant, for people who do not read rules.")
    rule: Rule = Field(description="Who belongs.")
    _origin: Origin = PrivateAttr(default=Origin.CONFIG)

    @property
    def origin(self) -> Origin:
        """Who made the segment."""
        return self._origin

    @classmethod
    def made(cls, origin: Origin, *, name: str, description: str, suffix: str, rule: Rule) -> "Segment":
        """A segment of the pipeline's own, with the prefix of its origin."""
        segment = cls(id=RESERVED_PREFIXES[origin] + suffix, name=name, description=description, rule=rule)
        segment._origin = origin
        return segment


class Segments(ConfigPart):
    """The whole of ``config/segments.yml``; the first segment that matches is a person's primary segment."""

    model_config = ConfigDict(title="config/segments.yml")

    segments: tuple[Segment, ...] = Field(min_length=1)
    value_tiers: Shares = Field(default=Shares(), description="Gold and silver by net revenue; the rest is bronze.")
    clusters: ClusterOptions = Field(default=ClusterOptions())
    discovery: DiscoveryOptions = Field(default=DiscoveryOptions())

    @field_validator("segments")
    @classmethod
    def _ids_differ(cls, segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
        seen = {EVERYONE_ELSE, UNKNOWN}
        for place, segment in enumerate(segments):
            at = f"{place}.id"
            if segment.id in seen:
                raise fault("the id '{id}' is taken; give each segment its own", id=segment.id, at=at)
            if segment.id.startswith(tuple(RESERVED_PREFIXES.values())):
                words = ", ".join(f"'{prefix}'" for prefix in RESERVED_PREFIXES.values())
                raise fault("an id may not begin with {words}: the pipeline's own segments do", words=words, at=at)
            seen.add(segment.id)
        return segments
