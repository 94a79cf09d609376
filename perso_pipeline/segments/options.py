"""What an owner may set about the segments that the pipeline makes itself; every value has a default.

Add an option here when an owner needs it. Keep rules of segments out.
"""

# ruff: noqa: EM101  (a sentence beside the fault it names is easier to read than a variable)

from typing import Self

from pydantic import Field, field_validator, model_validator

from perso_pipeline.contracts.config_files import ConfigPart, first_twice
from perso_pipeline.contracts.errors import nearest
from perso_pipeline.profiles.contract import CUSTOMER_ATTRIBUTES, Kind
from perso_pipeline.segments.behaviour import fault

_GROUPING = tuple(name for name, kind in CUSTOMER_ATTRIBUTES.items() if kind in (Kind.TEXT, Kind.FLAG))


class Shares(ConfigPart):
    """The best and the second part of a ranking; the rest is third."""

    first: float = Field(default=0.1, gt=0, lt=1, description="Share of people in the best part.")
    second: float = Field(default=0.3, gt=0, lt=1, description="Share of people in the part below it.")

    @model_validator(mode="after")
    def _leave_a_rest(self) -> Self:
        if self.first + self.second >= 1:
            raise fault("first and second leave nobody for the third part; make them smaller")
        return self


class ClusterOptions(ConfigPart):
    """How people are clustered."""

    least: int = Field(default=3, ge=2, le=20, description="Fewest clusters that are tried.")
    most: int = Field(default=8, ge=2, le=20, description="Most clusters that are tried.")
    least_people: int = Field(default=200, ge=50, description="With fewer people there are no clusters.")
    seed: int = Field(default=7, ge=0)

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.least > self.most:
            raise fault("least {least} is above most {most}", least=str(self.least), most=str(self.most))
        return self


class DiscoveryOptions(ConfigPart):
    """How segments are looked for that convert or spend unlike the others."""

    attributes: tuple[str, ...] = Field(
        default=("main_device", "main_channel", "country", "loyalty_tier", "has_email_consent", "preferred_category"),
        min_length=1,
        max_length=12,
        description="Attributes of which up to three are combined.",
        json_schema_extra={"items": {"type": "string", "enum": list(_GROUPING)}},
    )
    window_days: int = Field(default=28, ge=1, le=366, description="Who was seen within so many days is looked at.")
    most_people: int = Field(
        default=100_000, ge=1000, description="Of more people of a site so many are drawn, the same ones every night."
    )
    least_people: int = Field(default=100, ge=20, description="Fewest people of a combination, in either half.")
    most_values: int = Field(default=12, ge=2, le=50, description="Values of an attribute; rarer ones are left out.")
    false_share: float = Field(default=0.05, gt=0, le=0.5, description="Bound of the share of false discoveries.")

    @field_validator("attributes")
    @classmethod
    def _group_people(cls, attributes: tuple[str, ...]) -> tuple[str, ...]:
        for word in attributes:
            if word not in _GROUPING:
                raise fault(
                    "'{word}' is no attribute that groups people{hint}", word=word, hint=nearest(word, _GROUPING)
                )
        if (twice := first_twice(attributes)) is not None:
            raise fault("'{word}' stands twice in the list", word=twice)
        return attributes
